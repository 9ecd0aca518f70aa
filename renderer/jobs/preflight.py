"""Preflight: everything that can go wrong in a render is tried before it, the cheap things first."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.ffmpeg import EncodingError
from renderer.common.wording import format_bytes, format_duration
from renderer.film.scenes import settings_for
from renderer.jobs.assembly import try_assembly
from renderer.jobs.changes import Changes, find_changes
from renderer.jobs.choosing import chosen_targets, said_of_companions
from renderer.jobs.commands import Request
from renderer.jobs.curve_checks import describe_curves, unreached_keyframe
from renderer.jobs.disk_space import estimate_bytes, estimate_bytes_left
from renderer.jobs.hearing import sound_of
from renderer.jobs.machine import begun_with, choose, too_many_threads
from renderer.jobs.plan import strands_of
from renderer.jobs.presenting import check_text
from renderer.jobs.projection import SHORT_SECONDS, Projection, Speed, measure_speed
from renderer.jobs.remainder import Remainder, all_of, what_is_left
from renderer.jobs.savings import describe_savings
from renderer.jobs.session import describe_run, direct, refuse_odd_names
from renderer.jobs.stills import unused_in_film_stills
from renderer.jobs.worker import MakeWorker, Worker, local_worker
from renderer.media.captions import caption_at, fill_templates
from renderer.media.fonts import describe_missing, drawable, missing_glyphs
from renderer.media.legibility import describe_small
from renderer.media.overlay import CaptionWriter
from renderer.media.standing_text import window_size
from renderer.networks.source import NetworkSource
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.store.cleaning import refuse_foreign
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from renderer.store.run_file import RunFile, holds_run, read_run_file
from renderer.targets.target import Target

_LOG = logging.getLogger(__name__)

_FAILURES = (UserError, EncodingError, OSError, RuntimeError)  # torch's are of the last kind
_FEW_STEPS = 60
_USUAL_STEPS = 125  # A second, at the defaults.


@dataclass(frozen=True)
class Finding:
    """What one check has found; `failed` means that a render would fail."""

    name: str
    state: Literal["ok", "warning", "failed"]
    text: str


def preflight(
    request: Request, *, film: bool, quick: bool, make_worker: MakeWorker = local_worker
) -> Iterator[Finding]:
    """Try everything that a render needs, without rendering.

    Args:
        request: What would be rendered.
        film: Whether a film would be made, not stills alone.
        quick: Leave out what needs the network: whether it can be loaded, and how long it takes.
        make_worker: Makes what dreams.

    Yields:
        A finding for each check, as soon as it is known; what several run into, such as a missing file, is told once.
    """
    told: set[str] = set()
    for finding in _findings(request, film=film, quick=quick, make_worker=make_worker):
        if finding.state != "failed" or finding.text not in told:
            yield finding
        told.add(finding.text)


def foretell(request: Request, *, film: bool, make_worker: MakeWorker = local_worker) -> str:
    """How long a render would take, in words, from a moment's trial; or why it cannot be told."""
    _LOG.info("a trial tells how long %s takes; what follows is of that", request.name)
    try:
        run = _planned(request, choose(request.settings, begun_with(request.directory)), film=film, quick=False)
        left = _remainder(run, _changes(run))
        if left.is_dreamed:
            return left.describe()
        with closing(make_worker(run.file.decided)) as worker:
            return _describe_time(left, measure_speed(run, worker, SHORT_SECONDS).project(run), run)
    except _FAILURES as error:
        return f"cannot be rendered as it is: {error}"


