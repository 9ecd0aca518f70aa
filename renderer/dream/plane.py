"""Flat pictures: how views lie in them, and what lies beyond their borders."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial, reduce
from itertools import product
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from renderer.dream.dreaming import Transforms
from renderer.dream.per_picture import onto, rows_of
from renderer.dream.resolution import doubled, halved

Pictures = Float[Tensor, "batch 3 height width"]
Grid = Float[Tensor, "batch rows columns 2"]
Maps = Float[Tensor, "views 2 3"]
Views = Float[Tensor, "views 3 size size"]

_REPEATED = 3  # How far away a repetition of a picture can be seen: a view is at most a few times as large.
_MORE_AT_BORDER = 0.15  # Of a view's side.
_NUMBERS = 9  # Random ones for each view.


class Layer(NamedTuple):
    """One of several resolutions of a picture.

    Attributes:
        size: Height and width.
        whole: Those of the picture itself.
        number: How often its resolution was halved.
    """

    size: tuple[int, int]
    whole: tuple[int, int]
    number: int


class Plane(ABC):
    """The plane, each place of which has a place in the picture."""

    is_flat: bool = True
    """Whether pictures can be held as a whole in coordinates that are even on the surface."""
    sides: int = 1
    """How many views show all of it about once."""
    padding: ClassVar[Literal["reflect", "circular"]]
    """What lies beyond a border, by torch's name."""

    @abstractmethod
    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Numbers of pixels on a line of the given length, for numbers that may lie beyond its ends."""

    @abstractmethod
    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read pictures at places of which -1 and 1 are the borders, x before y; interpolated, and differentiable."""

    def draw(
        self,
        transforms: Transforms,
        numbers: Callable[[int], Float[np.ndarray, " count"]],
        size: tuple[int, int],
        side: int,
    ) -> Float[np.ndarray, "views 2 3"]:
        """Draw the views of one picture in one step: squares anywhere inside it.

        Args:
            transforms: From what they are drawn; there are `sides` for each view that it asks for.
            numbers: Gives so many random numbers in [0, 1).
            size: Height and width of the picture.
            side: Side of a view in pixels.

        Returns:
            Affine maps from the view's square, [-1, 1] in x and y, to the picture's pixels, the center of which is
            (0, 0).
        """
        drawn = numbers(_NUMBERS * transforms.views).reshape(-1, _NUMBERS)
        return np.stack([_view(transforms, own, size, side) for own in drawn])

    def read(self, pictures: Pictures, owners: list[int], maps: Maps, side: int, layer: Layer) -> Views:
        """Look at pictures of a layer, of which the owners are the numbers, through maps; differentiable."""
        to_layer = _compose(_onto(layer), maps)
        return self.sample(rows_of(pictures, owners), _grid(to_layer, (side, side), pictures.device))

    def spread(self, changes: Views, maps: Maps, layer: Layer) -> Float[Tensor, "views 3 rows columns"]:
        """What changes of views add to the pixels of a layer; beyond the views' borders nothing.

        What was seen beyond a picture's border is changed where the canvas repeats the picture; mirror images of it,
        which would be in their own way, are left out.
        """
        to_views = _inverse(_compose(_onto(layer), maps))
        grids = (_grid(own, layer.size, changes.device) for own in self._repeated(to_views, layer))
        read = partial(functional.grid_sample, mode="bilinear", padding_mode="zeros", align_corners=False)
        return reduce(Tensor.add_, (read(changes, grid) for grid in grids))

    def surrounded(self, pictures: Pictures, reach: int) -> Float[Tensor, "batch 3 rows columns"]:
        """The pictures with so many pixels of what lies beyond their borders on each side."""
        return functional.pad(pictures, (reach, reach, reach, reach), mode=self.padding)

    def halved(self, pictures: Pictures) -> Float[Tensor, "batch 3 upper left"]:
        """Half the resolution, as means of 2 x 2 pixels; differentiable."""
        return halved(pictures)

    def doubled(self, pictures: Pictures, size: tuple[int, int]) -> Pictures:
        """Undo `halved`, bilinear, for pictures of the given height and width."""
        return doubled(pictures, size, wrapped=self.padding == "circular")

    def scattered(self, noise: Pictures) -> Pictures:
        """Make noise around gray, of each pixel by itself, as strong and as fine everywhere; here it is."""
        return noise

    def resized(self, pictures: Pictures, size: tuple[int, int]) -> Pictures:
        """The pictures in another height and width: bilinear, or as means."""
        return functional.interpolate(pictures, size, mode="bilinear", antialias=True)

    def _repeated(self, to_views: Maps, layer: Layer) -> Iterator[Maps]:
        """The maps from a layer to its views, for each repetition of the picture that any view shows a part of."""
        if self.padding != "circular":
            yield to_views
            return
        (height, width), (rows, columns) = layer.whole, layer.size
        scale = 2**layer.number
        period = torch.tensor([2 * width / (columns * scale), 2 * height / (rows * scale)], dtype=torch.float64)
        for tile in product(range(-_REPEATED, _REPEATED + 1), repeat=2):
            moved = to_views.clone()
            moved[..., 2] += to_views[..., :2] @ (period * torch.tensor(tile, dtype=torch.float64))
            if tile == (0, 0) or _meets(moved):
                yield moved


