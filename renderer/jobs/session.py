"""Opening a run's directory: alone in it, with the settings that it was begun with."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, is_text, no_such_file
from renderer.common.progress import Progress
from renderer.film.recipe import film_recipe, flatten, still_recipe
from renderer.film.timeline import refuse_endless
from renderer.jobs.fresh import fresh_digest
from renderer.media.codecs import FILM_SUFFIXES, SEGMENT_SUFFIXES
from renderer.media.presentation import Presentation, presentation
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.store.cleaning import refuse_foreign, remove_leftovers, remove_remains, remove_run
from renderer.store.held_run import RunRemovedError
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, read_record
from renderer.store.run import Run, known_titles, load_run
from renderer.store.run_file import RunFile, current_versions, holds_run, keep_run_file, mend_run_file, read_run_file
from renderer.targets.slugs import still_names
from renderer.targets.target import Target

_LOG = logging.getLogger(__name__)

Product = Literal["film", "stills"]


def describe_run(name: str, settings: Settings, targets: Sequence[Target], *, film: bool, chosen: Chosen) -> RunFile:
    """What `run.yaml` is to say of a run that is asked for now, with a film or with stills alone.

    Raises:
        UserError: The settings name a file that is not there or a name that cannot be written down, or ask for a film
            without end.
    """
    refuse_odd_names(name, settings)
    if film:
        refuse_endless(settings.film, len(targets), settings.run.segment_seconds)
    network, font = settings.network.identity(), _font_digest(settings)
    return RunFile(
        name=name,
        film=film,
        fingerprints={
            "film": film_recipe(chosen.fill_in(settings), targets, network).digest,
            "presentation": presentation(settings, targets, known_titles(settings, targets, network), font).digest,
        },
        network=network,
        font=font,
        versions=current_versions(),
        settings=_with_absolute_paths(settings),
        chosen=chosen,
        targets=tuple(targets),
    )


@contextmanager
def opened(
    directory: Path,
    wanted: RunFile,
    progress: Progress,
    *,
    restart: bool = False,
    before: Callable[[Run], None] | None = None,
) -> Iterator[Run]:
    """Hold a run's directory, new or begun, to work in it.

    Args:
        directory: The run's directory.
        wanted: The run that is asked for.
        progress: Is told what else has changed since the run was begun.
        restart: Remove what runs have written there before.
        before: Is done first, before anything is removed or written down; what it raises ends everything.

    Raises:
        UserError: The directory holds other things, another process works in it, or the run was begun with other
            settings.
        RunRemovedError: Somebody removed the directory in the meantime.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    with _nothing_left_of_removed(Run(paths, wanted)), locked(paths.lock):
        remove_leftovers(paths)
        if before:
            before(Run(paths, wanted))
        if restart:
            remove_run(paths, FILM_SUFFIXES, SEGMENT_SUFFIXES)
        if holds_run(paths):
            _mend_run_file(paths, progress)
            wanted = _continued(paths, read_run_file(paths.settings), wanted, progress)
        keep_run_file(paths, wanted)
        _log_circumstances(wanted)
        yield Run(paths, wanted)


