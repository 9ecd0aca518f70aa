"""What a worker is given and gives back: plain data, so that it may live in another process or on another machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, UInt8

from renderer.dream.health import Health
from renderer.film.timeline import Segment
from renderer.targets.target import Score

Picture = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class SegmentTask:
    """A segment to compute.

    Attributes:
        segment: Which one.
        start: Last frame of the segment before it in its chain, or None where there is none.
    """

    segment: Segment
    start: Picture | None


@dataclass(frozen=True)
class Frame:
    """One frame of a segment, without text.

    Attributes:
        task: Place of the segment among the tasks.
        number: Number of the frame within the segment.
        picture: The frame.
        score: What the network says of it: always given for the last frame of a class, else where it was asked for.
        health: How the gradients were on the way from the frame before.
    """

    task: int
    number: int
    picture: Picture
    score: Score | None
    health: Health


@dataclass(frozen=True)
class StillTask:
    """A still to compute; each further attempt has a seed of its own, `seed`."""

    class_index: int
    seed: int


@dataclass(frozen=True)
class Still:
    """A still, without text, what the network says of it, and how its gradients were."""

    task: StillTask
    picture: Picture
    score: Score
    health: Health

    @property
    def is_recognized(self) -> bool:
        """Whether it was dreamed at all, and the network puts its class first."""
        return self.score.rank == 1 and not self.health.is_dead


class Worker(Protocol):
    """Computes what it is given; holds nothing between two calls but the network.

    The tasks of one call are stepped together as one batch, or as one batch on each device. On the same machine the
    same tasks give the same pictures, so a whole round has to be asked for again to repeat one of its segments.
    """

    def segments(self, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        """Compute the segments of a round, frame by frame; a shorter segment ends earlier."""
        ...

    def stills(self, tasks: Sequence[StillTask]) -> Iterator[Still]:
        """Compute stills; all of a call are stepped together."""
        ...

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer, a row for each class; raises LookupError if it has no such layer."""
        ...

    def close(self) -> None:
        """Give back what the worker holds."""
        ...
