"""Panoramas: pictures of all directions, with as many columns for each degree of longitude as rows for latitude.

A view of one is gnomonic: the picture on a plane that touches the sphere, as a camera without a distorting lens takes
it. So the network sees no seam and no pole. Directions are x to the right, y down, and z forward to the picture's
middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.dreaming import Transforms
from renderer.dream.per_picture import onto
from renderer.dream.plane import Layer, between, pixel_centers
from renderer.dream.resolution import halved

Pictures = Float[Tensor, "batch 3 height width"]
Grid = Float[Tensor, "batch rows columns 2"]
Maps = Float[Tensor, "views 3 3"]
Views = Float[Tensor, "views 3 size size"]

USUAL_ANGLE, WIDEST_ANGLE = 90.0, 120.0
"""What a view of crop 1 spans in degrees, and the most: a plane shows less than 180, and stretches the rest."""
_UPRIGHT = (40.0, 70.0)  # Latitudes in degrees: to the one all views are upright, from the other on all are raised.
_TURN, _NUMBERS = 3, 8  # Random numbers of a turned cube, and of each of its sides.
_NEAREST = 0.1  # Cosine of the angle from a view's middle of what may be in it.
_OUTSIDE = 2.0
_FADING = 0.25  # Over so much more than the finest frequency is faded out.
_NOISE = 0.5  # Of the finest frequency is kept of noise.
_GRAY = 0.5


class Sphere:
    """All directions: beyond the left border is the right one, and beyond a pole its other side."""

    is_flat: bool = False
    sides: int = 6

    def draw(
        self,
        transforms: Transforms,
        numbers: Callable[[int], Float[np.ndarray, " count"]],
        size: tuple[int, int],
        side: int,
    ) -> Float[np.ndarray, "views 3 3"]:
        """Draw the views of one picture in one step: toward the sides of a cube that is turned at random.

        Each is upright, but for `Transforms.rotate`; near a pole, for who looked ahead and then raised or lowered the
        head. The arguments are those of `Plane.draw`.

        Returns:
            Linear maps from places (x, y, 1), where x and y are in [-1, 1] in the view's square, to directions. Where
            x and y are 0, these are as long as the radius of a sphere with a circumference of the picture's width.
        """
        drawn = numbers((_TURN + self.sides * _NUMBERS) * transforms.views).reshape(transforms.views, -1)
        maps = []
        for own in drawn:
            axes = _turned(own[:_TURN])
            for direction, each in zip(np.concatenate([axes, -axes]), own[_TURN:].reshape(-1, _NUMBERS), strict=True):
                maps.append(_view(transforms, direction, each, size[0], side))
        return np.stack(maps)

    def read(self, pictures: Pictures, owners: list[int], maps: Maps, side: int, layer: Layer) -> Views:
        """Look at pictures of a layer, of which the owners are the numbers, through maps; differentiable."""
        wide, grid = self.surrounded(pictures, 1), _to_wide(_seen(maps, side, pictures.device), layer.size, 1)
        parts = []
        for owner in sorted(set(owners)):
            places = [place for place, one in enumerate(owners) if one == owner]
            # The views of a picture above one another: so it is not copied for each.
            own = grid if len(places) == len(owners) else grid[places]
            read = functional.grid_sample(wide[owner, None], own.flatten(0, 1)[None], align_corners=False)
            parts.append(read.view(-1, len(places), side, side).transpose(0, 1))
        return torch.cat(parts)

    def spread(self, changes: Views, maps: Maps, layer: Layer) -> Float[Tensor, "views 3 rows columns"]:
        """What changes of views add to the pixels of a layer; beyond the views' borders nothing."""
        spread = changes.new_zeros((*changes.shape[:2], *layer.size))
        inverses = torch.linalg.inv(maps.double())
        for own, inverse, change, made in zip(maps, inverses, changes, spread, strict=True):
            band = _band(own.double(), layer.size[0])
            grid = _places(inverse, layer.size, band, changes.device)
            made[:, band] = functional.grid_sample(change[None], grid[None], align_corners=False)[0]
        return spread

    def sample(self, pictures: Pictures, grid: Grid, mode: str = "bilinear") -> Float[Tensor, "batch 3 rows columns"]:
        """Read pictures; places lie within the borders."""
        reach = 1 if mode == "bilinear" else 2
        size = (pictures.shape[-2], pictures.shape[-1])
        wide = _to_wide(grid, size, reach)
        return functional.grid_sample(self.surrounded(pictures, reach), wide, mode=mode, align_corners=False)

    def surrounded(self, pictures: Pictures, reach: int) -> Float[Tensor, "batch 3 rows columns"]:
        """With the other side of the poles above and below, and the right border at the left."""
        opposite = torch.cat([pictures[..., :reach, :], pictures[..., -reach:, :]], -2).roll(
            pictures.shape[-1] // 2, -1
        )
        above, below = opposite[..., :reach, :].flip(-2), opposite[..., reach:, :].flip(-2)
        tall = torch.cat([above, pictures, below], -2)
        return torch.cat([tall[..., -reach:], tall, tall[..., :reach]], -1)

    def halved(self, pictures: Pictures) -> Float[Tensor, "batch 3 upper left"]:
        """Half as many rows, and twice as many columns as these."""
        height, width = pictures.shape[-2:]
        rows = -(-height // 2)
        is_even = (2 * rows, 4 * rows) == (height, width)
        half = halved(pictures) if is_even else functional.adaptive_avg_pool2d(pictures, (rows, 2 * rows))
        return self.evened(half)

    def doubled(self, pictures: Pictures, size: tuple[int, int]) -> Pictures:
        """Bilinear."""
        return self.resized(pictures, size)

    def resized(self, pictures: Pictures, size: tuple[int, int], mode: str = "bilinear") -> Pictures:
        """Interpolated."""
        if size == pictures.shape[-2:]:
            return pictures
        down, across = (pixel_centers(side, pictures.device) for side in size)
        grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)
        return self.sample(pictures, grid.expand(len(pictures), -1, -1, -1), mode)

    def evened(self, pictures: Pictures, share: float = 1.0) -> Pictures:
        """Take away what is finer along a row than pixels at the equator: toward the poles there are ever more of them.

        Args:
            pictures: Any values.
            share: Of the finest frequency at the equator that is kept.
        """
        shares = _row_shares((pictures.shape[-2], pictures.shape[-1]), pictures.device, share)
        evened: Pictures = torch.fft.irfft(torch.fft.rfft(pictures) * shares, n=pictures.shape[-1])
        return evened

    def scattered(self, noise: Pictures) -> Pictures:
        """Make noise around gray, of each pixel by itself, as strong and as fine everywhere on the sphere.

        What is finer than two pixels at the equator is left out, for moves would blur it at the equator alone; the rest
        is as strong there as it was.
        """
        size = height, width = noise.shape[-2], noise.shape[-1]
        along, down = _row_shares(size, noise.device, _NOISE), _shares(height, 2 * height, noise.device, _NOISE)
        calm: Pictures = torch.fft.irfft(torch.fft.rfft(noise - _GRAY) * along, n=width)
        # A meridian goes on behind the pole: so it is a circle too.
        around = torch.cat([calm, calm.roll(width // 2, -1).flip(-2)], -2)
        calm = torch.fft.irfft(torch.fft.rfft(around, dim=-2) * down[:, None], n=2 * height, dim=-2)[..., :height, :]
        kept = along.square().mean(1, keepdim=True)
        return (_GRAY + calm * (kept.amax() / kept).sqrt()).clamp(0, 1)


def _turned(numbers: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Three axes, at right angles to each other, turned in any way as likely as in any other (Shoemake 1992)."""
    first, second = math.sqrt(1 - numbers[0]), math.sqrt(numbers[0])
    x, y = first * math.sin(math.tau * numbers[1]), first * math.cos(math.tau * numbers[1])
    z, w = second * math.sin(math.tau * numbers[2]), second * math.cos(math.tau * numbers[2])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _view(
    transforms: Transforms, direction: Float[np.ndarray, "3"], numbers: Float[np.ndarray, "8"], height: int, side: int
) -> Float[np.ndarray, "3 3"]:
    """A view in about that direction."""
    finest = side * 180 / height / USUAL_ANGLE
    if numbers[6] < transforms.detail and finest < transforms.crop[0]:
        share = between((finest, transforms.crop[0]), numbers[0])
    else:
        share = between(transforms.crop, numbers[0]) / between(transforms.scale, numbers[1])
    angle = math.radians(min(USUAL_ANGLE * share, WIDEST_ANGLE))
    shift = transforms.jitter * angle * (2 * numbers[3:5] - 1)
    right, down = _frame(direction)
    forward = direction + shift[0] * right + shift[1] * down
    roll = math.radians(transforms.rotate) * (2 * numbers[2] - 1)
    above = abs(math.degrees(math.asin(min(1.0, max(-1.0, direction[1])))))
    if numbers[7] * (_UPRIGHT[1] - _UPRIGHT[0]) < above - _UPRIGHT[0]:
        roll += _raised(forward / np.linalg.norm(forward))
    return gnomonic(forward, angle, height, roll=roll, mirror=-1 if numbers[5] < transforms.flip else 1)


def gnomonic(
    forward: Float[np.ndarray, "3"], angle: float, height: int, *, roll: float = 0.0, mirror: int = 1
) -> Float[np.ndarray, "3 3"]:
    """The map of a square view of a panorama.

    Args:
        forward: Direction of its middle, of any length.
        angle: What it spans, in radians.
        height: Of the panorama in pixels: the sphere's circumference is twice that.
        roll: By how much it is turned, in radians.
        mirror: -1 where left and right are swapped.
    """
    forward = forward / np.linalg.norm(forward)
    right, down = _frame(forward)
    reach, cosine, sine = math.tan(angle / 2), math.cos(roll), math.sin(roll)
    across, along = mirror * (cosine * right + sine * down), cosine * down - sine * right
    columns = np.stack([reach * across, reach * along, forward], axis=1)
    return (columns * (height / math.pi)).astype(np.float32)


def _frame(forward: Float[np.ndarray, "3"]) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """What is to the right of a direction and what is below it, where the upper pole is above."""
    longitude, latitude = math.atan2(forward[0], forward[2]), math.asin(min(1.0, max(-1.0, forward[1])))
    right = np.array([math.cos(longitude), 0.0, -math.sin(longitude)])
    sine = math.sin(latitude)
    return right, np.array([-sine * math.sin(longitude), math.cos(latitude), -sine * math.cos(longitude)])


def _raised(forward: Float[np.ndarray, "3"]) -> float:
    """By how much a view is turned, in radians, that is upright for who looked ahead and then raised the head.

    If views were upright up to a pole, things would stand around it like rays.
    """
    right, down = _frame(forward)
    return math.atan2(float(down[0]), float(right[0]))


def to_places(directions: Float[Tensor, "... 3"]) -> Float[Tensor, "... 2"]:
    """Longitudes and latitudes as places of a picture, of which -1 and 1 are the borders."""
    x, y, z = directions.unbind(-1)
    return torch.stack([torch.atan2(x, z) / math.pi, torch.atan2(y, torch.hypot(x, z)) / (math.pi / 2)], -1)


def angles(size: tuple[int, int], device: torch.device) -> tuple[Float[Tensor, " rows"], Float[Tensor, " columns"]]:
    """Latitudes, down, of rows and longitudes of columns, in radians."""
    rows, columns = (pixel_centers(side, device) for side in size)
    return rows * (math.pi / 2), columns * math.pi


def _seen(maps: Maps, side: int, device: torch.device) -> Float[Tensor, "views side side 2"]:
    """Places of the pixels of views."""
    line = pixel_centers(side, device)
    square = torch.stack([*torch.meshgrid(line, line, indexing="xy"), torch.ones(side, side, device=device)], -1)
    return to_places(square @ onto(maps.float(), device).transpose(1, 2)[:, None])


def _to_wide(grid: Grid, size: tuple[int, int], reach: int) -> Grid:
    """Places of pictures that were surrounded, from places of the pictures."""
    height, width = size
    return grid * grid.new_tensor([width / (width + 2 * reach), height / (height + 2 * reach)])


def _band(view: Float[Tensor, "3 3"], rows: int) -> slice:
    """The rows in which a view can be."""
    across, along, forward = view.unbind(1)
    latitude = math.asin(float((forward[1] / forward.norm()).clamp(-1, 1)))
    reach = math.atan(math.sqrt(2) * max(float(across.norm()), float(along.norm())) / float(forward.norm()))
    first, last = ((latitude + way * reach) / math.pi + 0.5 for way in (-1, 1))
    return slice(max(0, math.floor(first * rows) - 1), min(rows, math.ceil(last * rows) + 1))


def _places(
    inverse: Float[Tensor, "3 3"], size: tuple[int, int], band: slice, device: torch.device
) -> Float[Tensor, "rows columns 2"]:
    """Where in a view the pixels of some rows of a panorama lie."""
    latitudes, longitudes = angles(size, device)
    inverse, latitudes = onto((inverse / inverse[2].norm()).float(), device), latitudes[band]
    around = inverse[:, 0, None] * longitudes.sin() + inverse[:, 2, None] * longitudes.cos()
    upward = inverse[:, 1, None] * latitudes.sin()
    x, y, z = torch.addcmul(upward[:, :, None], latitudes.cos()[:, None], around[:, None])
    return torch.where((z > _NEAREST)[..., None], torch.stack([x / z, y / z], -1), _OUTSIDE)


@lru_cache(maxsize=16)
def _row_shares(size: tuple[int, int], device: torch.device, share: float = 1.0) -> Float[Tensor, "height half"]:
    """How much is kept of each frequency along a row, so that it is no finer than a pixel at the equator.

    Args:
        size: Height and width.
        device: Where they are needed.
        share: Of the finest frequency at the equator that is kept.
    """
    latitudes, _ = angles(size, device)
    return _shares(latitudes.cos()[:, None] * (size[1] / 2), size[1], device, share)


def _shares(
    finest: float | Float[Tensor, "..."], length: int, device: torch.device, share: float
) -> Float[Tensor, "... half"]:
    """How much is kept of each frequency along a closed line."""
    frequencies = torch.arange(length // 2 + 1, device=device, dtype=torch.float32)
    beyond = ((frequencies / (share * finest) - 1) / _FADING).clamp(0, 1)
    return (1 + (math.pi * beyond).cos()) / 2
