"""The contact sheet of a run; another process may be working in its directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from renderer.atlas.seen import look_at
from renderer.common.errors import UserError
from renderer.media.contact_sheet import Cell, SheetPage, SheetStyle, check_sheet_path, write_sheet
from renderer.media.fonts import describe_missing, drawable, missing_glyphs
from renderer.store.cleaning import old_sheets
from renderer.store.files import remove
from renderer.store.outputs import refuse_unwritable


@dataclass(frozen=True)
class Sheet:
    """A contact sheet that has been written.

    Attributes:
        pages: Its pages in order.
        stills: How many stills it shows.
        classes: How many classes it has; the cells of those without a still are empty.
        remark: What its font lacks for the titles, if anything.
    """

    pages: tuple[SheetPage, ...]
    stills: int
    classes: int
    remark: str | None


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
    seen = look_at(directory)
    run = seen.run
    path = output or run.paths.sheet
    check_sheet_path(path)
    refuse_unwritable(path.parent)
    stills = {key: tuple(seen.paths.root / file.path for file in still.files) for key, still in seen.stills.items()}
    cells = [Cell(target.title, stills.get(target.key, ())) for target in run.targets]
    count = sum(1 for cell in cells if cell.stills)
    if not count:
        raise UserError(f"{directory} holds no finished still yet")
    style = replace(style, font=style.font or run.settings.overlay.font)
    pages = write_sheet(path, cells, style)
    if path == run.paths.sheet:
        for old in set(old_sheets(run.paths)) - {page.path for page in pages}:
            remove(old)
    return Sheet(tuple(pages), count, len(cells), _lacking(cells, style))


def _lacking(cells: list[Cell], style: SheetStyle) -> str | None:
    missing = missing_glyphs(style.font, (drawable(style.font, cell.title) for cell in cells)) if style.titles else []
    return describe_missing(style.font, missing) if missing else None
