"""What tells of a run's results: the index and the page; and what the page needs that only a render knows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from os.path import lexists

from renderer.atlas.index import update_index
from renderer.atlas.page_document import write_page
from renderer.atlas.thumbnails import is_thumbnail, make_thumbnail
from renderer.jobs.progress import Progress
from renderer.jobs.repairs import note_repairs
from renderer.jobs.session import Run
from renderer.jobs.stills import Failure
from renderer.jobs.trusted_records import similarity_record
from renderer.jobs.worker import Worker
from renderer.store.files import remove
from renderer.store.index_file import Index
from renderer.store.records import FailureRecord, SimilarityRecord, read_record, write_record
from renderer.targets.similarity import similarity_order


def write_results(run: Run, progress: Progress | None = None) -> Index:
    """Write `atlas.json` and `index.html` anew with all that is there.

    Args:
        run: The run.
        progress: Is told which small copies of stills were missing or damaged.

    Raises:
        OSError: Something cannot be written.
    """
    index = update_index(run)
    repaired = []
    for entry in index.classes:
        # Where there is no small copy, the page shows the still itself.
        with suppress(OSError):
            still = run.paths.root / entry.still if entry.still else None
            if still and not is_thumbnail(run.paths.thumbnail(still)):
                repaired.append(run.paths.thumbnail(still).name)
            if still:
                make_thumbnail(run.paths, still)
    note_repairs(progress, "small copies of stills", repaired, "made again")
    write_page(run.paths)
    return index


def keep_failures(run: Run, failures: Sequence[Failure], progress: Progress | None = None) -> None:
    """Write down which classes could not be rendered, for the page."""
    path = run.paths.failures
    if lexists(path) and read_record(path, FailureRecord) is None:
        note_repairs(progress, "the list of failed classes", [run.paths.relative(path)], "written again")
    if failures:
        reasons = {failure.record.index: failure.reason for failure in failures}
        write_record(path, FailureRecord(reasons=reasons))
    else:
        remove(path)


def keep_similarity(run: Run, worker: Worker, progress: Progress | None = None) -> None:
    """Write down which classes look alike to the network, unless that is known, or is the order of the film anyway."""
    indices = [record.index for record in run.classes]
    if similarity_record(run.paths, indices) or run.settings.classes.order == "similarity":
        return
    if lexists(run.paths.similarity):
        name = run.paths.relative(run.paths.similarity)
        note_repairs(progress, "the order of similarity", [name], "found again")
    # A network without such weights dreams as well.
    with suppress(LookupError):
        order = similarity_order(worker.output_weights()[indices])
        write_record(run.paths.similarity, SimilarityRecord(indices=tuple(indices[place] for place in order)))
