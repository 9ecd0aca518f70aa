"""What each pixel of a line is made of where the line is shifted or scaled: long windowed sincs."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from renderer.dream.plane import Plane

TAPS = 16
"""Weights of a pixel: enough that a hundred moves in a row take nothing from the detail."""
_KAISER_BETA = 6.0
_FIRST = 1 - TAPS // 2


def around_middle(count: int) -> Float[Tensor, " count"]:
    """Distances of pixels, or of lines, from the middle."""
    return torch.arange(count, dtype=torch.float64) - (count - 1) / 2


def shift_weights(
    shifts: Float[Tensor, " lines"],
) -> tuple[Int[Tensor, " lines"], Float[Tensor, "lines taps"]]:
    """Where a shifted pixel's neighbors begin, counted from itself, and what each of them gives to it."""
    whole = shifts.floor()
    weights = _kernel(torch.arange(_FIRST, _FIRST + TAPS) - (shifts - whole)[..., None])
    return whole.long() + _FIRST, weights / weights.sum(-1, keepdim=True)


def scale_weights(
    scale: float, shift: float, length: int, canvas: Plane
) -> tuple[Int[Tensor, "length taps"], Float[Tensor, "length taps"]]:
    """For each pixel of a line the pixels that it is made of, some of them maybe twice, and what each gives to it.

    The line is shifted, and then each pixel read from `scale` times as far from the middle; averages where it shrinks.
    """
    source = scale * around_middle(length) + (length - 1) / 2
    width = max(1.0, scale)
    reach = math.ceil(TAPS / 2 * width)
    taps = torch.arange(1 - reach, reach + 1)
    first = source.floor()
    weights = _kernel((taps - (source - first)[:, None]) / width)
    weights = weights / weights.sum(-1, keepdim=True)
    index = canvas.fold(first.long()[:, None] + taps, length)
    return _shifted(index, weights, shift, canvas) if shift else (index, weights)


def _shifted(
    index: Int[Tensor, "length taps"], weights: Float[Tensor, "length taps"], shift: float, canvas: Plane
) -> tuple[Int[Tensor, "length more"], Float[Tensor, "length more"]]:
    """The same, of a line that has been shifted before."""
    begin, shares = shift_weights(torch.tensor([shift], dtype=torch.float64))
    places = canvas.fold(index[..., None] + begin + torch.arange(TAPS), len(index))
    return places.flatten(1), (weights[..., None] * shares).flatten(1)


def table_weights(phases: int, taps: int) -> Float[Tensor, "phases taps"]:
    """What neighbors give to each of evenly spaced places from one pixel to the next, both included.

    There are as many neighbors on both sides. With 8 taps, fifty moves leave what is twice as long as two pixels.
    """
    places = torch.linspace(0, 1, phases, dtype=torch.float64)
    weights = _kernel(torch.arange(1 - taps // 2, 1 + taps // 2) - places[:, None], taps)
    return (weights / weights.sum(-1, keepdim=True)).float()


def _kernel(distance: Float[Tensor, "..."], taps: int = TAPS) -> Float[Tensor, "..."]:
    """A sinc under a Kaiser window."""
    inside = (1 - (2 * distance / taps).square()).clamp(min=0).sqrt()
    window = torch.special.i0(_KAISER_BETA * inside) * (distance.abs() <= taps / 2)
    kernel: Tensor = torch.sinc(distance) * window
    return kernel