def _findings(request: Request, *, film: bool, quick: bool, make_worker: MakeWorker) -> Iterator[Finding]:
    settings = request.settings
    yield Finding("settings", "ok", f"{request.name}: all settings are valid")
    weights = _check_weights(settings, quick=quick)
    yield weights
    yield from _check_decoder(settings)
    if quick and settings.network.needs_network:
        yield Finding("classes", "warning", "only the network can list them; without --quick all else is checked too")
        return
    try:
        chosen = choose(settings, begun_with(request.directory))
    except UserError as error:
        yield Finding("machine", "failed", str(error))
        return
    slow = too_many_threads(chosen, settings.run.device)
    yield Finding("machine", "warning" if slow else "ok", "; ".join(filter(None, [chosen.describe(), slow])))
    try:
        run = _planned(request, chosen, film=film, quick=quick)
    except UserError as error:
        yield Finding("classes", "failed", str(error))
        return
    yield _describe_classes(run)
    yield from _check_companions(run, quick=quick)
    if film:
        yield from _check_steps(settings)
    curves = list(_check_curves(run))
    yield from curves
    yield _check_text(run)
    if film:
        yield _check_encoder(run)
    output, changes = _check_output(run)
    yield output
    yield _check_disk(run, changes)
    left = _remainder(run, changes)
    if not left.needs_network or (quick and not left.is_whole):
        yield Finding("dreaming", "ok", left.describe())
    elif not quick and not any(found.state == "failed" for found in (weights, *curves)):
        yield from _check_dreaming(run, left, make_worker)


def knows_order(settings: Settings, *, quick: bool) -> bool:
    """Whether the order of the classes is known: that by similarity only the network tells."""
    return not quick or settings.classes.order != "similarity"


def foreseen_targets(settings: Settings, *, quick: bool) -> tuple[Target, ...]:
    """The targets that settings choose; in another order if that needs the network, and it must not be loaded."""
    if knows_order(settings, quick=quick):
        return chosen_targets(settings)
    # The order needs the network, the number of classes does not.
    by_index = settings.classes.model_copy(update={"order": "index"})
    return chosen_targets(settings.model_copy(update={"classes": by_index}))


def _planned(request: Request, chosen: Chosen, *, film: bool, quick: bool) -> Run:
    settings = request.settings
    targets = foreseen_targets(settings, quick=quick)
    direction = direct(settings, targets, film=film)
    scenes = dict(direction.scenes)
    file = RunFile(
        name=request.name,
        film=film,
        settings=settings,
        chosen=chosen,
        targets=targets,
        times=direction.times,
        scenes=scenes,
    )
    with suppress(UserError):
        file = file.model_copy(update={"sound": sound_of(settings, scenes.values())})
    if knows_order(settings, quick=quick):
        # A file that is missing is named by another check.
        with suppress(UserError):
            file = describe_run(request.name, settings, targets, film=film, chosen=chosen)
    return Run(RunPaths(request.directory), file)


def _changes(run: Run) -> Changes | None:
    """What the settings make of a run that is there; None if none is, or if that cannot be told; raises UserError."""
    is_described = bool(run.file.fingerprints)
    if not is_described or not holds_run(run.paths):
        return None
    return find_changes(Run(run.paths, read_run_file(run.paths.settings)), run)


def _remainder(run: Run, changes: Changes | None) -> Remainder:
    """What is left of a run; all of it where it cannot be told what is there."""
    return what_is_left(run, changes.stale) if changes else all_of(run)


def _describe_classes(run: Run) -> Finding:
    film, stills = run.settings.film, run.settings.stills
    text = f"{len(run.targets)} of {len(run.settings.network.known_targets())} classes"
    if run.file.film:
        text += (
            f", chains: {len(run.timeline.chains)}; {run.timeline.frames} frames of {film.width}x{film.height}, "
            f"{format_duration(run.timeline.frames / film.fps)} at {film.fps:g} frames per second"
        )
        text += _describe_times(run) + _describe_strands(run)
    if run.dreams_stills:
        text += f"; {len(run.targets) * stills.variants} stills of {stills.width}x{stills.height}"
    return Finding("classes", "ok", "; ".join([text, *unused_in_film_stills(run)]))


def _check_companions(run: Run, *, quick: bool) -> Iterator[Finding]:
    network = run.settings.network
    if not network.companions:
        return
    if quick and any(companion.is_counted for companion in network.companions):
        yield Finding("companions", "warning", "only the networks can list their classes; without --quick they do")
        return
    try:
        notes = said_of_companions(network, run.targets)
    except UserError as error:
        yield Finding("companions", "failed", str(error))
        return
    passes = _passes(run.settings)
    way = "take turns, a pass a step" if passes == 1 else f"all in each step, {passes} passes"
    text = "; ".join([f"{network.names}: {way}", *(notes or ["the lists of all have the classes"])])
    text += "; the networks are not tried (--quick)" if quick else ""
    yield Finding("companions", "warning" if notes else "ok", text)


