"""What a render knows and the page needs, written down beside the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from renderer.atlas.seen import SeenRun
from renderer.jobs.stills import Failure
from renderer.jobs.worker import Worker
from renderer.store.records import FailureRecord, SimilarityRecord, write_record
from renderer.store.run import Run
from renderer.targets.similarity import similarity_order


def keep_failures(run: Run, failures: Sequence[Failure]) -> None:
    """Write down which targets could not be rendered."""
    if failures:
        write_record(run.paths.failures, FailureRecord(reasons={fail.target.key: fail.reason for fail in failures}))
    else:
        run.paths.failures.unlink(missing_ok=True)


def keep_similarity(run: Run, worker: Worker) -> None:
    """Write down which classes look alike to the network, unless that is known, or they are no classes."""
    if SeenRun(run).similarity or not run.are_classes:
        return
    # A network without such weights dreams as well.
    with suppress(LookupError):
        order = similarity_order(worker.output_weights()[[target.index for target in run.targets]])
        keys = tuple(run.targets[place].key for place in order)
        write_record(run.paths.similarity, SimilarityRecord(keys=keys))
