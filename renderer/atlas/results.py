"""What tells of a run's results: the index and the page; and what the page needs that only a render knows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from renderer.atlas.index import update_index
from renderer.atlas.page_document import write_page
from renderer.atlas.thumbnails import make_thumbnail
from renderer.jobs.session import Run
from renderer.jobs.stills import Failure
from renderer.jobs.worker import Worker
from renderer.store.index_file import Index
from renderer.store.records import FailureRecord, SimilarityRecord, write_record
from renderer.targets.similarity import similarity_order


def write_results(run: Run) -> Index:
    """Write `atlas.json` and `index.html` anew with all that is there.

    Raises:
        OSError: Something cannot be written.
    """
    index = update_index(run)
    for entry in index.classes:
        # Where there is no small copy, the page shows the still itself.
        with suppress(OSError):
            if entry.still:
                make_thumbnail(run.paths, run.paths.root / entry.still)
    write_page(run.paths)
    return index


def keep_failures(run: Run, failures: Sequence[Failure]) -> None:
    """Write down which classes could not be rendered, for the page."""
    if failures:
        reasons = {failure.record.index: failure.reason for failure in failures}
        write_record(run.paths.failures, FailureRecord(reasons=reasons))
    else:
        run.paths.failures.unlink(missing_ok=True)


def keep_similarity(run: Run, worker: Worker) -> None:
    """Write down which classes look alike to the network, unless that is known, or is the order of the film anyway."""
    if run.paths.similarity.exists() or run.settings.classes.order == "similarity":
        return
    indices = [record.index for record in run.classes]
    # A network without such weights dreams as well.
    with suppress(LookupError):
        order = similarity_order(worker.output_weights()[indices])
        write_record(run.paths.similarity, SimilarityRecord(indices=tuple(indices[place] for place in order)))
