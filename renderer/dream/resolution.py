"""Half and double the resolution; torch's own functions for it take many times as long on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Pictures = Float[Tensor, "batch channels height width"]


def halved(pictures: Pictures) -> Float[Tensor, "batch channels upper left"]:
    """Means of 2 x 2 pixels; the last ones of an odd side are repeated. Differentiable."""
    halves: Tensor = _Halved.apply(pictures)
    return halves


def doubled(pictures: Pictures, size: tuple[int, int]) -> Float[Tensor, "batch channels height width"]:
    """Twice the resolution, bilinear; cut to a height and width that are odd where the last pixels were repeated."""
    height, width = size
    wide = _doubled_columns(pictures)[..., :width]
    return _doubled_columns(wide.transpose(2, 3))[..., :height].transpose(2, 3)


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor) -> Tensor:
        ctx.size = pictures.shape[-2:]
        return _halve(pictures)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        height, width = ctx.size
        spread = (gradient / 4).repeat_interleave(2, -1).repeat_interleave(2, -2)
        for axis, side in ((-2, height), (-1, width)):
            if side % 2:
                # The last pixel stood for two.
                spread.select(axis, side - 1).add_(spread.select(axis, side))
        return spread[..., :height, :width]


def _halve(pictures: Tensor) -> Tensor:
    height, width = pictures.shape[-2:]
    if height % 2 or width % 2:
        pictures = functional.pad(pictures, (0, width % 2, 0, height % 2), mode="replicate")
    rows = pictures[..., ::2, :] + pictures[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def _doubled_columns(pictures: Tensor) -> Tensor:
    near, far = pictures * 0.75, pictures * 0.25
    columns = pictures.new_empty((*pictures.shape[:-1], 2 * pictures.shape[-1]))
    left, right = columns[..., ::2], columns[..., 1::2]
    torch.add(near[..., 1:], far[..., :-1], out=left[..., 1:])
    torch.add(near[..., :-1], far[..., 1:], out=right[..., :-1])
    left[..., 0], right[..., -1] = pictures[..., 0], pictures[..., -1]
    return columns
