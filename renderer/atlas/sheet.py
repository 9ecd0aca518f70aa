"""The contact sheet of a run; another process may be working in its directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from renderer.common.errors import UserError
from renderer.jobs.session import Run, load_run
from renderer.jobs.stills import still_record
from renderer.media.contact_sheet import Cell, SheetPage, SheetStyle, check_sheet_path, write_sheet
from renderer.media.fonts import drawable, missing_glyphs
from renderer.store.cleaning import old_sheets
from renderer.store.files import remove
from renderer.store.records import is_intact
from renderer.targets.target import ClassRecord


@dataclass(frozen=True)
class Sheet:
    """A contact sheet that has been written.

    Attributes:
        pages: Its pages in order.
        stills: How many stills it shows.
        classes: How many classes it has; the cells of those without a still are empty.
        missing: Characters of the titles that the font has no picture for.
    """

    pages: tuple[SheetPage, ...]
    stills: int
    classes: int
    missing: tuple[str, ...]


def make_sheet(directory: Path, style: SheetStyle, output: Path | None = None) -> Sheet:
    """Make one picture of all stills, in the order of the film; the run may be unfinished.

    Args:
        directory: The run's directory.
        style: How it is to look; the font is the one of the run's settings unless another is given.
        output: The file; by default `sheet.webp` in the run's directory, where older sheets are then removed.

    Raises:
        UserError: The directory holds no run or no still yet, or the sheet cannot be as it is asked for.
        OSError: It cannot be written.
    """
    run = load_run(directory)
    path = output or run.paths.sheet
    check_sheet_path(path)
    cells = [Cell(record.title, _still(run, record)) for record in run.classes]
    count = sum(1 for cell in cells if cell.still)
    if not count:
        raise UserError(f"{directory} holds no finished still yet")
    style = replace(style, font=style.font or run.settings.overlay.font)
    pages = write_sheet(path, cells, style)
    if path == run.paths.sheet:
        for old in set(old_sheets(run.paths)) - {page.path for page in pages}:
            remove(old)
    return Sheet(tuple(pages), count, len(cells), _missing(cells, style))


def _still(run: Run, record: ClassRecord) -> Path | None:
    found = still_record(run, record)
    return run.paths.root / found.still.path if found and is_intact(run.paths, found.still, thorough=False) else None


def _missing(cells: list[Cell], style: SheetStyle) -> tuple[str, ...]:
    titles = (drawable(style.font, cell.title) for cell in cells)
    return tuple(missing_glyphs(style.font, titles)) if style.titles else ()
