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

_CELLS = 6  # Cells of the low band along the shorter side.
_GRAY = 0.5

Pictures = Float[Tensor, "batch 3 height width"]


@torch.no_grad()
def keep_level(
    levels: Sequence[Level], pictures: Pictures, seconds: float, canvas: Canvas = CANVASES["mirror"]
) -> Pictures:
    """Take back a share of what the pictures have drifted: low frequencies toward gray, contrast down to the limit.

    Ascent in a feedback loop gains most in the low frequencies, until whole regions burn out. They are let down by
    themselves, so that detail keeps its strength.

    Args:
        levels: The limit, and how much of the deviation is taken back in a second; one a picture.
        pictures: Values in [0, 1].
        seconds: Film time since this was last done.
        canvas: What lies beyond the border.

    Returns:
        The leveled pictures, with values in [0, 1].
    """
    share = per_picture([1 - (1 - level.strength) ** seconds for level in levels], pictures)
    calm = _without_low_band(pictures, share, canvas)
    mean = calm.mean(dim=(2, 3), keepdim=True)
    detail = calm.sub_(mean)
    contrast = _length(detail) / math.sqrt(detail[0].numel() - 1)
    # Never more than there is: amplified, the finest detail would turn to grit.
    most = per_picture([level.contrast for level in levels], contrast)
    gain = (most / contrast.clamp(min=1e-4)).clamp(max=1) ** share
    return detail.mul_(gain).add_(mean).clamp_(0, 1)


def _length(pictures: Pictures) -> Float[Tensor, "batch 1 1 1"]:
    """The root of a picture's sum of squares: line by line first, which rounds less than one long sum."""
    lines = torch.linalg.vector_norm(pictures, dim=3, keepdim=True)
    length: Tensor = torch.linalg.vector_norm(lines, dim=(1, 2), keepdim=True)
    return length


def _without_low_band(pictures: Pictures, share: float | Tensor, canvas: Canvas) -> Pictures:
    """The pictures less a share of how far their low frequencies are from gray."""
    height, width = pictures.shape[-2:]
    cell = min(height, width) / _CELLS
    (gather_rows, spread_rows), (gather_columns, spread_columns) = (
        _tables(length, max(1, round(length / cell)), canvas, pictures.device) for length in (height, width)
    )
    cells = gather_rows @ (pictures @ gather_columns.T)
    low = spread_rows @ ((cells - _GRAY) * share)
    images = pictures.flatten(0, 1)
    calm = torch.baddbmm(images, low.flatten(0, 1), spread_columns.T.expand(len(images), -1, -1), alpha=-1)
    return calm.view_as(pictures)


@lru_cache(maxsize=16)
def _tables(
    length: int, cells: int, canvas: Canvas, device: torch.device
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
