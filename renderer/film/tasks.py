"""What the dreaming is given and gives back: plain data, which may go to another process or machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from renderer.dream.health import Health
from renderer.film.timeline import Segment
from renderer.targets.target import Aim, Score

Picture = UInt8[np.ndarray, "height width 3"]
Opacity = UInt8[np.ndarray, "height width"]
Item = TypeVar("Item")


@dataclass(frozen=True)
class SegmentTask:
    """A segment to dream.

    Attributes:
        segment: Which one.
        start: Last frame of the segment before it in its chain, or None where there is none.
        is_wanted: Whether anything of it is missing; a group of which nothing is need not be computed.
        begun: How many of its frames are there; then `start` is the last of these.
    """

    segment: Segment
    start: Picture | None
    is_wanted: bool = True
    begun: int = 0

    @property
    def frames(self) -> int:
        """How many frames are to be dreamed."""
        return self.segment.frames - self.begun


@dataclass(frozen=True)
class Frame:
    """One frame of a segment, without text.

    Attributes:
        segment: The segment.
        number: Number of the frame within the segment.
        picture: The frame.
        health: How the gradients were on the way from the frame before.
        score: What the network says of it: always given for the last frame of a class, else where it was asked for.
    """

    segment: Segment
    number: int
    picture: Picture
    health: Health
    score: Score | None = None

    @property
    def place(self) -> tuple[Segment, int]:
        """Tells it from all other frames."""
        return self.segment, self.number

    @property
    def ends_segment(self) -> bool:
        """Whether it is the last one of its segment."""
        return self.number + 1 == self.segment.frames


@dataclass(frozen=True)
class StillTask:
    """A still to dream.

    Attributes:
        aim: What it is to show.
        seed: Seed of its randomness; each variant and each further attempt has its own.
        others: Variants of the same target from which it is to differ.
    """

    aim: Aim
    seed: int
    others: tuple[Picture, ...] = ()


class DreamedStill(NamedTuple):
    """A still of which nothing has been said yet; see `Still`."""

    task: StillTask
    picture: Picture
    health: Health
    opacity: Opacity | None


@dataclass(frozen=True)
class Still:
    """A still.

    Attributes:
        task: What was asked for.
        picture: The picture, without text.
        score: What the network says of it, without regard to its opacity.
        health: How its gradients were.
        agreement: Mean natural logarithm of the class's probability, over the network and its companions; None where
            no class was dreamed.
        opacity: How opaque it is to be, from 0 to 255; None where all of it is to be solid.
    """

    task: StillTask
    picture: Picture
    score: Score
    health: Health
    agreement: float | None
    opacity: Opacity | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Tells it from all other stills."""
        return self.task.aim.key, self.task.seed

    @property
    def is_recognized(self) -> bool:
        """Whether it was dreamed at all, and the network does not put another class first."""
        return not self.score.is_missed and not self.health.is_dead


@dataclass(frozen=True)
class Saved:
    """Where a group of pictures stands that are stepped together.

    Attributes:
        key: Tells the group, and all that its pictures follow from; see `film.saving`.
        names: The names of its segments, or the keys of its stills' targets.
        frames: How many frames have been dreamed of each segment; 0 for stills, and while fresh pictures are climbed.
        steps: Steps of the ascent from fresh pictures that are done.
        pictures: Values in [0, 1], without rounding.
        health: How the gradients of each picture were in this ascent.
        trace: Where they went, if that is to be known.
    """

    key: str
    names: tuple[str, ...]
    frames: int
    steps: int
    pictures: Float[np.ndarray, "batch 3 height width"]
    health: tuple[Health, ...]
    trace: Float[np.ndarray, "batch height width"] | None = None

    @property
    def place(self) -> tuple[str, int, int]:
        """Tells it from all others."""
        return self.key, self.frames, self.steps


@dataclass(frozen=True)
class Saving:
    """How often to save, and what was saved.

    Attributes:
        seconds: After so many seconds of work a group tells where it stands, as soon as it can.
        frames: Segments tell after a multiple of so many frames alone.
        find: Gives what was saved of a group by its key; is called once before the group begins, by any thread.
    """

    seconds: float = math.inf
    frames: int = 1
    find: Callable[[str], Saved | None] = lambda _key: None


NOT_SAVING = Saving()


def in_batches(items: Sequence[Item], most: int) -> list[list[Item]]:
    """Divide what may be stepped together into batches, as equal as can be; it depends on nothing else.

    The pictures that are stepped together can differ in the last bit with what else is among them. So a batch is always
    given as a whole to what dreams it: a card steps it whole, a processor in groups that are made by this function too.

    Args:
        items: What is to be divided.
        most: Most items of a batch.
    """
    count = -(-len(items) // most)
    return [list(items[number::count]) for number in range(count)]
