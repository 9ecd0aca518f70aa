"""What lies beyond the border of a picture: for the camera's move and for the network's views alike."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from renderer.dream.per_picture import onto

Pictures = Float[Tensor, "batch 3 height width"]
Grid = Float[Tensor, "batch rows columns 2"]


class Canvas(Hashable, Protocol):
    """A rule that gives every place of the plane a place in the picture."""

    padding: Literal["reflect", "circular"]
    """The same rule, by torch's name."""

    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Numbers of pixels on a line of the given length, for numbers that may lie beyond its ends."""
        ...

    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read pictures at places of which -1 and 1 are the borders, x before y; interpolated, and differentiable."""
        ...


class Mirror:
    """Mirror images all around: no seam, whatever the picture."""

    padding: Literal["reflect", "circular"] = "reflect"

    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Reflect at the ends, which are repeated."""
        index = index.remainder(2 * length)
        return torch.minimum(index, 2 * length - 1 - index)

    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read mirrored pictures."""
        return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class Wrap:
    """The other side of the picture: it becomes a tile that can be laid beside itself without a seam."""

    padding: Literal["reflect", "circular"] = "circular"

    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Go on at the other end."""
        return index.remainder(length)

    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read repeated pictures; one more pixel on every side lets the last and the first mix."""
        sides = onto(torch.tensor(pictures.shape[:1:-1]), grid.device)
        pixels = ((grid + 1) * sides / 2).remainder(sides) + 1
        wide = functional.pad(pictures, (1, 1, 1, 1), mode="circular")
        return functional.grid_sample(wide, 2 * pixels / (sides + 2) - 1, mode="bilinear", align_corners=False)


CANVASES: Mapping[str, Canvas] = {"mirror": Mirror(), "wrap": Wrap()}
