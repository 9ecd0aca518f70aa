"""Random views of a picture: what the network is shown in one step of the ascent."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.dreaming import Transforms
from renderer.dream.per_picture import onto
from renderer.dream.pyramid import Pyramid, view_levels
from renderer.dream.randomness import PictureKey, uniform

_MORE_AT_BORDER = 0.15  # Of a view's side.
_NUMBERS = 9  # Random ones for each view.
_BRIGHTNESS = 0.3  # Change of brightness, white being 1, where contrast and saturation change by all of theirs.


def draw_views(
    transforms: Sequence[Transforms],
    keys: Sequence[PictureKey],
    steps: Sequence[int],
    size: tuple[int, int],
    view_size: int,
) -> Float[Tensor, "views 2 3"]:
    """Draw the views of one step: for each picture `Transforms.views` of them, one after another.

    Args:
        transforms: From what they are drawn, one a picture; all have equally many views.
        keys: Whose randomness is used, one a picture.
        steps: Number of the step, one a picture.
        size: Height and width of the pictures in pixels.
        view_size: Side of the views in pixels: what is smaller in the picture than their pixels is not seen.

    Returns:
        Affine maps from the view's square, [-1, 1] in x and y, to the picture's pixels, the center of which is (0, 0).
    """
    maps = [
        _view(own, numbers, size, view_size)
        for own, key, step in zip(transforms, keys, steps, strict=True)
        for numbers in uniform(key, step, _NUMBERS * own.views).reshape(-1, _NUMBERS)
    ]
    return torch.from_numpy(np.stack(maps))


def take_views(
    pictures: Float[Tensor, "batch 3 height width"],
    maps: Float[Tensor, "views 2 3"],
    size: int,
    canvas: Canvas = CANVASES["mirror"],
) -> Float[Tensor, "views 3 size size"]:
    """Look at the pictures through the maps.

    Args:
        pictures: Any values.
        maps: As from `draw_views`: equally many for each picture, in the order of the pictures.
        size: Side of the views in pixels.
        canvas: What is seen beyond the border of a picture.

    Returns:
        The views; a view that shrinks the picture averages, so that nothing flickers that is smaller than its pixels.
    """
    return Pyramid(pictures, 1 + max(view_levels(maps, size)), canvas).views(maps, size)


def draw_tints(
    transforms: Sequence[Transforms], keys: Sequence[PictureKey], steps: Sequence[int]
) -> Float[Tensor, "views 3"]:
    """Draw how the colors of each view are changed in one step: contrast, saturation and brightness, around 0.

    Args:
        transforms: From what they are drawn, one a picture.
        keys: Whose randomness is used, one a picture.
        steps: Number of the step, one a picture.
    """
    numbers = [
        own.color * (2 * uniform(key, step, 3 * own.views, "color").reshape(-1, 3) - 1)
        for own, key, step in zip(transforms, keys, steps, strict=True)
    ]
    return torch.from_numpy(np.concatenate(numbers)).float()


def tint(
    views: Float[Tensor, "views 3 size size"], tints: Float[Tensor, "views 3"]
) -> Float[Tensor, "views 3 size size"]:
    """Change the colors of views, each as its row of `draw_tints` says."""
    contrast, saturation, brightness = (column[:, None, None] for column in onto(tints, views.device).unbind(1))
    colors = views.flatten(2)
    mean = colors.mean(dim=(1, 2), keepdim=True)
    # Contrast around the mean of the view, then saturation around the gray of each pixel: one matrix for the colors.
    own, gray = (1 + saturation) * (1 + contrast), saturation * (1 + contrast) / 3
    matrix = own * torch.eye(3, device=views.device) - gray * torch.ones(3, 3, device=views.device)
    return torch.baddbmm(_BRIGHTNESS * brightness - contrast * mean, matrix, colors).view_as(views)


def _view(
    transforms: Transforms, numbers: Float[np.ndarray, "9"], size: tuple[int, int], view_size: int
) -> Float[np.ndarray, "2 3"]:
    finest = view_size / min(size)
    if numbers[8] < transforms.detail and finest < transforms.crop[0]:
        side = min(size) * _between((finest, transforms.crop[0]), numbers[0])
    else:
        side = min(size) * _between(transforms.crop, numbers[0]) / _between(transforms.scale, numbers[1])
    angle = math.radians(transforms.rotate) * (2 * numbers[2] - 1)
    # Anywhere inside the picture (in its middle, if the view is larger), then shaken, also beyond the border. Views at
    # the border are drawn more often, since fewer views reach the pixels there.
    room = np.maximum(0, np.array(size[::-1]) - side) / 2
    center = np.clip((room + _MORE_AT_BORDER * side) * (2 * numbers[3:5] - 1), -room, room)
    center += transforms.jitter * side * (2 * numbers[5:7] - 1)
    cosine, sine = side / 2 * math.cos(angle), side / 2 * math.sin(angle)
    mirror = -1 if numbers[7] < transforms.flip else 1
    return np.array([[mirror * cosine, -sine, center[0]], [mirror * sine, cosine, center[1]]], dtype=np.float32)


def _between(limits: tuple[float, float], share: float) -> float:
    low, high = limits
    return low + (high - low) * share