def refuse_unsuitable(directory: Path, wanted: RunFile | None) -> None:
    """Refuse a directory that `opened` would refuse, without touching it.

    Args:
        directory: The directory.
        wanted: The run that is asked for; None if that cannot be told.

    Raises:
        UserError: The directory holds other things, or a run that was begun with other settings.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    if wanted and holds_run(paths):
        _refuse_changes(paths, read_run_file(paths.settings), wanted)


@contextmanager
def reopened(directory: Path, progress: Progress | None = None) -> Iterator[Run]:
    """Hold the directory of a run that was begun, with its own settings; raises as `opened` does."""
    run = load_run(directory)
    with _nothing_left_of_removed(run), locked(run.paths.lock):
        remove_leftovers(run.paths)
        _mend_run_file(run.paths, progress)
        yield run


def refuse_odd_names(name: str, settings: Settings) -> None:
    """Refuse names of files that are no UTF-8, for the file that keeps the settings is text; raises UserError."""
    if not is_text(name):
        raise UserError(f"{name!a}: the name of the configuration is no UTF-8; rename the file")
    named = {"overlay.font": settings.overlay.font, "video.audio": settings.video.audio, **settings.network.files()}
    for key, path in named.items():
        if path and not is_text(str(path.absolute())):
            shown = f"{str(path.absolute())!a}"
            raise UserError(f"{key}: the path {shown} is no UTF-8; rename what is not, or move the file")


def _font_digest(settings: Settings) -> str | None:
    font = settings.overlay.font
    if font is None:
        return None
    if not is_ordinary_file(font):
        raise UserError(f"overlay.font: {no_such_file(font)}")
    return file_digest(font)


def _with_absolute_paths(settings: Settings) -> Settings:
    """The same settings, but their paths mean the same from every folder."""
    overlay, video = settings.overlay, settings.video
    return settings.model_copy(
        update={
            "network": settings.network.with_absolute_paths(),
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


def _continued(paths: RunPaths, old: RunFile, new: RunFile, progress: Progress) -> RunFile:
    _refuse_changes(paths, old, new)
    begun = _begun(paths)
    for package, version in new.versions.items():
        if begun and old.versions.get(package, version) != version:
            progress.note(
                f"warning: the run was begun with {package} {old.versions[package]}, this is {version}; "
                "the rest may differ a little"
            )
    return new.model_copy(update={"film": old.film or new.film})


def _refuse_changes(paths: RunPaths, old: RunFile, new: RunFile) -> None:
    changed = [*_film_changes(paths, old, new), *_stills_changes(paths, old, new)]
    if changed:
        lines = "".join(f"  {text}\n" for text in dict.fromkeys(changed))
        raise UserError(
            f"{paths.root} was begun with other settings, and these change its pictures:\n{lines}"
            "Set them back to continue it, choose another directory with --output, or begin anew with --restart"
        )


def _begun(paths: RunPaths) -> list[Product]:
    """What a directory already holds pieces of."""
    begun: list[Product] = ["stills"] if any(record.fresh for record in _still_records(paths)) else []
    return ["film", *begun] if paths.segment_records() else begun


def _still_records(paths: RunPaths) -> list[StillRecord]:
    records = (read_record(path, StillRecord) for path in paths.still_records().values())
    return [record for record in records if record]


def _film_changes(paths: RunPaths, old: RunFile, new: RunFile) -> list[str]:
    """What does not fit the frames that are there."""
    parts = ("film", "presentation")
    if "film" not in _begun(paths) or all(old.fingerprints.get(part) == new.fingerprints[part] for part in parts):
        return []
    return _describe_changes(old, new, _recipe_differences(old, new, "film") | _presentation_differences(old, new))


def _stills_changes(paths: RunPaths, old: RunFile, new: RunFile) -> list[str]:
    """What does not fit the fresh stills that are there; a film keeps them where all are there."""
    records, same = _still_records(paths), _titles(old) == _titles(new)
    fresh = [record for record in records if record.fresh]
    # A film takes what stills there are; those that it would add must not be of another kind.
    are_taken = new.film and not new.settings.stills.fresh and len(records) == len(new.targets)
    kept = are_taken and old.network == new.network
    if not fresh or (same and (kept or _follow_from(fresh, Run(paths, new)))):
        return []
    if same and not _follow_from(fresh, Run(paths, old)):
        # The settings that the directory keeps are those of a film that was rendered there since.
        return ["stills.*, or what else fresh stills follow from: not what it was before a film was rendered there"]
    differences = _recipe_differences(old, new, "stills")
    if new.settings.stills.overlay or old.settings.stills.overlay:
        differences |= _presentation_differences(old, new)
        differences |= _compared("stills.overlay", old.settings.stills.overlay, new.settings.stills.overlay)
    return _describe_changes(old, new, differences)


def _follow_from(fresh: Sequence[StillRecord], run: Run) -> bool:
    made_from = fresh_digest(run)
    return all(record.made_from == made_from for record in fresh)


def _describe_changes(old: RunFile, new: RunFile, differences: dict[str, tuple[Any, Any]]) -> list[str]:
    named = _named_files(old, new)
    found = [_describe(key, *(named.get(key) or values)) for key, values in sorted(differences.items())]
    return found + _target_changes(old, new)


def _recipe_differences(old: RunFile, new: RunFile, product: Product) -> dict[str, tuple[Any, Any]]:
    make = film_recipe if product == "film" else still_recipe
    before, after = (make(run.decided, run.targets, run.network) for run in (old, new))
    return before.differences(after)


def _presentation_differences(old: RunFile, new: RunFile) -> dict[str, tuple[Any, Any]]:
    before, after = (flatten(_presented(run).data()) for run in (old, new))
    keys = {key for key in before.keys() | after.keys() if not key.startswith(("facts", "others"))}
    changed = {key for key in keys if before.get(key) != after.get(key)}
    if not changed and _titles(old) == _titles(new) and _presented(old).digest != _presented(new).digest:
        return {"network.classes": ("a list with other names", "this one")}
    names = {"font": "overlay.font", "overlay": "overlay.lines"}
    return {names.get(key, key): (before.get(key), after.get(key)) for key in changed}


def _presented(run: RunFile) -> Presentation:
    return presentation(run.settings, run.targets, known_titles(run.settings, run.targets, run.network), run.font)


def _compared(key: str, before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    return {} if before == after else {key: (before, after)}


def _named_files(old: RunFile, new: RunFile) -> dict[str, tuple[Any, Any]]:
    """What the settings say of the files of which a digest stands in a recipe."""
    before, after = (_files(run) for run in (old, new))
    keys = before.keys() | after.keys()
    said = [{**files, **flatten(run.settings)} for files, run in ((before, old), (after, new))]
    return {key: (said[0].get(key), said[1].get(key)) for key in keys}


def _files(run: RunFile) -> dict[str, str]:
    files: dict[str, Path] = {"overlay.font": run.settings.overlay.font} if run.settings.overlay.font else {}
    with suppress(UserError):  # The network of an earlier run may not be found from here.
        files |= run.settings.network.files()
    return {key: str(path) for key, path in files.items()}


def _describe(key: str, before: Any, after: Any) -> str:
    if key.startswith("network.companions[") and key.endswith("].classes"):
        return f"{key}: matches other classes than when the run was begun, since a class list has changed"
    if before == after:
        return f"{key}: the file is not the one that the run was begun with"
    return f"{key}: was {_show(before)}, is {_show(after)}"


def _target_changes(old: RunFile, new: RunFile) -> list[str]:
    if _titles(old) == _titles(new):
        return []
    before, after = (run.settings.classes.model_dump(mode="json") for run in (old, new))
    found = [_describe(f"classes.{key}", before[key], after[key]) for key in after if before[key] != after[key]]
    return [*found, f"classes: {_list_titles(old.targets)} before, {_list_titles(new.targets)} now"]


def _titles(run: RunFile) -> list[tuple[str, str]]:
    return [(target.key, target.title) for target in run.targets]


def _list_titles(targets: Sequence[Target]) -> str:
    titles = ", ".join(target.title for target in targets[:3])
    return f"{titles} and {len(targets) - 3} more" if len(targets) > 3 else titles


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
