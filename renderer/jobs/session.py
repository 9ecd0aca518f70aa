"""Opening a run's directory: alone in it, with the settings that it was begun with."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, is_text, no_such_file
from renderer.common.progress import Progress
from renderer.common.value_curves import silence
from renderer.film.film_recipe import film_recipe
from renderer.film.recipe import Direction
from renderer.film.scenes import Scene, scenes_of
from renderer.film.timeline import class_borders, refuse_endless
from renderer.film.times import Times
from renderer.jobs.changes import OF_MACHINE, Agree, describe_differences, disagree, find_changes
from renderer.jobs.curve_checks import refuse_wrong_curves
from renderer.jobs.hearing import sound_of
from renderer.jobs.timing import times_of
from renderer.media.codecs import FILM_SUFFIXES, SEGMENT_SUFFIXES
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.starts.start import StartFile
from renderer.store.cleaning import refuse_foreign, remove_leftovers, remove_remains, remove_run
from renderer.store.held_run import RunRemovedError
from renderer.store.lock import locked, refuse_worked_in
from renderer.store.paths import RunPaths
from renderer.store.run import Run, load_run
from renderer.store.run_file import (
    RunFile,
    begin_run_file,
    current_versions,
    holds_run,
    keep_run_file,
    mend_run_file,
    read_run_file,
)
from renderer.targets.slugs import still_names
from renderer.targets.target import Target

_LOG = logging.getLogger(__name__)


def describe_run(name: str, settings: Settings, targets: Sequence[Target], *, film: bool, chosen: Chosen) -> RunFile:
    """What `run.yaml` is to say of a run that is asked for now, with a film or with stills alone.

    Raises:
        UserError: The settings name a file that is not there or a name that cannot be written down, or ask for a film
            without end.
    """
    refuse_odd_names(name, settings)
    # Stills alone, too, take their settings along into a film's directory.
    direction = direct(settings, targets, film=film)
    decoder = settings.dream.parameterization.identity()
    network, font = settings.network.identity(), _font_digest(settings)
    start = {key: _start_file(path) for key, path in settings.start.files(targets).items()}
    scenes = direction.scenes
    sound = sound_of(settings, scenes.values())
    _check_layer(settings)
    direction = replace(direction, sound=sound)
    recipe = film_recipe(chosen.fill_in(settings), targets, network, start, decoder, direction)
    refuse_wrong_curves(settings, recipe, targets, scenes, sound.opened().at if sound else silence)
    return RunFile(
        name=name,
        film=film,
        fingerprints={"film": recipe.digest},
        network=network,
        start=start,
        decoder=decoder,
        font=font,
        versions=current_versions(),
        settings=_with_absolute_paths(settings),
        chosen=chosen,
        targets=tuple(targets),
        times=direction.times,
        scenes=dict(scenes),
        sound=sound,
    )


@contextmanager
def opened(
    directory: Path,
    wanted: RunFile,
    progress: Progress,
    *,
    restart: bool = False,
    before: Callable[[Run], None] | None = None,
    agree: Agree = disagree,
) -> Iterator[Run]:
    """Hold a run's directory, new or begun, to work in it.

    Args:
        directory: The run's directory.
        wanted: The run that is asked for.
        progress: Is told what else has changed since the run was begun.
        restart: Remove what runs have written there before.
        before: Is done first, before anything is removed or written down; what it raises ends everything.
        agree: Is asked where the run was begun with other settings and something would be dreamed anew.

    Raises:
        UserError: The directory holds other things, another process works in it, or something would be dreamed anew
            and that is not agreed to.
        RunRemovedError: Somebody removed the directory in the meantime.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    with _nothing_left_of_removed(Run(paths, wanted)), locked(paths.lock, needed=not paths.shards()):
        _refuse_shards(paths)
        remove_leftovers(paths)
        if before:
            before(Run(paths, wanted))
        if restart:
            remove_run(paths, FILM_SUFFIXES, SEGMENT_SUFFIXES)
        if holds_run(paths):
            _mend_run_file(paths, progress)
            wanted = _continued(paths, read_run_file(paths.settings), wanted, progress, agree)
        keep_run_file(paths, wanted)
        _log_circumstances(wanted)
        yield Run(paths, wanted)


