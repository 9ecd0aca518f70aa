"""The camera's move from one frame to the next, on paper: zoom, rotation and pan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from renderer.settings.sections import Motion


@dataclass(frozen=True)
class Move:
    """A similarity of the plane, around the middle of the picture.

    Attributes:
        zoom: Factor by which what is seen grows.
        rotation: Angle by which what is seen turns, in radians, counterclockwise.
        pan: Share of the width and of the height by which the camera goes right and down.
    """

    zoom: float = 1.0
    rotation: float = 0.0
    pan: tuple[float, float] = (0.0, 0.0)


def move_between(motion: Motion, start: float, end: float, duration: float) -> Move:
    """The camera's move between two moments of a class.

    Args:
        motion: Speeds per second.
        start: Time since the class began, in seconds.
        end: The same, of the later moment.
        duration: How long the class is shown, in seconds: what easing refers to.

    Returns:
        The move; moves of neighboring spans of time add up to that of the whole span.
    """
    # Rounded, so that moves of the same length are the same: their tables are made once.
    seconds = round(_eased(motion, end, duration) - _eased(motion, start, duration), 12)
    return Move(
        zoom=motion.zoom**seconds,
        rotation=math.radians(motion.rotate) * seconds,
        pan=(motion.pan[0] * seconds, motion.pan[1] * seconds),
    )


def _eased(motion: Motion, time: float, duration: float) -> float:
    match motion.easing:
        case "linear":
            return time
        case "smooth":
            share = time / duration
            return duration * (share - math.sin(2 * math.pi * share) / (2 * math.pi))
