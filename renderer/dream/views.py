"""Random views of a picture: what the network is shown in one step of the ascent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.dreaming import Transforms
from renderer.dream.per_picture import onto
from renderer.dream.pyramid import Pyramid, view_levels
from renderer.dream.randomness import PictureKey, uniform

_BRIGHTNESS = 0.3  # Change of brightness, white being 1, where contrast and saturation change by all of theirs.


def draw_views(
    transforms: Sequence[Transforms],
    keys: Sequence[PictureKey],
    steps: Sequence[int],
    size: tuple[int, int],
    view_size: int,
    canvas: Canvas = CANVASES["mirror"],
) -> Float[Tensor, "views rows 3"]:
    """Draw the views of one step: for each picture `Transforms.views` times the canvas's sides, one after another.

    Args:
        transforms: From what they are drawn, one a picture; all have equally many views.
        keys: Whose randomness is used, one a picture.
        steps: Number of the step, one a picture.
        size: Height and width of the pictures in pixels.
        view_size: Side of the views in pixels: what is smaller in the picture than their pixels is not seen.
        canvas: The surface on which the pictures are.

    Returns:
        Maps from the view's square to the canvas; see `Canvas.draw`.
    """
    drawn = [
        canvas.draw(own, partial(uniform, key, step), size, view_size)
        for own, key, step in zip(transforms, keys, steps, strict=True)
    ]
    return torch.from_numpy(np.concatenate(drawn))


def take_views(
    pictures: Float[Tensor, "batch 3 height width"],
    maps: Float[Tensor, "views rows 3"],
    size: int,
    canvas: Canvas = CANVASES["mirror"],
) -> Float[Tensor, "views 3 size size"]:
    """Look at the pictures through the maps.

    Args:
        pictures: Any values.
        maps: As from `draw_views`: equally many for each picture, in the order of the pictures.
        size: Side of the views in pixels.
        canvas: The surface on which the pictures are.

    Returns:
        The views; a view that shrinks the picture averages, so that nothing flickers that is smaller than its pixels.
    """
    return Pyramid(pictures, 1 + max(view_levels(maps, size)), canvas).views(maps, size)


def draw_tints(
    transforms: Sequence[Transforms], keys: Sequence[PictureKey], steps: Sequence[int], sides: int = 1
) -> Float[Tensor, "views 3"]:
    """Draw how the colors of each view are changed in one step: contrast, saturation and brightness, around 0.

    Args:
        transforms: From what they are drawn, one a picture.
        keys: Whose randomness is used, one a picture.
        steps: Number of the step, one a picture.
        sides: Those of the canvas.
    """
    numbers = [
        own.color * (2 * uniform(key, step, 3 * own.views * sides, "color").reshape(-1, 3) - 1)
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
