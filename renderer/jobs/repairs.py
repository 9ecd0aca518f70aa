"""Saying what was damaged or missing, and is made again."""

from __future__ import annotations

from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.progress import Progress, note_repairs
from renderer.store.index_file import read_index
from renderer.store.plain_files import is_plain_file
from renderer.store.run import Run

_PAGE_ENDS = b"</html>"


def note_damaged_results(run: Run, progress: Progress | None) -> None:
    """Name the index and the page where they are damaged; every command writes them again.

    The index and the page are always written together, so that one without the other has been lost.
    """
    index, page = run.paths.index, run.paths.page
    begun = index.exists() or page.exists() or run.paths.film_record.exists()
    if begun and not _is_index(index):
        note_repairs(progress, "the index", [index.name], "written again")
    if begun and not _is_page(page):
        note_repairs(progress, "the page", [page.name], "written again")


def _is_index(path: Path) -> bool:
    try:
        read_index(path)
    except UserError:
        return False
    return True


def _is_page(path: Path) -> bool:
    """Whether a page is there to its end."""
    return is_plain_file(path) and path.read_bytes().rstrip().endswith(_PAGE_ENDS)
