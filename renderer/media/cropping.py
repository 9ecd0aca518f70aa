"""The middle of frames, made smaller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Picture = UInt8[np.ndarray, "height width 3"]
Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Cropping:
    """The middle part of frames of one size.

    Attributes:
        left: Its first column.
        top: Its first row.
        size: Its width and height.
        is_even: Whether all sizes are to be even, because two pixels share their color in the file.
    """

    left: int
    top: int
    size: Size
    is_even: bool

    def scaled(self, width: int) -> Size:
        """Its size when it is so wide, or one pixel less."""
        if self.is_even:
            width -= width % 2
        height = width * self.size[1] / self.size[0]
        return width, max(2, 2 * round(height / 2)) if self.is_even else max(1, round(height))

    def of(self, frame: Picture, size: Size) -> Picture:
        """The part of a frame in the given size; where that is its own, the very pixels."""
        right, bottom = self.left + self.size[0], self.top + self.size[1]
        part = frame[self.top : bottom, self.left : right]
        if size == self.size:
            return part
        return np.array(Image.fromarray(np.ascontiguousarray(part)).resize(size, Image.Resampling.LANCZOS))


def central(size: Size, proportion: tuple[int, int] | None, *, is_even: bool) -> Cropping | None:
    """The largest middle part of frames that has a proportion.

    Args:
        size: Of the frames.
        proportion: Width to height; None for whole frames.
        is_even: As `Cropping.is_even`.

    Returns:
        The part; None where it would be less than two pixels wide or high.
    """
    width, height = size
    across, down = proportion or size
    part = min(width, round(height * across / down)), min(height, round(width * down / across))
    if is_even:
        part = part[0] // 2 * 2, part[1] // 2 * 2
    if min(part) < 2:
        return None
    return Cropping((width - part[0]) // 2, (height - part[1]) // 2, part, is_even)
