"""Where text stands on a frame: nothing is cut at any border, however long it is and whatever the frame's aspect."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from renderer.media.fonts import load_font
from renderer.settings.sections import Overlay

_EASY_SHRINK = 0.62  # a line is made this much smaller before it is broken into rows
_MOST_ROWS = 4
_MOST_ROWS_OF_PIECES = 8  # where even words are broken
_STEP = 0.93  # by which all lines are made smaller until there is room
_SMALLEST_SIZE = 1.0  # in pixels; what would have to be smaller is left out
_WIDEST_EDGE = 0.05  # what is kept free at the sides and opposite the text, at most, as a share of the frame
# As shares of the text's size: what stands above and below the baseline, and the space between lines.
_ABOVE, _BELOW, _BETWEEN = 0.8, 0.26, 0.16

SOFT_REACH = 3
"""How far a soft outline is visible, in widths of the outline."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Row:
    """A row of text on a frame.

    Attributes:
        text: What it says.
        size: Size of the font in pixels.
        stroke: Width of the outline in pixels.
        opacity: Opacity in [0, 1].
        left: Column of the frame where the first glyph has its origin.
        baseline: Row of the frame on which the glyphs stand.
    """

    text: str
    size: float
    stroke: int
    opacity: float
    left: int = 0
    baseline: int = 0

    @property
    def reach(self) -> int:
        """How far from the glyphs the outline is visible, in pixels."""
        return SOFT_REACH * self.stroke


def lay_out(overlay: Overlay, size: tuple[int, int], texts: Sequence[str]) -> list[Row]:
    """Place lines of text on a frame.

    A line that is too wide is first made smaller, then broken, then made still smaller; when the lines are too high
    together, all are made smaller. An empty line keeps its place, so that the others do not jump.

    Args:
        overlay: The settings.
        size: Width and height of the frame in pixels.
        texts: The lines; the middle one is large.

    Returns:
        The rows that are not empty; none if there is no room to write.
    """
    width, height = size
    side = math.ceil(min(overlay.margin * height, _WIDEST_EDGE * width))
    scale = 1.0
    while any(texts) and scale * overlay.size * height >= _SMALLEST_SIZE:
        rows = _stack(_break_lines(overlay, texts, scale * height, width - 2 * side))
        block = rows[-1].baseline + _BELOW * rows[-1].size
        down = _top(overlay, height, block)
        placed = [_move(_center(overlay, row, width), down) for row in rows if row.text]
        if not placed:
            break
        _, top, _, bottom = bounds(overlay, placed)
        if block <= _room(overlay, height) and bottom - top <= height:
            inward = max(-top, 0) + min(height - bottom, 0)
            return [_move(row, inward) for row in placed]
        scale *= _STEP
    return []


def bounds(overlay: Overlay, rows: Sequence[Row]) -> Box:
    """Left, top, right and bottom of all that is drawn of some rows, one at least, with their outlines."""
    boxes = [_ink(overlay, row) for row in rows]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _break_lines(overlay: Overlay, texts: Sequence[str], height: float, width: int) -> list[list[Row]]:
    """The rows of each line, none wider than there is room, not placed yet."""
    middle = (len(texts) - 1) // 2
    large = Row("", overlay.size * height, 0, overlay.opacity)
    small = Row("", large.size * overlay.small, 0, overlay.small_opacity)
    return [
        _break_line(overlay, text, large if number == middle else small, width) for number, text in enumerate(texts)
    ]


def _break_line(overlay: Overlay, text: str, model: Row, width: int) -> list[Row]:
    """A line as one row, or as several where one would have to be too small; empty if no size is large enough."""
    parts, size = [""], 0.0
    for candidate in _splits(text):
        fitting = _fitting_size(overlay, candidate, model.size, width)
        if fitting > size:
            parts, size = candidate, fitting
        if size >= _EASY_SHRINK * model.size:
            break
    return [replace(model, text=part, size=size, stroke=_stroke(overlay, size)) for part in parts] if size else [model]


def _splits(text: str) -> Iterator[list[str]]:
    """Ways to break a text into rows of about the same length, the best first; within words at the end only."""
    for within_words, most in ((False, _MOST_ROWS), (True, _MOST_ROWS_OF_PIECES)):
        for count in range(1, most + 1):
            for length in range(max(1, len(text) // count), len(text) + 1):
                parts = textwrap.wrap(text, length, break_long_words=within_words)
                if 0 < len(parts) <= count:
                    yield parts
                    break


def _fitting_size(overlay: Overlay, parts: Sequence[str], size: float, width: int) -> float:
    """The largest size up to a given one in which no part is too wide; 0 if there is none."""
    while size >= _SMALLEST_SIZE:
        rows = [Row(part, size, _stroke(overlay, size), 1.0) for part in parts]
        widest = max(right - left for left, _, right, _ in (_ink(overlay, row) for row in rows))
        if widest <= width:
            return size
        size *= min(width / widest, 0.99)
    return 0.0


def _stroke(overlay: Overlay, size: float) -> int:
    return max(1, round(overlay.outline_width * size)) if overlay.outline_width else 0


def _stack(lines: Sequence[Sequence[Row]]) -> list[Row]:
    """Put rows below each other, from 0 down, all lines' rows in order."""
    rows: list[Row] = []
    bottom = 0.0
    space = _BETWEEN * max(line[0].size for line in lines)
    for line in lines:
        for row in line:
            baseline = bottom + _ABOVE * row.size
            rows.append(replace(row, baseline=round(baseline)))
            bottom = baseline + _BELOW * row.size
        bottom += space
    return rows


def _ink(overlay: Overlay, row: Row) -> Box:
    """The part of the frame on which a row is drawn, with its outline."""
    font = load_font(overlay.font, row.size)
    left, top, right, bottom = font.getbbox(row.text, stroke_width=row.reach, anchor="ls")
    return (
        row.left + math.floor(left),
        row.baseline + math.floor(top),
        row.left + math.ceil(right),
        row.baseline + math.ceil(bottom),
    )


def _center(overlay: Overlay, row: Row, width: int) -> Row:
    left, _, right, _ = _ink(overlay, row)
    return replace(row, left=row.left + (width - left - right) // 2)


def _move(row: Row, down: int) -> Row:
    return replace(row, baseline=row.baseline + down)


def _room(overlay: Overlay, height: int) -> float:
    """Height that the lines may take together."""
    edge = min(overlay.margin, _WIDEST_EDGE) * height
    return height - edge - (edge if overlay.position == "center" else overlay.margin * height)


def _top(overlay: Overlay, height: int, block: float) -> int:
    """Row of the frame at which the lines begin, which together have the height of the block."""
    match overlay.position:
        case "top":
            return round(overlay.margin * height)
        case "center":
            return round((height - block) / 2)
        case "bottom":
            return round(height - overlay.margin * height - block)
