"""The contact sheet: all stills in one picture, or on several pages, with their titles under them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from renderer.common.errors import UserError
from renderer.media.pictures import open_still
from renderer.media.titles import LINE, FittedTitle, draw_title, fit_title
from renderer.store.files import whole_file

FORMATS: Mapping[str, Mapping[str, Any]] = {
    ".webp": {"format": "WEBP", "quality": 88, "method": 2},
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 90, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 90, "subsampling": 0},
}
LONGEST_SIDE = 16383  # WebP allows no longer one
MOST_PIXELS = 64_000_000  # of a page, because it is drawn in memory
_ASPECT = 16 / 10
BACKGROUND, VACANT, TEXT = (19, 20, 23), (33, 35, 39), (222, 223, 226)
# As shares of a thumbnail's longer side.
_TEXT_SIZE, _GAP, _MARGIN, _ABOVE_TITLE, _SEAM = 0.09, 0.075, 0.125, 0.02, 0.012
_SMALLEST_TEXT = 10.0  # in pixels
_NARROWEST = 6  # least width for a title, in sizes of the text


@dataclass(frozen=True)
class Cell:
    """A class on the sheet.

    Attributes:
        title: Its title.
        stills: Its stills, which share the cell; where there are none, or one cannot be read, the place stays empty
            above the title.
    """

    title: str
    stills: tuple[Path, ...]


@dataclass(frozen=True)
class SheetStyle:
    """How a sheet is to look.

    Attributes:
        columns: Pictures side by side; None for as many as make a page about 16:10.
        thumbnail: Longer side of the pictures in pixels.
        per_page: Most pictures on a page; None for as many as a page can hold.
        titles: Whether there are titles under the pictures.
        font: TrueType or OpenType file for them, or None for the font that comes with Pillow.
    """

    columns: int | None
    thumbnail: int
    per_page: int | None
    titles: bool
    font: Path | None = None


@dataclass(frozen=True)
class SheetPage:
    """A page that has been written, and its size in pixels."""

    path: Path
    width: int
    height: int


def check_sheet_path(path: Path) -> None:
    """Find what is wrong with the path of a sheet; raises UserError."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--output: {path} must end in .webp, .png or .jpg, which says the kind of picture")
    if path.is_dir():
        raise UserError(f"--output: {path} is a folder; give the name of a file")


def write_sheet(path: Path, cells: Sequence[Cell], style: SheetStyle) -> list[SheetPage]:
    """Write a sheet, each page whole or not at all.

    Stills are opened one at a time, and one page at a time is in memory.

    Args:
        path: The file; its suffix tells the format. Where there are several pages, they are numbered: `sheet-01.webp`.
        cells: The classes in order, at least one.
        style: How it is to look.

    Returns:
        The pages in order.

    Raises:
        UserError: The path is not that of a picture file, the columns are too many, or the font cannot be read.
        OSError: A page cannot be written.
    """
    box = common_box((still for cell in cells for still in cell.stills[:1]), style.thumbnail)
    titles = _fit_titles(cells, style, box)
    frame = _Frame.of(style, box, titles)
    grid = _choose_grid(frame, len(cells), style)
    starts = range(0, len(cells), grid.count)
    pages, paths = [], page_paths(path, len(starts))
    for page_path in paths:
        check_sheet_path(page_path)
    for start, page_path in zip(starts, paths, strict=True):
        page = slice(start, start + grid.count)
        image = _draw_page(grid, cells[page], titles[page], style.font)
        pages.append(write_page(page_path, image))
    return pages


def write_page(path: Path, image: Image.Image) -> SheetPage:
    """Write a page of a sheet, in the format that its ending names."""
    # It can be made again from the stills at any time.
    with whole_file(path, durable=False) as temporary:
        image.save(temporary, **FORMATS[path.suffix.lower()])
    return SheetPage(path, *image.size)


@dataclass(frozen=True)
class _Frame:
    """Measures of a cell and of what is around it, in pixels.

    Attributes:
        box: Width and height of the place for a picture.
        width: Width of a cell.
        height: Height of a cell with its title.
        title_top: Where the title begins, below the top of the cell.
        line: Height of a row of text.
        gap: Distance of neighboring cells.
        margin: Free space around all cells.
    """

    box: tuple[int, int]
    width: int
    height: int
    title_top: int
    line: int
    gap: int
    margin: int

    @classmethod
    def of(cls, style: SheetStyle, box: tuple[int, int], titles: Sequence[FittedTitle]) -> _Frame:
        line = math.ceil(LINE * _text_size(style))
        rows = max((len(title.rows) for title in titles), default=0)
        above, gap, margin = (math.ceil(share * style.thumbnail) for share in (_ABOVE_TITLE, _GAP, _MARGIN))
        top = box[1] + (above if rows else 0)
        return cls(box, _cell_width(style, box), top + rows * line, top, line, gap, margin)


@dataclass(frozen=True)
class _Grid:
    """A number of cells on a page, in a number of columns."""

    frame: _Frame
    count: int
    columns: int

    def size(self, count: int) -> tuple[int, int]:
        """Width and height in pixels of a page with this number of cells."""
        frame, around, rows = self.frame, 2 * self.frame.margin - self.frame.gap, math.ceil(count / self.columns)
        return self.columns * (frame.width + frame.gap) + around, rows * (frame.height + frame.gap) + around

    def places(self, count: int) -> Iterator[tuple[int, int]]:
        """Left and top of this number of cells, row by row."""
        frame = self.frame
        for number in range(count):
            row, column = divmod(number, self.columns)
            yield frame.margin + column * (frame.width + frame.gap), frame.margin + row * (frame.height + frame.gap)

    def fits(self) -> bool:
        width, height = self.size(self.count)
        return max(width, height) <= LONGEST_SIDE and width * height <= MOST_PIXELS


