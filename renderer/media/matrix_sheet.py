"""A contact sheet with a row for each class and a column for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from renderer.media.contact_sheet import (
    BACKGROUND,
    LONGEST_SIDE,
    MOST_PIXELS,
    TEXT,
    SheetPage,
    check_sheet_path,
    common_box,
    draw_stills,
    page_paths,
    write_page,
)
from renderer.media.titles import LINE, draw_title, fit_title

_THUMBNAIL = 176
_SMALLEST_THUMBNAIL = 16
_MOST_ROWS = 40  # on a page, so that a viewer can still show it
# In pixels.
_TEXT_SIZE, _NAMES_WIDTH, _GAP, _MARGIN = 16.0, 150, 10, 20
_LINES = 2  # of a title, at most


@dataclass(frozen=True)
class MatrixRow:
    """A class on the sheet.

    Attributes:
        title: Its title.
        stills: A still for each column; the place of one that is None, or cannot be read, stays empty.
    """

    title: str
    stills: tuple[Path | None, ...]


def write_matrix_sheet(
    path: Path, columns: Sequence[str], rows: Sequence[MatrixRow], font: Path | None
) -> list[SheetPage]:
    """Write a sheet, each page whole or not at all; one page at a time is in memory.

    Args:
        path: The file; its suffix tells the format. Where there are several pages, they are numbered: `sheet-01.jpg`.
        columns: What stands over each column.
        rows: The classes in order, at least one.
        font: TrueType or OpenType file, or None for the font that comes with Pillow.

    Raises:
        UserError: The path is not that of a picture file, or the font cannot be read.
        OSError: A page cannot be written.
    """
    grid = _Grid.of(columns, rows, font)
    count = math.ceil(len(rows) / grid.rows_on_page)
    per_page = math.ceil(len(rows) / count)
    pages = []
    for number, page_path in enumerate(page_paths(path, count)):
        check_sheet_path(page_path)
        image = grid.draw(rows[number * per_page : (number + 1) * per_page])
        pages.append(write_page(page_path, image))
    return pages


@dataclass(frozen=True)
class _Grid:
    """Measures of a sheet in pixels, and what stands over its columns."""

    columns: Sequence[str]
    box: tuple[int, int]
    font: Path | None

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[MatrixRow], font: Path | None) -> _Grid:
        room = (LONGEST_SIDE - _NAMES_WIDTH - 2 * _MARGIN) // len(columns) - _GAP
        longer = max(_SMALLEST_THUMBNAIL, min(_THUMBNAIL, room))
        box = common_box((still for row in rows for still in row.stills if still), longer)
        return cls(columns, box, font)

    @property
    def line(self) -> int:
        return math.ceil(LINE * _TEXT_SIZE)

    @property
    def row_height(self) -> int:
        return max(self.box[1], _LINES * self.line)

    @property
    def width(self) -> int:
        return 2 * _MARGIN + _NAMES_WIDTH + len(self.columns) * (self.box[0] + _GAP)

    @property
    def top(self) -> int:
        """Where the first row begins, below what stands over the columns."""
        return _MARGIN + _LINES * self.line + _GAP // 2

    @property
    def rows_on_page(self) -> int:
        room = min(LONGEST_SIDE, MOST_PIXELS // self.width) - self.top - _MARGIN
        return max(1, min(_MOST_ROWS, room // (self.row_height + _GAP)))

    def draw(self, rows: Sequence[MatrixRow]) -> Image.Image:
        height = self.top + len(rows) * (self.row_height + _GAP) - _GAP + _MARGIN
        page = Image.new("RGB", (self.width, height), BACKGROUND)
        for number, label in enumerate(self.columns):
            self._write(page, label, (self._left(number), _MARGIN), (self.box[0], _LINES * self.line), at_bottom=True)
        for number, row in enumerate(rows):
            top = self.top + number * (self.row_height + _GAP)
            self._write(page, row.title, (_MARGIN, top), (_NAMES_WIDTH, self.row_height))
            for column, still in enumerate(row.stills):
                picture = draw_stills([still] if still else [], self.box)
                page.paste(picture, (self._left(column), top + (self.row_height - self.box[1]) // 2))
        return page

    def _left(self, column: int) -> int:
        return _MARGIN + _NAMES_WIDTH + _GAP + column * (self.box[0] + _GAP)

    def _write(
        self, page: Image.Image, text: str, place: tuple[int, int], room: tuple[int, int], *, at_bottom: bool = False
    ) -> None:
        """Write a title into the middle of its room, or at its bottom."""
        title = fit_title(self.font, text, _TEXT_SIZE, room[0])
        free = max(0, room[1] - len(title.rows) * self.line)
        down = free if at_bottom else free // 2
        mask = draw_title(self.font, title, (room[0], room[1] - down), self.line)
        page.paste(TEXT, (place[0], place[1] + down), mask)
