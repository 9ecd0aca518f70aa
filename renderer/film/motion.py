"""The camera's move from one frame to the next, on paper: zoom, rotation and pan."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from renderer.settings.sections import Motion

MotionAt = Callable[[float], Motion]
"""The motion that holds so many seconds after a class began, in plain numbers."""

_CELLS = 100  # A second has so many, whatever the frame rate is; within one the motion is that of its middle.
_DIGITS = 12


@dataclass(frozen=True)
class Move:
    """A similarity of the plane.

    Attributes:
        zoom: Factor by which what is seen grows.
        rotation: Angle by which what is seen turns, in radians, counterclockwise.
        pan: Share of the width and of the height by which the camera goes right and down.
        center: The point toward which it zooms and around which it turns: shares of the width and of the height.
        shake: Share of the shorter side by which the camera goes right and down besides.
    """

    zoom: float = 1.0
    rotation: float = 0.0
    pan: tuple[float, float] = (0.0, 0.0)
    center: tuple[float, float] = (0.5, 0.5)
    shake: tuple[float, float] = (0.0, 0.0)

    @property
    def is_rest(self) -> bool:
        """Whether nothing moves, wherever the center is."""
        return self == Move(center=self.center)

    def part(self, count: int) -> Move:
        """One of so many equal moves that together are this one, or nearly so where there is a pan."""
        pan = (self.pan[0] / count, self.pan[1] / count)
        shake = (self.shake[0] / count, self.shake[1] / count)
        return Move(self.zoom ** (1 / count), self.rotation / count, pan, self.center, shake)


def move_between(motion_at: MotionAt, start: float, end: float, duration: float) -> Move:
    """The camera's move between two moments of a class, without what shakes it.

    Args:
        motion_at: Speeds per second, which may change all the time.
        start: Time since the class began, in seconds.
        end: The same, of the later moment.
        duration: How long the class is shown, in seconds: what easing refers to.

    Returns:
        The move; moves of neighboring spans of time add up to that of the whole span.
    """
    cells = [(motion_at(middle), begin, until) for middle, begin, until in _cells(start, end)]
    center = motion_at((start + end) / 2).center
    first = cells[0][0]
    if all(motion is first or motion == first for motion, _, _ in cells):
        # Rounded, so that moves of the same length are the same: their tables are made once.
        seconds = round(_eased(first, end, duration) - _eased(first, start, duration), _DIGITS)
        pan = (first.pan[0] * seconds, first.pan[1] * seconds)
        return Move(first.zoom**seconds, math.radians(first.rotate) * seconds, pan, center)
    times = [_eased(motion, until, duration) - _eased(motion, begin, duration) for motion, begin, until in cells]
    return _summed([motion for motion, _, _ in cells], times, center)


def _summed(motions: Sequence[Motion], times: Sequence[float], center: tuple[float, float]) -> Move:
    """Motions, each for its own time in seconds, one after the other."""
    growth = _integral([math.log(motion.zoom) for motion in motions], times)
    degrees = _integral([motion.rotate for motion in motions], times)
    right, down = (_integral([motion.pan[axis] for motion in motions], times) for axis in (0, 1))
    return Move(math.exp(growth), math.radians(degrees), (right, down), center)


def _integral(speeds: Sequence[float], times: Sequence[float]) -> float:
    return sum(speed * seconds for speed, seconds in zip(speeds, times, strict=True))


def _cells(start: float, end: float) -> Iterator[tuple[float, float, float]]:
    """Middle of each cell of time that a span touches, and from when to when it does; both ends may be within one."""
    for cell in range(math.floor(start * _CELLS), math.ceil(end * _CELLS)):
        yield (cell + 0.5) / _CELLS, max(start, cell / _CELLS), min(end, (cell + 1) / _CELLS)


def _eased(motion: Motion, time: float, duration: float) -> float:
    match motion.easing:
        case "linear":
            return time
        case "smooth":
            share = time / duration
            return duration * (share - math.sin(2 * math.pi * share) / (2 * math.pi))
