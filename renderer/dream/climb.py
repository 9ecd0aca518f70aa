"""What pictures are to become in an ascent, and what it has come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from renderer.dream.diversity import Apart
from renderer.dream.dreaming import AscentSettings
from renderer.dream.health import Health
from renderer.dream.opacity import Trace, add_traces
from renderer.dream.randomness import PictureKey
from renderer.dream.views import draw_tints, draw_views
from renderer.targets.target import Aim

Pictures = Float[Tensor, "batch 3 height width"]


@dataclass(frozen=True)
class Climb:
    """What one picture of a batch is to become, and how.

    Attributes:
        target: What it is to show.
        seed: Seed of its randomness.
        values: The settings that hold in a step, counted from the first of this ascent. Sizes, kinds, the canvas and
            the number of views are those of step 0 throughout, and the same for all pictures of a batch.
        first_step: Number of the first step, from which its random views follow.
        apart: From what it is to differ.
        is_traced: Whether it is to be known where its gradients went; the same for all pictures of a batch.
    """

    target: Aim
    seed: int
    values: Callable[[int], AscentSettings]
    first_step: int = 0
    apart: Apart | None = None
    is_traced: bool = False

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
    """

    values: tuple[AscentSettings, ...]
    maps: Float[Tensor, "views 2 3"]
    tints: Float[Tensor, "views 3"]
    numbers: tuple[int, ...]


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
    maps, tints = draw_views(transforms, keys, numbers, size, side), draw_tints(transforms, keys, numbers)
    return Step(values, maps, tints, numbers)
