"""What tells of a run's results: the index and the page."""

from __future__ import annotations

from contextlib import suppress

from renderer.atlas.index import make_index
from renderer.atlas.page_document import write_page
from renderer.atlas.seen import SeenRun
from renderer.atlas.thumbnails import make_thumbnail
from renderer.store.index_file import Index, write_index
from renderer.store.run import Run


def write_results(run: Run) -> Index:
    """Write `atlas.json` and `index.html` anew with all that is there.

    Raises:
        OSError: Something cannot be written.
    """
    index = make_index(SeenRun(run))
    write_index(run.paths.index, index)
    for entry in index.classes:
        # Where there is no small copy, the page shows the still itself.
        with suppress(OSError):
            if entry.still:
                make_thumbnail(run.paths, run.paths.root / entry.still)
    write_page(SeenRun(run), index)
    return index
