"""What smaller settings would save, told from measured speed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from renderer.common.errors import UserError
from renderer.common.wording import format_duration
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.hearing import sound_of
from renderer.jobs.previewing import fewer_frames, make_preview, smaller_film, smaller_stills
from renderer.jobs.projection import SHORT_SECONDS, Speed, measure_speed
from renderer.jobs.session import direct
from renderer.jobs.worker import Worker
from renderer.settings.loading import check_settings
from renderer.settings.sections import Settings
from renderer.store.run import Run

_WORTH_SECONDS = 60.0  # Nobody minds less.
_WORTH_SHARE = 0.9


def describe_savings(run: Run, speed: Speed, worker: Worker) -> str:
    """What would be faster, each by itself, and how long it would take; empty where nothing is worth the words.

    Other sizes are tried for a moment; what has the same size and steps a frame follows from the speed.

    Args:
        run: The run as it is asked for.
        speed: How fast that is.
        worker: What dreams.
    """
    whole = speed.project(run).seconds
    if whole < _WORTH_SECONDS:
        return ""
    found: dict[str, float] = {}
    if size := _smaller(run):
        small = _changed(run, size)
        found[f"at {_size(small)}"] = measure_speed(small, worker, SHORT_SECONDS).project(small).seconds
    for label, changes in _fewer(run).items():
        with suppress(UserError):  # Not all settings can have less; the fades of a loop take a frame at least.
            found[label] = speed.project(_changed(run, changes)).seconds
    if (made := make_preview(run.settings, film=run.file.film)).saves:
        preview = _with(run, made.settings)
        found["with --preview"] = measure_speed(preview, worker, SHORT_SECONDS).project(preview).seconds
    worthy = {label: seconds for label, seconds in found.items() if seconds < _WORTH_SHARE * whole}
    return ", ".join(f"{label} about {format_duration(seconds)}" for label, seconds in worthy.items())


def _smaller(run: Run) -> dict[str, object]:
    film = smaller_film(run.settings) if run.file.film else {}
    return film | (smaller_stills(run.settings) if run.dreams_stills else {})


def _size(run: Run) -> str:
    part = run.settings.film if run.file.film else run.settings.stills
    return f"{part.width}x{part.height}"


def _fewer(run: Run) -> dict[str, dict[str, object]]:
    """Settings with less to do of the same kind, by what to call them."""
    if not run.file.film:
        steps = run.settings.stills.steps // 2
        return {f"with stills.steps={steps}": {"stills.steps": steps}} if steps else {}
    fps = fewer_frames(run.settings)["film.fps"]
    return {f"with film.fps={fps:g}": {"film.fps": fps}} if fps != run.settings.film.fps else {}


def _changed(run: Run, changes: Mapping[str, object]) -> Run:
    return _with(run, check_settings(run.settings, changes))


def _with(run: Run, settings: Settings) -> Run:
    same = settings.classes == run.settings.classes
    targets = run.targets if same else chosen_targets(settings)
    direction = direct(settings, targets, film=run.file.film)
    sound = sound_of(settings, direction.scenes.values())
    update = {"settings": settings, "targets": targets, "times": direction.times, "scenes": direction.scenes}
    return Run(run.paths, run.file.model_copy(update=update | {"sound": sound}))