def _choose_grid(frame: _Frame, count: int, style: SheetStyle) -> _Grid:
    """The grid of a page: for all cells, or for a half of them, a third and so on, until it fits."""
    most = min(style.per_page or count, count)
    columns = min(style.columns, most) if style.columns else None
    if columns and not _Grid(frame, columns, columns).fits():
        raise UserError(f"--columns: {columns} pictures of this size side by side are too many for one picture; "
                        "lower --columns or --thumbnail")  # fmt: skip
    parts = (math.ceil(count / pages) for pages in range(1, count + 1))
    grids = (_grid(frame, number, columns) for number in (most, *(part for part in parts if part < most)))
    return next(grid for grid in grids if grid.fits())


def _grid(frame: _Frame, count: int, columns: int | None) -> _Grid:
    """The grid for this number of cells that comes nearest to the aspect ratio and has few empty places."""
    if columns:
        return _Grid(frame, count, columns)
    return min((_Grid(frame, count, number) for number in range(1, count + 1)), key=_flaw)


def _flaw(grid: _Grid) -> float:
    width, height = grid.size(grid.count)
    free = -grid.count % grid.columns
    return abs(math.log(width / height / _ASPECT)) + free / grid.count


def common_box(stills: Iterable[Path], longer: int) -> tuple[int, int]:
    """Width and height into which all pictures go when their longer side is as given."""
    sizes = {size for still in stills if (size := picture_size(still))} or {(1, 1)}
    scaled = [_scaled(size, (longer, longer)) for size in sizes]
    return max(width for width, _ in scaled), max(height for _, height in scaled)


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a still, without reading its pixels; None if it cannot be read."""
    # Not Image.open, which refuses large pictures because they might be an attack.
    with suppress(OSError, SyntaxError, ValueError), PngImageFile(path) as picture:
        return picture.size
    return None


def _scaled(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _text_size(style: SheetStyle) -> float:
    return max(_SMALLEST_TEXT, _TEXT_SIZE * style.thumbnail)


def _cell_width(style: SheetStyle, box: tuple[int, int]) -> int:
    return max(box[0], math.ceil(_NARROWEST * _text_size(style)) if style.titles else 0)


def _fit_titles(cells: Sequence[Cell], style: SheetStyle, box: tuple[int, int]) -> list[FittedTitle]:
    if not style.titles:
        return []
    size, width = _text_size(style), _cell_width(style, box)
    return [fit_title(style.font, cell.title, size, width) for cell in cells]


def page_paths(path: Path, count: int) -> list[Path]:
    """The pages of a sheet: the path itself, or numbered ones where there are several."""
    if count == 1:
        return [path]
    digits = max(2, len(str(count)))
    return [path.with_stem(f"{path.stem}-{number:0{digits}d}") for number in range(1, count + 1)]


def _draw_page(grid: _Grid, cells: Sequence[Cell], titles: Sequence[FittedTitle], font: Path | None) -> Image.Image:
    frame = grid.frame
    page = Image.new("RGB", grid.size(len(cells)), BACKGROUND)
    places = list(grid.places(len(cells)))
    for cell, (left, top) in zip(cells, places, strict=True):
        page.paste(draw_stills(cell.stills, frame.box), (left + (frame.width - frame.box[0]) // 2, top))
    for title, (left, top) in zip(titles, places, strict=False):
        mask = draw_title(font, title, (frame.width, frame.height - frame.title_top), frame.line)
        page.paste(TEXT, (left, top + frame.title_top), mask)
    return page


def draw_stills(stills: Sequence[Path], box: tuple[int, int]) -> Image.Image:
    """The stills of a class, row by row, as large as the box allows; an empty place for what is not there."""
    drawn, count = Image.new("RGB", box, BACKGROUND), max(1, len(stills))
    seam = max(1, round(_SEAM * max(box))) if count > 1 else 0
    columns = max(range(1, count + 1), key=lambda columns: _scale(box, count, columns, seam))
    scale = _scale(box, count, columns, seam)
    part = (max(1, int(scale * box[0])), max(1, int(scale * box[1])))
    for number, still in enumerate(stills or [None]):
        row, column = divmod(number, columns)
        in_row, rows = min(columns, count - row * columns), math.ceil(count / columns)
        picture = _thumbnail(still, part)
        left = _centered(box[0], part[0], in_row, seam) + column * (part[0] + seam) + (part[0] - picture.width) // 2
        top = _centered(box[1], part[1], rows, seam) + row * (part[1] + seam) + (part[1] - picture.height) // 2
        drawn.paste(picture, (left, top), picture if picture.mode == "RGBA" else None)
    return drawn


def _scale(box: tuple[int, int], count: int, columns: int, seam: int) -> float:
    """How large each of so many pictures can be, as a share of the box, in so many columns."""
    numbers = (columns, math.ceil(count / columns))
    return min((side - (number - 1) * seam) / (number * side) for side, number in zip(box, numbers, strict=True))


def _centered(side: int, part: int, number: int, seam: int) -> int:
    """Where so many parts begin that stand in the middle of a side."""
    return max(0, (side - number * part - (number - 1) * seam) // 2)


def _thumbnail(path: Path | None, box: tuple[int, int]) -> Image.Image:
    """A still, made as large as the box allows; an empty place where there is none."""
    with suppress(OSError):
        if path:
            picture = open_still(path)
            return picture.resize(_scaled(picture.size, box), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Image.new("RGB", box, VACANT)
