"""Photographs that dreams begin with, and stay near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.canvas import Canvas
from renderer.dream.dreaming import Level
from renderer.dream.level import GRAY, keep_level
from renderer.dream.per_picture import onto, per_picture, rows_of
from renderer.targets.strength import LIKE_LOGITS

Pictures = Float[Tensor, "batch 3 height width"]

_STEEPNESS = 3.0
_MOST = 0.5


@dataclass(frozen=True)
class Reference:
    """A photograph that a dream begins with.

    Attributes:
        picture: Values in [0, 1], in the size of the dream.
        keep: How near to it the dream stays, from 0, not at all, to 1, where it is the photograph.
        layer: The layer by whose answers it stays near, `auto` for the network's texture layer; None for the pixels.
        mask: Where the dream is shown and not the photograph, in [0, 1]; None for everywhere.
        leads: Whether brightness and contrast are those of the photograph even where the dream does not stay near it.
    """

    picture: Float[Tensor, "1 3 height width"]
    keep: float = 0.0
    layer: str | None = None
    mask: Float[Tensor, "1 1 height width"] | None = None
    leads: bool = False

    @property
    def share(self) -> float:
        """Share of the way back to the photograph that is gone in each step."""
        if self.keep == 1:
            return 1.0
        return 0.0 if self.layer else _MOST * self.keep**_STEEPNESS

    @property
    def weight(self) -> float:
        """What is subtracted from the objective where a layer answers to dream and photograph as to nothing alike."""
        return LIKE_LOGITS * self.keep / (1 - self.keep) if self.layer and self.keep < 1 else 0.0


class References:
    """The references of some pictures, in one size."""

    def __init__(self, references: Sequence[Reference | None], size: tuple[int, int]) -> None:
        """Bring them to a size.

        Args:
            references: One a picture; either all or none of them are there.
            size: Height and width in pixels.
        """
        there = [one for one in references if one is not None]
        self._shares = [one.share for one in there]
        self._held = [bool(one.keep or one.leads) for one in there]
        self._masks = [one.mask for one in there]
        self.size = size
        self.pictures = resized(torch.cat([one.picture for one in there]), size) if there else None

    @property
    def holding(self) -> Pictures | None:
        """The references, if any picture is held near its own."""
        return self.pictures if any(self._held) else None

    @property
    def rest(self) -> Pictures | float:
        """What pictures are without contrast: their references where they are held near them, else gray."""
        if self.holding is None or all(self._held):
            return GRAY if self.holding is None else self.holding
        held = onto(torch.tensor(self._held), self.holding.device).view(-1, 1, 1, 1)
        return torch.where(held, self.holding, GRAY)

    def leveled(self, levels: Sequence[Level], pictures: Pictures, seconds: float, canvas: Canvas) -> Pictures:
        """Do as `keep_level` does: a picture that is held near its reference has the level of that, others of gray.

        So no picture follows from what else is in the batch.
        """
        if self.holding is None or all(self._held):
            return keep_level(levels, pictures, seconds, canvas, self.holding)
        leveled = torch.empty_like(pictures)
        for held in (True, False):
            rows = [row for row, own in enumerate(self._held) if own == held]
            toward = rows_of(self.holding, rows) if held else None
            own_levels = [levels[row] for row in rows]
            leveled[rows] = keep_level(own_levels, rows_of(pictures, rows), seconds, canvas, toward)
        return leveled

    def pull(self, coordinates: Tensor, own: Tensor, steps: int = 1) -> None:
        """Bring what stands for the pictures nearer to what stands for the references, in place, as some steps do."""
        shares = [1 - (1 - share) ** steps for share in self._shares]
        if any(shares):
            coordinates.add_((own - coordinates) * per_picture(shares, coordinates))

    def shown(self, pictures: Pictures, seconds: float = 1.0) -> Pictures:
        """The pictures where their masks show them, and the references elsewhere.

        Args:
            pictures: The pictures, in the size of the references.
            seconds: Film time since this was last done: where a mask is half open, half is lost in a second.
        """
        masks = self._resized_masks()
        if self.pictures is None or masks is None:
            return pictures
        return torch.lerp(self.pictures, pictures, masks**seconds)

    def seen(self, opacities: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch height width"]:
        """How opaque the pictures are, where their masks hide parts of them."""
        masks = self._resized_masks()
        return opacities if masks is None else opacities * masks[:, 0]

    def _resized_masks(self) -> Float[Tensor, "batch 1 height width"] | None:
        """The masks in the size of the references; None where there are none."""
        if self.pictures is None or all(mask is None for mask in self._masks):
            return None
        solid = self.pictures.new_ones(1, 1, *self.size)
        return torch.cat([solid if mask is None else resized(mask, self.size) for mask in self._masks])


def resized(pictures: Float[Tensor, "batch colors _ _"], size: tuple[int, int]) -> Float[Tensor, "batch colors _ _"]:
    """Pictures in another size; the same where they have it already."""
    if pictures.shape[-2:] == size:
        return pictures
    return functional.interpolate(pictures, size, mode="bilinear", antialias=True)


def enlarged(pictures: Pictures, before: References, after: References, canvas: Canvas) -> Pictures:
    """Pictures in another size. Where they have references, what was dreamed into them is, and goes onto those.

    So the photograph stays as sharp as it is, as in google/deepdream (2015).

    Args:
        pictures: In the old size.
        before: Their references in the old size.
        after: Those in the new one.
        canvas: The surface on which they are.
    """
    if before.pictures is None or after.pictures is None:
        return canvas.resized(pictures, after.size)
    return (after.pictures + canvas.resized(pictures - before.pictures, after.size)).clamp(0, 1)
