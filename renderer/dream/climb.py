"""What pictures are to become in an ascent, and what it has come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.diversity import Apart
from renderer.dream.dreaming import AscentSettings
from renderer.dream.health import Health
from renderer.dream.nearness import Reference, References, resized
from renderer.dream.opacity import Trace, add_traces
from renderer.dream.randomness import PictureKey
from renderer.dream.views import draw_tints, draw_views, take_views, tint
from renderer.targets.target import Aim

Pictures = Float[Tensor, "batch 3 height width"]
Views = Float[Tensor, "views 3 size size"]


@dataclass(frozen=True)
class Climb:
    """What one picture of a batch is to become, and how.

    Attributes:
        target: What it is to show.
        seed: Seed of its randomness.
        values: The settings that hold in a step, counted from the first of this ascent. Sizes, kinds and the
            number of views are those of step 0 throughout, and the same for all pictures of a batch.
        first_step: Number of the first step, from which its random views follow.
        apart: From what it is to differ.
        beside: The pictures with which it is compared, one for each part of the target, if any; in its size.
        reference: What it began with and stays near, if anything; all pictures of a batch have one or none.
        is_traced: Whether it is to be known where its gradients went; the same for all pictures of a batch.
        canvas: The surface on which it is, likewise.
    """

    target: Aim
    seed: int
    values: Callable[[int], AscentSettings]
    first_step: int = 0
    apart: Apart | None = None
    beside: tuple[Float[Tensor, "1 3 height width"], ...] = ()
    reference: Reference | None = None
    is_traced: bool = False
    canvas: Canvas = CANVASES["mirror"]

    @property
    def stays_by_layer(self) -> bool:
        """Whether it stays near its reference by what a layer answers."""
        return bool(self.reference and self.reference.weight)

    @property
    def key(self) -> PictureKey:
        """Whose randomness it is."""
        return PictureKey(self.seed, self.target.key)


@dataclass(frozen=True)
class Ascent:
    """What an ascent has come to.

    Attributes:
        pictures: The pictures, with values in [0, 1].
        health: How the gradients of each picture were.
        trace: Where they went, if that is to be known.
    """

    pictures: Pictures
    health: tuple[Health, ...]
    trace: Trace | None = None

    def followed_by(self, later: Ascent) -> Ascent:
        """This one and a later one of the same pictures, as one."""
        health = tuple(had + has for had, has in zip(self.health, later.health, strict=True))
        trace = None if later.trace is None else add_traces(self.trace, later.trace)
        return Ascent(later.pictures, health, trace)


@dataclass(frozen=True)
class Step:
    """One step of a batch.

    Attributes:
        values: What holds for each picture.
        maps: What the network is shown; see `draw_views`.
        tints: How its colors are changed; see `draw_tints`.
        numbers: Number of the step, one a picture, counted from the beginning of its class.
        beside: What the network is shown of the pictures with which they are compared, by part of the target.
        near: What it is shown of the references, where dreams stay near those by what a layer answers.
    """

    values: tuple[AscentSettings, ...]
    maps: Float[Tensor, "views rows 3"]
    tints: Float[Tensor, "views 3"]
    numbers: tuple[int, ...]
    beside: tuple[Views, ...] = ()
    near: Views | None = None


def references_of(climbs: Sequence[Climb], size: tuple[int, int]) -> References:
    """What pictures stay near, in a size."""
    return References([climb.reference for climb in climbs], size)


def draw_step(climbs: Sequence[Climb], number: int, size: tuple[int, int], side: int) -> Step:
    """Draw what is random in a step, for each picture by itself.

    Args:
        climbs: The pictures.
        number: Number of the step, counted from the first of this ascent.
        size: Height and width of the pictures.
        side: Side of what the network is shown.
    """
    values = tuple(climb.values(number) for climb in climbs)
    transforms, keys = [own.transforms for own in values], [climb.key for climb in climbs]
    numbers = tuple(climb.first_step + number for climb in climbs)
    canvas = climbs[0].canvas
    maps = draw_views(transforms, keys, numbers, size, side, canvas)
    return Step(values, maps, draw_tints(transforms, keys, numbers, canvas.sides), numbers)


class Beside:
    """The other pictures of which the network is shown what it is shown of the dreams."""

    def __init__(self, climbs: Sequence[Climb], size: tuple[int, int], canvas: Canvas) -> None:
        """Bring them to the size of the dreams.

        Args:
            climbs: The dreams.
            size: Their height and width.
            canvas: The surface on which they are.
        """
        parts = max(len(climb.beside) for climb in climbs)
        # Where a target has fewer parts than others, nothing counts of what is shown for the rest.
        rows = [(*climb.beside, *climb.beside[:1] * (parts - len(climb.beside))) for climb in climbs]
        self._compared = [resized(torch.cat(column), size) for column in zip(*rows, strict=True)]
        self._near = references_of(climbs, size).pictures if any(climb.stays_by_layer for climb in climbs) else None
        self._canvas = canvas

    @torch.no_grad()
    def looked_at(self, step: Step, side: int) -> Step:
        """A step with the views of them that are shown in it."""

        def look(pictures: Pictures) -> Views:
            return tint(take_views(pictures, step.maps, side, self._canvas), step.tints)

        compared = tuple(look(pictures) for pictures in self._compared)
        return replace(step, beside=compared, near=None if self._near is None else look(self._near))
