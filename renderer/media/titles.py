"""Titles under pictures: each stays within its place, however long it is and whatever characters it has."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from renderer.media.captions import one_line
from renderer.media.fonts import drawable, load_font

LINE = 1.25
"""Height of a row, in sizes of the text."""

_EASY_SHRINK = (1.0, 0.95, 0.9)  # before a title is broken into two rows
_MOST_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8)  # before it is broken within words
_BASELINE = 0.95  # below the top of the row, in sizes of the text
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LONGEST = 250  # in characters; nobody sees the rest, and laying it out would take long
_JOINER = "\N{ZERO WIDTH JOINER}"
_KEPT = {_JOINER, "\N{ZERO WIDTH NON-JOINER}"}  # invisible, but needed, where fonts have glyphs for them


@dataclass(frozen=True)
class FittedTitle:
    """A title that has been given its place.

    Attributes:
        rows: What it says, one or two rows of text.
        size: Size of the font in pixels.
    """

    rows: tuple[str, ...]
    size: float


def fit_title(font: Path | None, title: str, size: float, width: int) -> FittedTitle:
    """Fit a title into a width.

    A title that is too wide is made a little smaller, then broken between words, then within them; what two rows
    cannot hold ends in an ellipsis.

    Args:
        font: TrueType or OpenType file, or None for the font that comes along.
        title: The title; line breaks and other control characters count as spaces, invisible ones as nothing.
        size: Size of the font in pixels.
        width: Room for its rows in pixels.

    Raises:
        UserError: The font cannot be read.
    """
    shown = (character for character in title if unicodedata.category(character) != "Cf" or character in _KEPT)
    text = drawable(font, one_line("".join(shown))[:_LONGEST])
    for rows, shares in (((text,), _EASY_SHRINK), (_halves(font, text, size), _MOST_SHRINK)):
        for share in shares:
            if max(_width(font, row, share * size) for row in rows) <= width:
                return FittedTitle(rows, share * size)
    smallest = _MOST_SHRINK[-1] * size
    return FittedTitle(_fill(font, text, smallest, width), smallest)


def draw_title(font: Path | None, title: FittedTitle, room: tuple[int, int], line: int) -> Image.Image:
    """Draw a title, centered, as a mask of the size of its place; what would be outside is cut.

    Args:
        font: The font that it was fitted with.
        title: The title.
        room: Width and height in pixels.
        line: Height of a row in pixels.

    Returns:
        An image of 8-bit gray: 255 where the title is.
    """
    mask = Image.new("L", room)
    draw, face = ImageDraw.Draw(mask), load_font(font, title.size)
    for number, row in enumerate(title.rows):
        left, _, right, _ = face.getbbox(row, anchor="ls")
        baseline = round((number + _BASELINE / LINE) * line)
        draw.text(((room[0] - left - right) // 2, baseline), row, fill=255, font=face, anchor="ls")
    return mask


def _halves(font: Path | None, text: str, size: float) -> tuple[str, ...]:
    """A text as two rows, broken between words so that the wider one is as narrow as possible."""
    words = text.split(" ")
    breaks = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    return min(breaks, key=lambda rows: max(_width(font, row, size) for row in rows), default=(text,))


def _fill(font: Path | None, text: str, size: float, width: int) -> tuple[str, ...]:
    """As much of a text as two rows hold; broken between words where that wastes less than half of the first."""
    clusters = _clusters(text)
    count = _fitting(font, clusters, size, width)
    spaces = [place for place in range(count // 2, count + 1) if place < len(clusters) and clusters[place] == " "]
    first, rest = clusters[: max(spaces, default=count)], clusters[max(spaces, default=count) :]
    second = "".join(rest).strip()
    if _width(font, second, size) > width:
        rest = _clusters(second)
        second = "".join(rest[: _fitting(font, rest, size, width, _ELLIPSIS)]).rstrip() + _ELLIPSIS
    return "".join(first).rstrip(), second


def _fitting(font: Path | None, clusters: Sequence[str], size: float, width: int, ending: str = "") -> int:
    """How many of the first clusters fit, with an ending; one at least."""
    counts = range(1, len(clusters) + 1)
    return max(1, bisect_right(counts, width, key=lambda n: _width(font, "".join(clusters[:n]) + ending, size)))


def _clusters(text: str) -> list[str]:
    """Characters with the marks that belong to them, which must stay together."""
    clusters: list[str] = []
    for character in text:
        joins = unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}
        if clusters and (joins or clusters[-1][-1] == _JOINER):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _width(font: Path | None, text: str, size: float) -> int:
    left, _, right, _ = load_font(font, size).getbbox(text, anchor="ls")
    return math.ceil(right) - math.floor(left)
