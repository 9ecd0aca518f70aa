"""What tells of a run's results: the index and the page."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from renderer.atlas.index import make_index
from renderer.atlas.page_document import write_page
from renderer.atlas.seen import SeenRun
from renderer.atlas.thumbnails import is_thumbnail, make_thumbnail
from renderer.common.progress import Progress, note_repairs
from renderer.store.index_file import Index, write_index
from renderer.store.paths import RunPaths
from renderer.store.run import Run


def write_results(run: Run, progress: Progress | None = None) -> Index:
    """Write `atlas.json` and `index.html` anew with all that is there.

    Args:
        run: The run.
        progress: Is told which small copies of stills were missing or damaged.

    Raises:
        OSError: Something cannot be written.
    """
    seen, repaired = SeenRun(run), []
    index = make_index(seen)
    write_index(run.paths.index, index)
    for path in (path for entry in index.classes for path in entry.stills):
        # Where there is no small copy, the page shows the still itself.
        with suppress(OSError):
            still = run.paths.root / path
            if _make_again(run.paths, still):
                repaired.append(run.paths.thumbnail(still).name)
    note_repairs(progress, "small copies of stills", repaired, "made again")
    write_page(seen, index)
    return index


def _make_again(paths: RunPaths, still: Path) -> bool:
    """Make the small copy of a still where one is wanted; whether it was missing or damaged, and is whole now."""
    was_whole = is_thumbnail(paths.thumbnail(still))
    make_thumbnail(paths, still)
    return not was_whole