@contextmanager
def reopened(directory: Path, progress: Progress | None = None) -> Iterator[Run]:
    """Hold the directory of a run that was begun, with its own settings; raises as `opened` does."""
    run = load_run(directory)
    with _nothing_left_of_removed(run), locked(run.paths.lock, needed=not run.paths.shards()):
        _refuse_shards(run.paths)
        remove_leftovers(run.paths)
        _mend_run_file(run.paths, progress)
        yield run


@contextmanager
def opened_shard(directory: Path, wanted: RunFile, shard: str) -> Iterator[Run]:
    """Work in a run's directory beside other processes, each of which computes another shard.

    The first of them makes the run, and it stays as it is; nothing is removed. No lock between machines is needed; the
    shard's own lock keeps processes of one machine apart.

    Args:
        directory: The run's directory.
        wanted: The run that is asked for.
        shard: Name of the shard.

    Raises:
        UserError: The directory holds other things or a run with other settings, or another process works on the whole
            run, on this shard, or on one of another number of shards.
        RunRemovedError: Somebody removed the directory in the meantime.
    """
    paths = RunPaths(directory, shard)
    refuse_foreign(paths)
    with locked(paths.lock, needed=False):
        refuse_worked_in(RunPaths(directory))
        _refuse_shards(paths)
        found = begin_run_file(paths, wanted)
        like_found = wanted.model_copy(update={"chosen": found.chosen})  # on whatever machine it was begun
        if different := describe_differences(Run(paths, found), Run(paths, like_found)):
            raise UserError(
                f"{directory} was begun with other settings:\n{different}Shards take a run as it is: set them back, "
                f"remove the directory, choose another with --output, or use `{'render' if found.film else 'stills'}` "
                "without --shard once, which asks before it dreams anything anew"
            )
        run = found.settings.run.model_copy(update={key: getattr(wanted.settings.run, key) for key in OF_MACHINE})
        found = found.model_copy(update={"settings": found.settings.model_copy(update={"run": run})})
        _log_circumstances(found)
        yield Run(paths, found)


def _refuse_shards(paths: RunPaths) -> None:
    """Refuse to work where a process of this machine is at work on a shard, unless it is one of as many shards.

    Raises:
        UserError: There is one.
    """
    for one in paths.shards():
        if not paths.is_beside(one):
            refuse_worked_in(one)


def direct(settings: Settings, targets: Sequence[Target], *, film: bool) -> Direction:
    """What some targets have of their own, and when their classes begin; what is heard is not looked for.

    Args:
        settings: All settings.
        targets: The selected targets in the order of the film.
        film: Whether a film is made, and what none can be made of is refused.

    Raises:
        UserError: No film can be made of it, or the beats that it is to follow cannot be heard.
    """
    scenes = scenes_of(settings, targets)
    in_order = [scenes.get(target.key, Scene()) for target in targets]
    times = film_times(settings, in_order) if film else times_of(settings, in_order)
    return Direction(times, scenes=scenes)


def film_times(settings: Settings, scenes: Sequence[Scene]) -> Times | None:
    """When the classes of a film begin, as `times_of` tells; refuses what no film can be made of.

    Args:
        settings: All settings.
        scenes: What each target has of its own.

    Raises:
        UserError: No film can be made of it.
    """
    times, targets = times_of(settings, scenes), len(scenes)
    refuse_endless(settings.film, targets, settings.run.segment_seconds, times)
    settings.start.refuse_longer(class_borders(settings.film, targets, times)[-1], settings.film.fps)
    if not settings.dream.parameterization.holds_any:
        raise UserError(
            "dream.parameterization: a film goes on from frame to frame, and no code is known of a frame that the "
            "camera has moved; dream stills of a generator, with `neuron-atlas stills`"
        )
    return times


