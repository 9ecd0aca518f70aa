"""What is kept small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from renderer.dream.dreaming import Regularizers
from renderer.dream.per_picture import per_picture

_FLAT = 1e-6


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


def upward(
    seen: Tensor,
    gradient: Tensor,
    penalties: Float[Tensor, " batch"],
    followed: Bool[Tensor, " batch"] | None,
    coordinates: Tensor,
) -> Tensor:
    """The gradient of the objective less the penalties.

    Args:
        seen: What the network was shown, computed from the coordinates.
        gradient: That of the objective with respect to it.
        penalties: What is subtracted, one a picture.
        followed: Whose penalties count; None for all.
        coordinates: With respect to what the gradient is taken.
    """
    if not penalties.requires_grad:  # nothing is kept small
        return torch.autograd.grad(seen, coordinates, gradient)[0]
    shares = torch.ones_like(penalties) if followed is None else followed.to(penalties)
    return torch.autograd.grad([seen, penalties], coordinates, [gradient, -shares])[0]


def total_variation(pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, " batch"]:
    """Mean length of the gradient of the pixels, times the shorter side: it does not depend on the resolution.

    Mahendran & Vedaldi 2014 (arXiv 1412.0035), with exponent 1.
    """
    lengths: Tensor = _MeanLength.apply(pictures)
    return lengths * min(pictures.shape[-2:])


class _MeanLength(torch.autograd.Function):
    """Mean length of the gradient of the pixels, with a backward pass of its own: slices are slow to differentiate."""

    @staticmethod
    def forward(ctx: Any, pictures: Tensor) -> Tensor:
        down = pictures[..., 1:, :-1] - pictures[..., :-1, :-1]
        right = pictures[..., :-1, 1:] - pictures[..., :-1, :-1]
        # The small constant keeps the gradient finite where the picture is flat.
        lengths = (down * down).addcmul_(right, right).add_(_FLAT).sqrt_()
        ctx.save_for_backward(down.div_(lengths), right.div_(lengths))
        means: Tensor = lengths.mean(dim=(1, 2, 3))
        return means

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        down, right = ctx.saved_tensors
        height, width = down.shape[-2:]
        share = (gradient / (3 * height * width)).view(-1, 1, 1, 1)
        moved = down.new_zeros((*down.shape[:2], height + 1, width + 1))
        moved[..., 1:, :-1] = down
        moved[..., :-1, 1:] += right
        moved[..., :-1, :-1] -= down + right
        spread: Tensor = moved.mul_(share)
        return spread
