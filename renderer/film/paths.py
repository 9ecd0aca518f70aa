"""Paths of the camera: moves by name, one a class, and how one goes over into the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from renderer.common.expressions import mix, smoothstep
from renderer.settings.sections import Motion, MoveName

_CHANGE_SECONDS = 0.5  # So long one move goes over into the next: shorter is seen as a jerk.


@dataclass(frozen=True)
class _Speeds:
    """What a name stands for, per second, as in the section `motion`."""

    zoom: float = 1.0
    rotate: float = 0.0
    pan: tuple[float, float] = (0.0, 0.0)


_SPEEDS: Mapping[MoveName, _Speeds] = {
    "in": _Speeds(zoom=1.3),
    "out": _Speeds(zoom=1 / 1.3),
    "spiral": _Speeds(zoom=1.2, rotate=25.0),
    "drift": _Speeds(zoom=1.03, pan=(0.1, 0.03)),
    "still": _Speeds(),
}


def names_at(path: tuple[MoveName, ...], positions: tuple[int, int]) -> tuple[MoveName, MoveName]:
    """The moves of the class before and of a class, by their places in the film."""
    before, own = positions
    return path[before % len(path)], path[own % len(path)]


def on_path(motion: Motion, positions: tuple[int, int], seconds: float) -> Motion:
    """A motion with its path put into zoom, rotation and pan.

    Args:
        motion: What the settings say.
        positions: Places of the class before and of the class in the film, from 0.
        seconds: Time since the class began.
    """
    if motion.path is None:
        return motion
    before, own = (_SPEEDS[name] for name in names_at(motion.path, positions))
    share = smoothstep(seconds / _CHANGE_SECONDS)
    right, down = (mix(before.pan[axis], own.pan[axis], share) + motion.pan[axis] for axis in (0, 1))
    changed = {
        "path": None,
        "zoom": motion.zoom * before.zoom ** (1 - share) * own.zoom**share,
        "rotate": motion.rotate + mix(before.rotate, own.rotate, share),
        "pan": (right, down),
    }
    return motion.model_copy(update=changed)