def refuse_odd_names(name: str, settings: Settings) -> None:
    """Refuse names of files that are no UTF-8, for the file that keeps the settings is text; raises UserError."""
    if not is_text(name):
        raise UserError(f"{name!a}: the name of the configuration is no UTF-8; rename the file")
    named = {"overlay.font": settings.overlay.font, "video.audio": settings.video.audio, **settings.network.files()}
    named |= {"film.curves": settings.film.curves}
    named |= {f"start.{key}": value for key, value in settings.start if isinstance(value, Path)}
    named |= settings.dream.parameterization.files()
    for key, path in named.items():
        if path and not is_text(str(path.absolute())):
            shown = f"{str(path.absolute())!a}"
            raise UserError(f"{key}: the path {shown} is no UTF-8; rename what is not, or move the file")


def _check_layer(settings: Settings) -> None:
    """Refuse a layer to stay near by that the network does not have; it is loaded to tell. Raises UserError."""
    layer = settings.start.held_by
    if layer not in (None, "auto"):
        try:
            settings.network.channels(layer)
        except UserError as error:
            raise UserError(str(error).replace(settings.network.targets.layer_key, "start.keep_layer")) from error


def _start_file(path: Path) -> StartFile:
    try:
        return StartFile(path=path.absolute(), digest=file_digest(path))
    except OSError as error:
        raise UserError(f"start.path: {path} cannot be read ({error.strerror}); name another file") from error


def _font_digest(settings: Settings) -> str | None:
    font = settings.overlay.font
    if font is None:
        return None
    if not is_ordinary_file(font):
        raise UserError(f"overlay.font: {no_such_file(font)}")
    return file_digest(font)


def _with_absolute_paths(settings: Settings) -> Settings:
    """The same settings, but their paths mean the same from every folder."""
    film, overlay, video, dream = settings.film, settings.overlay, settings.video, settings.dream
    parameterization = dream.parameterization.with_absolute_paths()
    return settings.model_copy(
        update={
            "network": settings.network.with_absolute_paths(),
            "film": film.model_copy(update={"curves": film.curves and film.curves.absolute()}),
            "start": settings.start.with_absolute_paths(),
            "dream": dream.model_copy(update={"parameterization": parameterization}),
            "overlay": overlay.model_copy(update={"font": overlay.font and overlay.font.absolute()}),
            "video": video.model_copy(update={"audio": video.audio and video.audio.absolute()}),
        }
    )


def _mend_run_file(paths: RunPaths, progress: Progress | None) -> None:
    problem = mend_run_file(paths)
    if problem and progress:
        progress.note(f"{paths.settings} {problem}; it is written again from its copy")


@contextmanager
def _nothing_left_of_removed(run: Run) -> Iterator[None]:
    """Where somebody removes the directory, let nothing that was written at that moment be in the way later."""
    try:
        yield
    except RunRemovedError:
        with suppress(OSError):
            names = still_names(run.targets, run.settings.stills.variants)
            remove_remains(run.paths, FILM_SUFFIXES, SEGMENT_SUFFIXES, names)
        raise


def _log_circumstances(run: RunFile) -> None:
    """What a log begins with."""
    versions = ", ".join(f"{package} {version}" for package, version in run.versions.items())
    _LOG.info("%s: %d classes; %s", run.name, len(run.targets), versions)
    chosen = run.chosen.describe() if run.chosen else "not recorded"
    _LOG.info("machine: %s, %s cores; the run has %s", platform.platform(), os.cpu_count(), chosen)
    _LOG.info("settings: %s", json.dumps(run.settings.model_dump(mode="json"), ensure_ascii=False))


def _continued(paths: RunPaths, old: RunFile, new: RunFile, progress: Progress, agree: Agree) -> RunFile:
    changes = find_changes(Run(paths, old), Run(paths, new))
    if changes.is_costly:
        text = changes.describe()
        if not agree(text):
            raise UserError(
                f"{text}. Agree with --yes (in Python yes=True), set them back to continue it, choose another "
                "directory with --output, or begin anew with --restart"
            )
        _LOG.info("%s", text)
        changes.accept()
    begun = paths.segment_records() or paths.still_records()
    for package, version in new.versions.items():
        if begun and old.versions.get(package, version) != version:
            progress.note(
                f"warning: the run was begun with {package} {old.versions[package]}, this is {version}; "
                "the rest may differ a little"
            )
    return new.model_copy(update={"film": old.film or new.film})
