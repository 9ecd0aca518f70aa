"""Moving pictures as the camera moves: sharp, and without a border."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import CANVASES, Canvas
from renderer.film.motion import Move

Pictures = Float[Tensor, "batch 3 height width"]

_TAPS = 16  # Of the interpolation: enough that a hundred moves in a row take nothing from the detail.
_KAISER_BETA = 6.0
_LARGEST_TURN = 0.5  # In one go, in radians.


def apply_moves(pictures: Pictures, moves: Sequence[Move], canvas: Canvas = CANVASES["mirror"]) -> Pictures:
    """Move each picture by its own move; the canvas says what comes in from beyond the border.

    The map is done as one pass along the rows and one along the columns (Catmull & Smith 1980), each of which shifts
    every line by itself and then scales all of them. Long windowed sincs interpolate, so that repeated moves do not
    soften the picture.
    """
    turns = max(1, math.ceil(max(abs(move.rotation) for move in moves) / _LARGEST_TURN))
    if turns > 1:
        # Two passes would squeeze the picture on the way if it turned far at once.
        parts = [_part(move, turns) for move in moves]
        return reduce(lambda moved, _: apply_moves(moved, parts, canvas), range(turns), pictures)
    height, width = pictures.shape[-2:]
    rows, columns = zip(*(_passes(move, height, width) for move in moves), strict=True)
    across = _resample(pictures, rows, canvas)
    return _resample(across.transpose(2, 3), columns, canvas).transpose(2, 3).contiguous()


class _Pass(NamedTuple):
    """Where a pixel comes from on its line, around the middle: scale · pixel + slope · line + shift."""

    scale: float
    slope: float
    shift: float


def _part(move: Move, count: int) -> Move:
    return Move(move.zoom ** (1 / count), move.rotation / count, (move.pan[0] / count, move.pan[1] / count))


def _passes(move: Move, height: int, width: int) -> tuple[_Pass, _Pass]:
    """The inverse map x' = a x - b y + right, y' = b x + a y + down, as a pass along rows and one along columns."""
    a, b = math.cos(move.rotation) / move.zoom, math.sin(move.rotation) / move.zoom
    right, down = move.pan[0] * width, move.pan[1] * height
    # Columns come last, so rows are told where to look by the target's x and the source's y' = b x + a y + down.
    rows = _Pass(scale=a + b * b / a, slope=-b / a, shift=right + b / a * down)
    return rows, _Pass(scale=a, slope=b, shift=down)


def _resample(
    pictures: Float[Tensor, "batch 3 lines length"], passes: Sequence[_Pass], canvas: Canvas
) -> Float[Tensor, "batch 3 lines length"]:
    shifted = _shift_lines(pictures, passes, canvas)
    if all(one.scale == 1 for one in passes):
        return shifted
    length = pictures.shape[-1]
    return torch.stack(
        [
            picture @ _scaling(one.scale, length, canvas).to(picture)
            for picture, one in zip(shifted, passes, strict=True)
        ]
    )


def _shift_lines(
    pictures: Float[Tensor, "batch 3 lines length"], passes: Sequence[_Pass], canvas: Canvas
) -> Float[Tensor, "batch 3 lines length"]:
    """Shift every line by its own, fractional number of pixels."""
    lines, length = pictures.shape[-2:]
    if all(one.slope == 0 and one.shift == 0 for one in passes):
        return pictures
    line = torch.arange(lines, dtype=torch.float64) - (lines - 1) / 2
    shifts = torch.stack([one.slope * line + one.shift for one in passes])
    whole = shifts.floor()
    taps = torch.arange(1 - _TAPS // 2, _TAPS // 2 + 1)
    weights = _kernel(taps - (shifts - whole)[..., None])
    weights = (weights / weights.sum(-1, keepdim=True)).to(pictures)
    source = whole.long()[..., None] + torch.arange(length + _TAPS - 1) + int(taps[0])
    source = canvas.fold(source, length).to(pictures.device)
    wide = pictures.gather(3, source[:, None].expand(-1, 3, -1, -1))
    moved = torch.zeros_like(pictures)
    for tap in range(_TAPS):
        moved.addcmul_(wide[..., tap : tap + length], weights[:, None, :, tap, None])
    return moved


@lru_cache(maxsize=8)
def _scaling(scale: float, length: int, canvas: Canvas) -> Float[Tensor, "length length"]:
    """Matrix that reads each pixel of a line from `scale` times as far from the middle; averages where it shrinks."""
    middle = (length - 1) / 2
    source = scale * (torch.arange(length, dtype=torch.float64) - middle) + middle
    width = max(1.0, scale)
    reach = math.ceil(_TAPS / 2 * width)
    taps = torch.arange(1 - reach, reach + 1)
    first = source.floor()
    weights = _kernel((taps - (source - first)[:, None]) / width)
    weights = weights / weights.sum(-1, keepdim=True)
    index = canvas.fold(first.long()[:, None] + taps, length)
    matrix = torch.zeros(length, length, dtype=torch.float64)
    return matrix.scatter_add_(1, index, weights).T.float()


def _kernel(distance: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """A sinc under a Kaiser window."""
    inside = (1 - (2 * distance / _TAPS).square()).clamp(min=0).sqrt()
    window = torch.special.i0(_KAISER_BETA * inside) * (distance.abs() <= _TAPS / 2)
    kernel: Tensor = torch.sinc(distance) * window
    return kernel
