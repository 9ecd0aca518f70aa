"""Several runs side by side: a page, a sheet and, where it is asked for, a film. The runs are only read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import Any

from renderer.atlas.comparison import Comparison, compare_runs, stills
from renderer.atlas.comparison_contents import comparison_contents
from renderer.atlas.comparison_files import put_files
from renderer.atlas.comparison_film import FilmPlan, plan_film, write_film
from renderer.atlas.index import make_index
from renderer.atlas.page_document import html_document
from renderer.common.progress import Progress
from renderer.common.wording import listed
from renderer.media.matrix_sheet import MatrixRow, write_matrix_sheet
from renderer.store.comparison_folder import (
    KIND,
    ComparisonPaths,
    holds_comparison,
    refuse_unsuitable,
    remove_outdated,
)
from renderer.store.files import write_whole
from renderer.store.index_file import Index
from renderer.store.lock import locked
from renderer.store.paths import RUNS
from renderer.targets.slugs import slug


@dataclass(frozen=True)
class Compared:
    """A comparison that has been written.

    Attributes:
        page: Its page.
        sheet: The pages of its sheet.
        film: Its film, if one was asked for.
        targets: How many targets it shows.
    """

    page: Path
    sheet: tuple[Path, ...]
    film: Path | None
    targets: int


def default_folder(directories: Sequence[Path]) -> Path:
    """Where a comparison is written if nothing else is said: a folder named after what it compares."""
    return RUNS / slug(" ".join(["compare", *(directory.resolve().name for directory in directories)]))


def write_comparison(
    directories: Sequence[Path], output: Path, progress: Progress, *, film: bool = False, copy: bool = False
) -> Compared:
    """Write a comparison; an earlier one in the same folder is replaced. The runs may be unfinished.

    Args:
        directories: Those of the runs, at least two.
        output: The folder to write to.
        progress: Is told what is damaged and left out, and how far the film is.
        film: Make a film too.
        copy: Put copies of the stills and films into the folder, so that the page needs nothing else.

    Raises:
        UserError: The runs cannot be compared, or the folder is not to be used.
        EncodingError: The film could not be made; all else is there.
        OSError: Something cannot be read or written.
    """
    comparison = compare_runs(directories)
    paths = ComparisonPaths(output)
    refuse_unsuitable(paths, directories)
    indexes = [make_index(seen) for seen in comparison.runs]
    plan = plan_film(comparison, indexes) if film else None
    for text in _left_out(comparison):
        progress.note(text)
    with locked(paths.lock):
        refuse_unsuitable(paths, directories)
        return _write(comparison, indexes, paths, plan, progress, copy=copy)


def _write(
    comparison: Comparison,
    indexes: Sequence[Index],
    paths: ComparisonPaths,
    plan: FilmPlan | None,
    progress: Progress,
    *,
    copy: bool,
) -> Compared:
    if not holds_comparison(paths):
        _write_contents(paths, {"kind": KIND})  # so that the folder is known if this is cut short
    files = put_files(comparison, indexes, paths, copy=copy)
    font = comparison.runs[0].run.settings.overlay.font
    rows = [MatrixRow(row.target.title, tuple(stills(row, comparison.runs))) for row in comparison.rows]
    sheet = tuple(page.path for page in write_matrix_sheet(paths.sheet, comparison.labels, rows, font))
    remove_outdated(paths, {*files.written, *sheet, *([paths.film] if plan else [])})  # it is replaced when it is whole
    shelf = replace(files.shelf, sheet=sheet[0].name)
    _write_page(paths, comparison_contents(comparison, indexes, shelf))
    if plan:
        write_film(plan, paths.film, comparison.title, progress)
        _write_page(paths, comparison_contents(comparison, indexes, replace(shelf, film=paths.film.name)))
    return Compared(paths.page, sheet, paths.film if plan else None, len(rows))


def _write_page(paths: ComparisonPaths, contents: dict[str, Any]) -> None:
    write_whole(paths.page, html_document("compare", contents).encode())
    _write_contents(paths, contents)


def _write_contents(paths: ComparisonPaths, contents: dict[str, Any]) -> None:
    write_whole(paths.contents, (json.dumps(contents, ensure_ascii=False, indent=1) + "\n").encode())


def _left_out(comparison: Comparison) -> list[str]:
    """What is damaged, in a line for each run."""
    lines = []
    for seen in comparison.runs:
        damaged = list(seen.damaged_stills)
        if seen.film is None and lexists(seen.paths.film_record):
            damaged.append("the film")
        if damaged:
            lines.append(f"{seen.paths.root}: left out, for it is damaged or missing: {listed(damaged)}")
    return lines
