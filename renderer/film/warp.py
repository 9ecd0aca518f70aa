"""Moving pictures as the camera moves: sharp, and without a border."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.plane import Plane
from renderer.dream.sphere import Sphere
from renderer.film.motion import Move
from renderer.film.resampling import COLUMNS, ROWS, Reading, Resampling
from renderer.film.turning import turned

Pictures = Float[Tensor, "batch 3 height width"]

_LARGEST_TURN = 0.5  # In one go, in radians.
_KEPT_MOVES = 128  # Whose tables are kept: 0.3 MB a move at 512x512, 1 MB at 1920x1080.


def apply_moves(pictures: Pictures, moves: Sequence[Move], canvas: Canvas = CANVASES["mirror"]) -> Pictures:
    """Move each picture by its own move; the canvas says what comes in from beyond the border.

    The map is done as one pass along the rows and one along the columns (Catmull & Smith 1980), each of which shifts
    every line by itself and then scales all of them. Long windowed sincs interpolate, so that repeated moves do not
    soften the picture. What does not move is given back as it is, not copied. Panoramas are turned; see `turned`.
    """
    moved, first = [], 0
    for move, same in groupby(moves):
        count = len(list(same))
        moved.append(_moved(pictures[first : first + count], move, canvas))
        first += count
    return moved[0] if len(moved) == 1 else torch.cat(moved)


def _moved(pictures: Pictures, move: Move, canvas: Canvas) -> Pictures:
    return turned(pictures, move, canvas) if isinstance(canvas, Sphere) else _shifted(pictures, move, canvas)


def _shifted(pictures: Pictures, move: Move, canvas: Plane) -> Pictures:
    # Two passes would squeeze the picture on the way if it turned far at once.
    turns = max(1, math.ceil(abs(move.rotation) / _LARGEST_TURN))
    height, width = pictures.shape[-2:]
    across, down = _resamplings(move.part(turns), (height, width), canvas, pictures.device)
    for _ in range(turns):
        pictures = down(across(pictures))
    return pictures


@lru_cache(maxsize=_KEPT_MOVES)
def _resamplings(
    move: Move, size: tuple[int, int], canvas: Plane, device: torch.device
) -> tuple[Resampling, Resampling]:
    """The inverse map x' = a x - b y + right, y' = b x + a y + down, as a pass along rows and one along columns."""
    height, width = size
    a, b = math.cos(move.rotation) / move.zoom, math.sin(move.rotation) / move.zoom
    # The center, from the middle, where x and y are 0; what the map would do to it is taken back.
    x, y = (move.center[0] - 0.5) * width, (move.center[1] - 0.5) * height
    right = move.pan[0] * width + move.shake[0] * min(size) + (x - (a * x - b * y))
    down = move.pan[1] * height + move.shake[1] * min(size) + (y - (b * x + a * y))
    # Columns come last, so rows are told where to look by the target's x and the source's y' = b x + a y + down.
    rows = Reading(scale=a + b * b / a, slope=-b / a, shift=right + b / a * down)
    columns = Reading(scale=a, slope=b, shift=down)
    return Resampling(rows, size, ROWS, canvas, device), Resampling(columns, size, COLUMNS, canvas, device)
