"""What a render knows and the page needs, written down beside the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from os.path import lexists

from renderer.atlas.seen import SeenRun
from renderer.common.progress import Progress, note_repairs
from renderer.jobs.stills import Failure
from renderer.jobs.worker import Observer
from renderer.store.files import remove
from renderer.store.records import FailureRecord, SimilarityRecord, read_record, write_record
from renderer.store.run import Run
from renderer.targets.similarity import similarity_order, weights_of


def keep_failures(run: Run, failures: Sequence[Failure], progress: Progress) -> None:
    """Write down which targets could not be rendered, for the page."""
    path = run.paths.failures
    if lexists(path) and read_record(path, FailureRecord) is None:
        note_repairs(progress, "the list of failed classes", [run.paths.relative(path)], "written again")
    if failures:
        write_record(path, FailureRecord(reasons={failure.target.key: failure.reason for failure in failures}))
    else:
        remove(path)
    for other in run.paths.shards():
        if not run.paths.is_beside(other):  # It was of a run, or a division, that is over.
            remove(other.failures)


def keep_similarity(run: Run, observer: Observer, progress: Progress) -> None:
    """Write down which classes look alike to the network, unless that is known, or they are no classes."""
    if SeenRun(run).similarity or not run.are_classes:
        return
    if lexists(run.paths.similarity) and read_record(run.paths.similarity, SimilarityRecord) is None:
        note_repairs(progress, "the order", [run.paths.relative(run.paths.similarity)], "found again")
    # A network without such weights dreams as well.
    with suppress(LookupError):
        order = similarity_order(weights_of(run.targets, observer.output_weights()))
        keys = tuple(run.targets[place].key for place in order)
        write_record(run.paths.similarity, SimilarityRecord(keys=keys))