def _passes(settings: Settings) -> int:
    """How many passes an ascent step takes of each view."""
    return 1 + len(settings.network.companions) if settings.dream.together == "all" else 1


def _describe_strands(run: Run) -> str:
    """Among how many machines the film can be divided."""
    count = len(strands_of(run))
    return f"; up to {count} machines can share it" if count > 1 else ""


def _describe_times(run: Run) -> str:
    """How long classes are shown, where that differs, and how many title cards there are."""
    frames, fps = run.timeline.class_frames.values(), run.settings.film.fps
    cards = sum(len(scene.before) + len(scene.after) for scene in run.file.scenes.values())
    text = f"; classes of {min(frames) / fps:.3g} to {max(frames) / fps:.3g} s" if run.file.times else ""
    return text + (f"; title cards: {cards}" if cards else "")


def _check_steps(settings: Settings) -> Iterator[Finding]:
    """Films of few frames a second have few steps too, for the number of a frame's steps is a setting of its own."""
    film, dream = settings.film, settings.dream
    passes = _passes(settings)
    steps = film.fps * dream.steps_per_frame * passes
    if steps < _FEW_STEPS:
        better = math.ceil(_USUAL_STEPS / film.fps / passes)
        text = f"{film.fps:g} frames a second with {dream.steps_per_frame} steps each are {steps:g} steps a second"
        remedy = f"{_USUAL_STEPS} are usual, so classes will come slowly; set dream.steps_per_frame={better}"
        yield Finding("steps", "warning", f"{text}; {remedy}")


def _check_curves(run: Run) -> Iterator[Finding]:
    try:
        if said := describe_curves(run):
            late = unreached_keyframe(run)
            text = f"{said}; but {late}" if late else said
            yield Finding("curves", "warning" if late else "ok", f"{text}; --plot draws them")
    except UserError as error:
        yield Finding("curves", "failed", str(error))


def _check_weights(settings: Settings, *, quick: bool) -> Finding:
    try:
        files = settings.network.existing_files().values()
    except UserError as error:
        return Finding("weights", "failed", str(error))
    networks = [settings.network, *settings.network.companions]
    sizes = [f"{path}, {path.stat().st_size / 1e6:.1f} MB" for path in files]
    text = "; ".join([*(_name_network(network) for network in networks), *sizes])
    if quick:
        unnamed = (None, "NONE")
        by_name = any(network.describe()["weights"] not in unnamed and not network.own_files() for network in networks)
        there = "downloaded when they are first needed; not looked at" if by_name else "there, but not tried"
        return Finding("weights", "ok", f"{text}; {there} (--quick)")
    return Finding("weights", "ok", f"{text}; tried below if they are needed")


def _check_decoder(settings: Settings) -> Iterator[Finding]:
    """Whether what is to draw the pictures is there, if they are drawn; it is tried with the network."""
    held = settings.dream.parameterization
    try:
        if held.identity():
            yield Finding("decoder", "ok", f"{settings.dream.parameterization.model_dump()['decoder']}; there")
    except UserError as error:
        yield Finding("decoder", "failed", str(error))


def _name_network(network: NetworkSource) -> str:
    said = network.describe()
    return f"{said['source']}: {said['name']}" + (f", {said['weights']}" if said["weights"] else "")


def _check_text(run: Run) -> Finding:
    overlay, film = run.settings.overlay, run.settings.film
    try:
        check_text(run.settings)
        CaptionWriter(overlay, (film.width, film.height))
        texts = [text for position in range(len(run.targets)) for text in _texts(run, position)]
        missing = missing_glyphs(overlay.font, (drawable(overlay.font, text) for text in texts))
        size = _written_on(run)
        small = _describe_small(run, size) if size else None
    except UserError as error:
        return Finding("text", "failed", str(error))
    if wrong := [text for text in (describe_missing(overlay.font, missing) if missing else None, small) if text]:
        return Finding("text", "warning", "; ".join(wrong))
    return Finding("text", "ok", "templates and font fit the titles" if run.lines else "none over the frames")


def _texts(run: Run, position: int) -> list[str]:
    """All that is written over a class."""
    loops, scene = run.settings.film.loop, run.scene(position)
    caption = caption_at(run.targets, position, {}, loops=loops)
    return [text for one in settings_for(run.settings, scene) for text in fill_templates(one.overlay.lines, caption)]


