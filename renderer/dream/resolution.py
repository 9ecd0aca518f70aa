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


def doubled(
    pictures: Pictures, size: tuple[int, int], *, wrapped: bool = False
) -> Float[Tensor, "batch channels height width"]:
    """Twice the resolution, bilinear; cut to a height and width that are odd where the last pixels were repeated.

    Args:
        pictures: What is doubled.
        size: Height and width to be.
        wrapped: Whether the other side lies beyond a border, and not the last pixel once more.
    """
    height, width = size
    return _doubled(_doubled(pictures, -1, wrapped)[..., :width], -2, wrapped)[..., :height, :]


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


def _doubled(pictures: Tensor, axis: int, wrapped: bool) -> Tensor:  # noqa: FBT001
    """Twice as many columns (-1) or rows (-2)."""
    length = pictures.shape[axis]
    shape = list(pictures.shape)
    shape[axis] = 2 * length
    lines = pictures.new_empty(shape)

    def part(first: int, count: int, step: int = 1, of: Tensor = pictures) -> Tensor:
        places = [slice(None)] * of.ndim
        places[axis] = slice(first, first + (count - 1) * step + 1 if count else first, step)
        return of[tuple(places)]

    slopes = part(1, length - 1) - part(0, length - 1)
    torch.add(part(0, length - 1), slopes, alpha=0.25, out=part(1, length - 1, 2, lines))
    torch.sub(part(1, length - 1), slopes, alpha=0.25, out=part(2, length - 1, 2, lines))
    first, last = part(0, 1), part(length - 1, 1)
    part(0, 1, 1, lines).copy_(first.lerp(last, 0.25) if wrapped else first)
    part(2 * length - 1, 1, 1, lines).copy_(last.lerp(first, 0.25) if wrapped else last)
    return lines
