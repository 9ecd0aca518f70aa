"""The camera in one class: its motion along the path of the settings, and what shakes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from renderer.dream.randomness import PictureKey, uniform
from renderer.film.film_recipe import FilmRecipe
from renderer.film.motion import MotionAt, Move, move_between
from renderer.film.paths import on_path
from renderer.film.timeline import Segment
from renderer.settings.sections import Motion

# Waves per second of each sum, across and down; no two have a common measure, so that it does not repeat itself soon.
_WAVES = ((2.13, 3.47, 5.61), (2.41, 3.89, 5.17))
_SHARES = (0.5, 0.3, 0.2)  # of the waves


@dataclass(frozen=True)
class Camera:
    """The camera in one class of a film.

    Attributes:
        told: The motion of the settings at so many seconds after the class began.
        positions: Places in the film of the class before, or of the class itself where there is none, and of the class.
        begin: When the class begins in the film, in seconds.
        duration: How long it is shown, in seconds.
        seed: The run's seed, from which follows how the camera shakes.
        late: How long after its class it begins, in seconds: a lead-in moves as the end of its class does.
    """

    told: MotionAt
    positions: tuple[int, int]
    begin: float
    duration: float
    seed: int
    late: float = 0.0

    def move(self, start: float, end: float) -> Move:
        """Its move between two moments, in seconds since the class began."""
        move = move_between(self._motion_at, start, end, self.duration)
        before, after = self._place(start), self._place(end)
        # By how much the place changes: so within a class the camera comes back, whatever the frame rate is.
        return replace(move, shake=(after[0] - before[0], after[1] - before[1])) if before != after else move

    def _motion_at(self, seconds: float) -> Motion:
        return on_path(self.told(seconds), self.positions, seconds + self.late)

    def _place(self, seconds: float) -> tuple[float, float]:
        """Where shaking has brought it, to the right and down, in shares of the shorter side."""
        shake = self.told(seconds).shake
        if shake == 0:
            return 0.0, 0.0
        right, down = shaking(self.seed, self.begin + seconds)
        return shake * right, shake * down


def camera_of(recipe: FilmRecipe, segment: Segment) -> Camera:
    """The camera of the class of a segment, which may be a part of it."""
    fps = recipe.film.fps
    whole = recipe.timeline.class_frames[segment.position]
    late = (whole - segment.frames) / fps if segment.is_lead_in else 0.0
    begin = (segment.start_frame - segment.first_frame) / fps

    def told(seconds: float) -> Motion:
        return recipe.at(recipe.moment(segment, seconds)).motion

    positions = recipe.positions(segment.position)
    return Camera(told, positions, begin, segment.class_frames / fps, recipe.run.seed, late)


def shaking(seed: int, seconds: float) -> tuple[float, float]:
    """A smooth random way around the middle, to the right and down, each within -1 and 1.

    Args:
        seed: Two seeds have nothing in common.
        seconds: Time in the film, so that it goes on from class to class.
    """
    turn = math.tau * seconds
    right, down = (
        sum(share * math.sin(turn * waves + phase) for share, waves, phase in zip(_SHARES, across, phases, strict=True))
        for across, phases in zip(_WAVES, _phases(seed), strict=True)
    )
    return right, down


@lru_cache(maxsize=8)
def _phases(seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    drawn = [math.tau * float(share) for share in uniform(PictureKey(seed, "shake"), 0, 2 * len(_SHARES))]
    return tuple(drawn[: len(_SHARES)]), tuple(drawn[len(_SHARES) :])
