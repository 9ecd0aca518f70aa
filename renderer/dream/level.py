"""Keeping brightness, contrast and color level, while a picture feeds on itself for hours."""

from __future__ import annotations

from collections.abc import Sequence

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
    calm = pictures - share * (_low_band(pictures, canvas) - _GRAY)
    mean = calm.mean(dim=(2, 3), keepdim=True)
    contrast = (calm - mean).std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-4)
    # Never more than there is: amplified, the finest detail would turn to grit.
    gain = (per_picture([level.contrast for level in levels], contrast) / contrast).clamp(max=1) ** share
    leveled: Tensor = mean + gain * (calm - mean)
    return leveled.clamp(0, 1)


def _low_band(pictures: Pictures, canvas: Canvas) -> Pictures:
    height, width = pictures.shape[-2:]
    cell = min(height, width) / _CELLS
    cells = functional.adaptive_avg_pool2d(pictures, (max(1, round(height / cell)), max(1, round(width / cell))))
    if canvas.padding == "circular":
        # Interpolated across the border, or there would be a seam.
        same = torch.eye(2, 3, device=pictures.device).expand(len(pictures), -1, -1)
        grid = functional.affine_grid(same, [len(pictures), 3, height, width], align_corners=False)
        return canvas.sample(cells, grid)
    return functional.interpolate(cells, (height, width), mode="bicubic", align_corners=False)