class Mirror(Plane):
    """Mirror images all around: no seam, whatever the picture."""

    padding = "reflect"

    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Reflect at the ends, which are repeated."""
        index = index.remainder(2 * length)
        return torch.minimum(index, 2 * length - 1 - index)

    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read mirrored pictures."""
        return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


class Wrap(Plane):
    """The other side of the picture: it becomes a tile that can be laid beside itself without a seam."""

    padding = "circular"

    def fold(self, index: Int[Tensor, "..."], length: int) -> Int[Tensor, "..."]:
        """Go on at the other end."""
        return index.remainder(length)

    def sample(self, pictures: Pictures, grid: Grid) -> Float[Tensor, "batch 3 rows columns"]:
        """Read repeated pictures; one more pixel on every side lets the last and the first mix."""
        sides = onto(torch.tensor(pictures.shape[:1:-1]), grid.device)
        pixels = ((grid + 1) * sides / 2).remainder(sides) + 1
        wide = functional.pad(pictures, (1, 1, 1, 1), mode="circular")
        return functional.grid_sample(wide, 2 * pixels / (sides + 2) - 1, mode="bilinear", align_corners=False)


def _view(
    transforms: Transforms, numbers: Float[np.ndarray, "9"], size: tuple[int, int], view_size: int
) -> Float[np.ndarray, "2 3"]:
    finest = view_size / min(size)
    if numbers[8] < transforms.detail and finest < transforms.crop[0]:
        side = min(size) * between((finest, transforms.crop[0]), numbers[0])
    else:
        side = min(size) * between(transforms.crop, numbers[0]) / between(transforms.scale, numbers[1])
    angle = math.radians(transforms.rotate) * (2 * numbers[2] - 1)
    # Anywhere inside the picture (in its middle, if the view is larger), then shaken, also beyond the border. Views at
    # the border are drawn more often, since fewer views reach the pixels there.
    room = np.maximum(0, np.array(size[::-1]) - side) / 2
    center = np.clip((room + _MORE_AT_BORDER * side) * (2 * numbers[3:5] - 1), -room, room)
    center += transforms.jitter * side * (2 * numbers[5:7] - 1)
    cosine, sine = side / 2 * math.cos(angle), side / 2 * math.sin(angle)
    mirror = -1 if numbers[7] < transforms.flip else 1
    return np.array([[mirror * cosine, -sine, center[0]], [mirror * sine, cosine, center[1]]], dtype=np.float32)


def between(limits: tuple[float, float], share: float) -> float:
    """The value at a share of the way from the one limit to the other."""
    low, high = limits
    return low + (high - low) * share


def _onto(layer: Layer) -> Float[Tensor, "2 3"]:
    """The map from the pixels of the pictures, around their center, to a layer's square, [-1, 1] in x and y."""
    (height, width), (rows, columns) = layer.whole, layer.size
    across, down = columns * 2**layer.number, rows * 2**layer.number
    return torch.tensor([[2 / across, 0, width / across - 1], [0, 2 / down, height / down - 1]], dtype=torch.float64)


def _compose(outer: Float[Tensor, "2 3"], maps: Maps) -> Maps:
    composed = outer[:, :2] @ maps.double()
    composed[..., 2] += outer[:, 2]
    return composed


def _inverse(maps: Maps) -> Maps:
    turned = torch.linalg.inv(maps[..., :2])
    return torch.cat([turned, -turned @ maps[..., 2:]], dim=2)


def _meets(maps: Maps) -> bool:
    """Whether any map leads from the square to one that it may have points in common with."""
    reach = maps[..., :2].abs().sum(dim=2)
    return bool(((maps[..., 2].abs() - reach).amax(dim=1) < 1).any())


def _grid(maps: Maps, size: tuple[int, int], device: torch.device) -> Float[Tensor, "views rows columns 2"]:
    """Where the pixels of a square of the given height and width lie after the maps."""
    maps = onto(maps.float(), device)
    down, across = (pixel_centers(side, device) for side in size)
    grid = torch.empty((len(maps), *size, 2), device=device)
    for axis in range(2):
        rows = maps[:, axis, 1, None] * down + maps[:, axis, 2, None]
        columns = maps[:, axis, 0, None] * across
        torch.add(rows[:, :, None], columns[:, None, :], out=grid[..., axis])
    return grid


def pixel_centers(count: int, device: torch.device) -> Float[Tensor, " count"]:
    """Places of the pixels of a line that goes from -1 to 1."""
    return torch.arange(count, device=device, dtype=torch.float32).add_(0.5).mul_(2 / count).sub_(1)
