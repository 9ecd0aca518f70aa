"""Text in panoramas: on a plane that stands before the camera, so that it is straight for who looks there."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Float32

Drawing = Float32[np.ndarray, "height width channels"]

_SPAN = math.radians(90)  # That the plane spans from left to right: what a player shows at once.
_SHAPE = 9 / 16  # Its height, as a share of its width.
_FINER = 2  # Times as many pixels has the plane in its middle as the panorama there, each way.


def window_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the plane for a panorama of the given ones: as large as it is in the middle of that."""
    width = 2 * math.tan(_SPAN / 2) * size[0] / math.tau
    return max(1, round(width)), max(1, round(_SHAPE * width))


def drawn_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the drawing that `stood_up` takes."""
    width, height = window_size(size)
    return _FINER * width, _FINER * height


def stood_up(drawing: Drawing, size: tuple[int, int]) -> tuple[Drawing, int, int]:
    """A drawing on the plane as a part of a panorama.

    Args:
        drawing: Of the size `drawn_size`; any values, 0 where nothing is.
        size: Width and height of the panorama.

    Returns:
        The part, and its left column and top row.
    """
    (left, columns), (top, rows) = (_middle(length, reach) for length, reach in zip(size, _reaches(), strict=True))
    shape = (rows // _FINER, _FINER, columns // _FINER, _FINER, -1)
    longitude = ((np.arange(columns) + 0.5) / _FINER + left) / size[0] * math.tau - math.pi
    latitude = ((np.arange(rows) + 0.5) / _FINER + top) / size[1] * math.pi - math.pi / 2
    reach = math.tan(_SPAN / 2)
    x = np.broadcast_to(np.tan(longitude) / reach, (rows, columns))
    y = np.tan(latitude)[:, None] / np.cos(longitude) / (_SHAPE * reach)
    return _read(drawing, x, y).reshape(shape).mean(axis=(1, 3), dtype=np.float32), left, top


def _reaches() -> tuple[float, float]:
    """Shares of a panorama's width and height from its middle to the plane's ends."""
    return _SPAN / 2 / math.tau, math.atan(_SHAPE * math.tan(_SPAN / 2)) / math.pi


def _middle(length: int, reach: float) -> tuple[int, int]:
    """The first of the pixels on both sides of a line's middle, and into how many parts they are divided."""
    first = max(0, math.floor(length / 2 - reach * length))
    return first, _FINER * (length - 2 * first)


def _read(drawing: Drawing, x: Float[np.ndarray, "rows columns"], y: Float[np.ndarray, "rows columns"]) -> Drawing:
    """A drawing at places of which -1 and 1 are its borders, interpolated; nothing is beyond them."""
    height, width, _ = drawing.shape
    wide = np.pad(drawing, ((1, 1), (1, 1), (0, 0)))
    column = np.clip((x + 1) * width / 2 + 0.5, 0, width + 0.999)
    row = np.clip((y + 1) * height / 2 + 0.5, 0, height + 0.999)
    left, top = column.astype(np.intp), row.astype(np.intp)
    across, down = ((place % 1)[..., None].astype(np.float32) for place in (column, row))
    above = wide[top, left] * (1 - across) + wide[top, left + 1] * across
    below = wide[top + 1, left] * (1 - across) + wide[top + 1, left + 1] * across
    read: Drawing = above * (1 - down) + below * down
    return read