def _describe_small(run: Run, size: tuple[int, int]) -> str | None:
    """Whether lines are too low to be read; classes whose text is their own are looked at by themselves."""
    alike: dict[str, list[int]] = {}
    for position in range(len(run.targets)):
        alike.setdefault(data_digest(run.scene(position).overlay), []).append(position)
    for positions in alike.values():
        overlay = run.overlay_of_still(positions[0])
        captions = [_texts(run, position)[: len(overlay.lines)] for position in positions]
        if small := describe_small(overlay, size, captions):
            return small
    return None


def _written_on(run: Run) -> tuple[int, int] | None:
    """Width and height of the smallest pictures, or parts of panoramas, with text; None where none has any."""
    film, stills = run.settings.film, run.settings.stills
    shown = film.width, film.height
    sizes = [shown if film.projection == "flat" else window_size(shown)] if run.file.film else []
    if run.dreams_stills and stills.overlay:
        sizes.append((stills.width, stills.height))
    return min(sizes, key=lambda size: size[1], default=None)


def _check_encoder(run: Run) -> Finding:
    film, codec = run.settings.film, run.settings.video.codec
    try:
        with TemporaryDirectory() as folder:
            # The directory itself may be missing, and is not to be touched; what counts is how it is written.
            place = Path(folder) / (run.paths.root.absolute().name or "run")
            place.mkdir()
            refuse_odd_names(run.name, run.settings)
            try_assembly(run, place)
    except (UserError, EncodingError, OSError) as error:
        return Finding("encoder", "failed", str(error))
    return Finding("encoder", "ok", f"{codec} encodes and joins {film.width}x{film.height}")


def _check_output(run: Run) -> tuple[Finding, Changes | None]:
    """Whether the directory can be used, and what the settings make of the run in it, as far as that can be told."""
    directory, changes = run.paths.root, None
    try:
        refuse_foreign(run.paths)
        changes = _changes(run)
    except UserError as error:
        return Finding("output", "failed", str(error)), None
    if not holds_run(run.paths):
        return Finding("output", "ok", f"{directory} is free"), None
    if changes is None:
        text = f"{directory} holds a run; not checked whether it can be continued"
        return Finding("output", "warning", text), None
    if changes.is_costly:
        asks = f"`{'render' if run.file.film else 'stills'}` asks before that"
        return Finding("output", "warning", f"{changes.describe()}; {asks}"), changes
    return Finding("output", "ok", f"{directory} holds a run that can be continued"), changes


def _check_disk(run: Run, changes: Changes | None) -> Finding:
    needed = left = estimate_bytes(run)
    if changes:
        left = min(needed, estimate_bytes_left(run, changes.stale))
    folder = next(path for path in (run.paths.root.absolute(), *run.paths.root.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(folder).free
    begun = f", about {format_bytes(left)} of it still to be written" if 0 < left < needed else ""
    begun = begun or ("" if left else ", all of it written")
    text = f"about {format_bytes(needed)} needed{begun}, {format_bytes(free)} free at {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", "failed", f"{folder} cannot be written to; choose another directory with --output")
    return Finding("disk", "warning" if left > free else "ok", text)


def _check_dreaming(run: Run, left: Remainder, make_worker: MakeWorker) -> Iterator[Finding]:
    try:
        with closing(make_worker(run.file.decided)) as worker:
            speed = measure_speed(run, worker)
            text = _describe_time(left, speed.project(run), run)
            yield Finding("dreaming", "ok", f"the network dreams here; {text}")
            # Of a run that was begun, other sizes would begin anew.
            if left.is_whole and (savings := _describe_savings(run, speed, worker)):
                yield Finding("smaller", "ok", savings)
    except _FAILURES as error:
        yield Finding("dreaming", "failed", str(error))


def _describe_savings(run: Run, speed: Speed, worker: Worker) -> str:
    """What would be faster; that it cannot be told says nothing against the run itself."""
    try:
        return describe_savings(run, speed, worker)
    except _FAILURES:
        _LOG.warning("what would be faster cannot be told", exc_info=True)
        return ""


def _describe_time(left: Remainder, projection: Projection, run: Run) -> str:
    may_try_again = left.stills and left.stills.share and run.settings.stills.retries
    return left.describe(projection) + (", longer where some are tried again" if may_try_again else "")
