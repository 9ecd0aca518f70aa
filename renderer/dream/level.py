"""Keeping brightness, contrast and color level, while a picture feeds on itself for hours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.dreaming import Level
from renderer.dream.per_picture import per_picture
from renderer.dream.plane import Plane
from renderer.dream.sphere import Sphere, angles

_CELLS = 6  # Cells of the low band along the shorter side.
_SPHERE_ROWS = 32  # Of the small panorama in which its low band is found.
_SPHERE_BLUR = 6.0  # Degrees: as wide as cells, of which there are six in a view of 90 degrees, and their edges.
GRAY = 0.5
"""What is level where there is no photograph."""

Pictures = Float[Tensor, "batch 3 height width"]


@torch.no_grad()
def keep_level(
    levels: Sequence[Level],
    pictures: Pictures,
    seconds: float,
    canvas: Canvas = CANVASES["mirror"],
    toward: Pictures | None = None,
) -> Pictures:
    """Take back a share of what the pictures have drifted: low frequencies toward gray, contrast down to the limit.

    Ascent in a feedback loop gains most in the low frequencies, until whole regions burn out. They are let down by
    themselves, so that detail keeps its strength.

    Args:
        levels: The limit, and how much of the deviation is taken back in a second; one a picture.
        pictures: Values in [0, 1].
        seconds: Film time since this was last done.
        canvas: What lies beyond the border.
        toward: Pictures whose low frequencies and contrast are taken for level; None for gray, and the limit alone.

    Returns:
        The leveled pictures, with values in [0, 1].
    """
    share = per_picture([1 - (1 - level.strength) ** seconds for level in levels], pictures)
    leveled = _leveled(pictures, GRAY if toward is None else toward, share, canvas)
    mean, detail, contrast = _measured(leveled, canvas)
    # Never more than there is: amplified, the finest detail would turn to grit.
    most = per_picture([level.contrast for level in levels], contrast)
    if toward is not None:
        own = _measured(toward.clone(), canvas)[2]
        most = most + (own - most).clamp(min=0)
    gain = (most / contrast.clamp(min=1e-4)).clamp(max=1) ** share
    return detail.mul_(gain).add_(mean).clamp_(0, 1)


def _leveled(pictures: Pictures, level: Pictures | float, share: float | Tensor, canvas: Canvas) -> Pictures:
    """The pictures less a share of how far their low frequencies are from those of the level."""
    if not isinstance(canvas, Sphere):
        return _without_low_band(pictures, level, share, canvas)
    wanted = _low_band(level, canvas) if isinstance(level, Tensor) else level
    return pictures - (_low_band(pictures, canvas) - wanted) * share


def _measured(pictures: Pictures, canvas: Canvas) -> tuple[Tensor, Pictures, Tensor]:
    """Mean color of pictures, what differs from it, in their place, and the standard deviation of that.

    On a sphere each pixel counts as much as its area.
    """
    if not isinstance(canvas, Sphere):
        mean = pictures.mean(dim=(2, 3), keepdim=True)
        detail = pictures.sub_(mean)
        return mean, detail, _length(detail) / math.sqrt(detail[0].numel() - 1)
    areas = _areas((pictures.shape[-2], pictures.shape[-1]), pictures.device)
    mean = (pictures * areas).sum(dim=(2, 3), keepdim=True)
    detail = pictures.sub_(mean)
    return mean, detail, (detail.square() * areas).sum(dim=(2, 3), keepdim=True).mean(1, keepdim=True).sqrt()


def _length(pictures: Pictures) -> Float[Tensor, "batch 1 1 1"]:
    """The root of a picture's sum of squares: line by line first, which rounds less than one long sum."""
    lines = torch.linalg.vector_norm(pictures, dim=3, keepdim=True)
    length: Tensor = torch.linalg.vector_norm(lines, dim=(1, 2), keepdim=True)
    return length


def _without_low_band(pictures: Pictures, level: Pictures | float, share: float | Tensor, canvas: Plane) -> Pictures:
    """The pictures less a share of how far their low frequencies are from those of the level."""
    height, width = pictures.shape[-2:]
    cell = min(height, width) / _CELLS
    (gather_rows, spread_rows), (gather_columns, spread_columns) = (
        _tables(length, max(1, round(length / cell)), canvas, pictures.device) for length in (height, width)
    )
    cells = gather_rows @ (pictures @ gather_columns.T)
    wanted = gather_rows @ (level @ gather_columns.T) if isinstance(level, Tensor) else level
    low = spread_rows @ ((cells - wanted) * share)
    images = pictures.flatten(0, 1)
    calm = torch.baddbmm(images, low.flatten(0, 1), spread_columns.T.expand(len(images), -1, -1), alpha=-1)
    return calm.view_as(pictures)


@lru_cache(maxsize=16)
def _tables(
    length: int, cells: int, canvas: Plane, device: torch.device
) -> tuple[Float[Tensor, "cells length"], Float[Tensor, "length cells"]]:
    """Matrices that give a line's cells, as means of its pixels, and a line that goes smoothly from cell to cell."""
    gather = functional.adaptive_avg_pool1d(torch.eye(length)[None], cells)[0].T
    each = torch.eye(cells).view(cells, 1, cells, 1).expand(-1, 3, -1, -1)
    if canvas.padding == "circular":
        # Interpolated across the border, or there would be a seam.
        same = torch.eye(2, 3).expand(cells, -1, -1)
        spread = canvas.sample(each, functional.affine_grid(same, [cells, 3, length, 1], align_corners=False))
    else:
        spread = functional.interpolate(each, (length, 1), mode="bicubic", align_corners=False)
    return gather.contiguous().to(device), spread[:, 0, :, 0].T.contiguous().to(device)


def _low_band(pictures: Pictures, sphere: Sphere) -> Pictures:
    """The low frequencies of panoramas, the same ones everywhere on the sphere."""
    height, width = pictures.shape[-2:]
    rows = min(_SPHERE_ROWS, height)
    cells = functional.adaptive_avg_pool2d(pictures, (rows, 2 * rows))
    low = (cells.flatten(2) @ _sphere_blur(rows, pictures.device)).view_as(cells)
    return sphere.resized(low, (height, width), "bicubic")


@lru_cache(maxsize=4)
def _sphere_blur(rows: int, device: torch.device) -> Float[Tensor, "cells cells"]:
    """What each cell of a small panorama, a row here, gives to each: less and less with the angle between them."""
    size = (rows, 2 * rows)
    latitudes, longitudes = (line.double() for line in angles(size, torch.device("cpu")))
    level, up = latitudes.cos()[:, None], latitudes.sin()[:, None].expand(size)
    directions = torch.stack([level * longitudes.sin(), up, level * longitudes.cos()], -1).flatten(0, 1)
    away = torch.acos((directions @ directions.T).clamp(-1, 1))
    near = torch.exp(-(away / math.radians(_SPHERE_BLUR)).square() / 2) * level.expand(size).reshape(-1, 1)
    return (near / near.sum(0)).float().to(device)


@lru_cache(maxsize=16)
def _areas(size: tuple[int, int], device: torch.device) -> Float[Tensor, "height 1"]:
    """Share of a sphere that each pixel of a row has."""
    areas = angles(size, device)[0].cos()
    return (areas / (areas.sum() * size[1]))[:, None]
