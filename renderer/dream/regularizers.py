"""What is kept small."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from renderer.dream.dreaming import Regularizers
from renderer.dream.per_picture import per_picture


def penalty(
    settings: Sequence[Regularizers], pictures: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, " batch"]:
    """Sum of the weighted regularizers of each picture, with values in [0, 1]; subtracted from the objective.

    Args:
        settings: The weights, one a picture.
        pictures: The pictures.
    """
    total = pictures.new_zeros(len(pictures))
    if any(one.total_variation for one in settings):
        total = total + per_picture([one.total_variation for one in settings], total) * total_variation(pictures)
    if any(one.l2 for one in settings):
        away = (pictures - 0.5).square().mean(dim=(1, 2, 3))
        total = total + per_picture([one.l2 for one in settings], total) * away
    return total


def total_variation(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, " batch"]:
    """Mean length of the gradient of the pixels, times the shorter side: it does not depend on the resolution.

    Mahendran & Vedaldi 2014 (arXiv 1412.0035), with exponent 1.
    """
    down = pictures[..., 1:, :-1] - pictures[..., :-1, :-1]
    right = pictures[..., :-1, 1:] - pictures[..., :-1, :-1]
    # The small constant keeps the square root's gradient finite where the picture is flat.
    lengths = (down.square() + right.square() + 1e-6).sqrt()
    return lengths.mean(dim=(1, 2, 3)) * min(pictures.shape[-2:])
