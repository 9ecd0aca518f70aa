"""One of several processes that compute a run in the same directory, on one machine or on many: a shard of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.progress import Progress, note_repairs
from renderer.jobs.assembly import try_assembly
from renderer.jobs.commands import Request, begins, failed_stills, kept_at_an_end, lazily, refuse_gaps, wanted_run
from renderer.jobs.computing import Computer, Here
from renderer.jobs.live import Live
from renderer.jobs.notes import keep_failures, keep_similarity
from renderer.jobs.plan import make_plan, of_shard, segments_of, still_batches, strands_of
from renderer.jobs.presenting import keep_scores, lacking_scores
from renderer.jobs.session import opened_shard
from renderer.jobs.stills import Failure, pending_batches
from renderer.jobs.worker import MakeWorker, local_worker
from renderer.store.absent import absent_size, look_again
from renderer.store.carried import is_record, is_saved, of_whom
from renderer.store.paths import RunPaths, shard_name
from renderer.store.run import Run, load_run
from renderer.store.saved_file import saved_names
from renderer.store.working_copy import WorkingCopy

Item = TypeVar("Item")

FROM_ENVIRONMENT = ""
"""Stands for the shard that SLURM tells of."""

_SHARD = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*")
_REMEDY = "give it as NUMBER/COUNT, such as --shard 3/16"


@dataclass(frozen=True)
class Shard:
    """One of so many shards.

    Attributes:
        number: Which one, from 1.
        count: How many there are.
    """

    number: int
    count: int

    @property
    def name(self) -> str:
        """By which its own files are told from those of others."""
        return shard_name(self.number, self.count)

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """What of some items is for this shard."""
        return of_shard(items, self.number, self.count)


@dataclass(frozen=True)
class ShardOutcome:
    """What a shard has come to.

    Attributes:
        shard: Which one.
        paths: The run's directory.
        parts: Into how many parts the run can be divided.
        own: How many of them are this shard's.
        missing: Segments of the film, and stills, that are still missing in the directory; of other shards.
        film: Whether a film is made, not stills alone.
        failures: Classes that could not be rendered.
    """

    shard: Shard
    paths: RunPaths
    parts: int
    own: int
    missing: int
    film: bool = True
    failures: tuple[Failure, ...] = ()


def read_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """The shard that an option says, or that SLURM tells of.

    Args:
        text: `3/16`, or nothing: then it is the task of a SLURM array, whose numbers may begin anywhere.
        environment: Where SLURM tells of it.

    Raises:
        UserError: It says none, or one that there cannot be.
    """
    if text == FROM_ENVIRONMENT:
        return _slurm_shard(environment)
    match = _SHARD.fullmatch(text)
    if match is None:
        raise UserError(f"--shard {text!r}: no shard; {_REMEDY}")
    shard = Shard(int(match[1]), int(match[2]))
    if not 1 <= shard.number <= shard.count:
        raise UserError(f"--shard {text}: of {shard.count} shards the first is 1 and the last {shard.count}; {_REMEDY}")
    return shard


def _slurm_shard(environment: Mapping[str, str]) -> Shard:
    try:
        number, count = (int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "COUNT"))
        first, last = (int(environment.get(f"SLURM_ARRAY_TASK_{name}", 1)) for name in ("MIN", "MAX"))
        step = int(environment.get("SLURM_ARRAY_TASK_STEP", 1))
    except (KeyError, ValueError) as error:
        raise UserError(f"--shard: this is no task of a SLURM array, which would tell its number; {_REMEDY}") from error
    if "SLURM_ARRAY_TASK_MAX" in environment and (last - first) // max(1, step) + 1 != count:
        raise UserError(f"--shard: the numbers of this SLURM array are not in a row, so they tell no shard; {_REMEDY}")
    return read_shard(f"{(number - first) // max(1, step) + 1}/{count}")


def own_files(copy: WorkingCopy, shard: Shard) -> Callable[[str], bool]:
    """Which files of a run in a store a shard needs from the beginning, by their names; see `store.stored_run`."""
    run = load_run(copy.root)
    own = segments_of(shard.of(strands_of(run))) if run.file.film else []
    places = {segment.position for segment in own if not segment.is_lead_in}
    batches = still_batches(run.still_recipe) if run.dreams_stills else []
    keys = {run.targets[place].key for place in places.union(*shard.of(batches))}
    own_names = {None, shard.name, *keys, *(segment.name for segment in own)}

    def is_own(name: str) -> bool:
        if is_saved(name):
            return not own_names.isdisjoint(saved_names(partial(copy.store.read, name)))
        return is_record(name) and of_whom(name) in own_names

    return is_own


def render_shard(
    request: Request, shard: Shard, progress: Progress, make_worker: MakeWorker = local_worker, *, film: bool = True
) -> ShardOutcome:
    """Compute one shard of a run, or what is still missing of it; `assemble` makes the film of all.

    Args:
        request: What is asked for; the same for all shards.
        shard: Which one.
        progress: Is told how far this shard is.
        make_worker: Makes what computes.
        film: Whether a film is made, not stills alone.

    Raises:
        UserError: The settings are wrong, the directory is not to be used with them, or others work in it.
        EncodingError: ffmpeg failed; everything that is finished is kept.
    """
    if request.restart:
        raise UserError(
            f"--restart: a shard removes nothing, for others may be at work; remove {request.directory} before they "
            "begin, or choose another directory with --output"
        )
    means = Here(make_worker)
    wanted = wanted_run(request, means, film=film)
    with ExitStack() as stack:
        computer = stack.enter_context(lazily(wanted, means, progress, at_once=begins(request)))
        run = stack.enter_context(opened_shard(request.directory, wanted, shard.name))
        if run.file.decided != wanted.decided:  # Another shard came first, on a machine with other cores.
            computer = stack.enter_context(lazily(run.file, means, progress, at_once=False))
        live = stack.enter_context(Live(run.paths, progress))
        stack.enter_context(kept_at_an_end(run, live, film=film))
        return _compute(run, shard, live, computer, film=film)


def _compute(run: Run, shard: Shard, live: Live, computer: Callable[[], Computer], *, film: bool) -> ShardOutcome:
    strands = strands_of(run) if film else []
    if film:
        _render_strands(run, shard.of(range(len(strands))), live, computer)
    batches = still_batches(run.still_recipe) if run.dreams_stills else []
    failures = _dream_own_stills(run, shard.of(batches), live, computer) if batches else []
    keep_failures(run, failures, live)
    parts = max(len(strands), len(batches))
    own, missing = len(shard.of(range(parts))), _missing(run)
    return ShardOutcome(shard, run.paths, parts, own, missing, film=film, failures=tuple(failures))


def _render_strands(run: Run, strands: Sequence[int], live: Live, computer: Callable[[], Computer]) -> None:
    plan = make_plan(SeenRun(run, thorough=True), strands)
    note_repairs(live, "segments", plan.damaged, "to be computed again")
    if plan.rounds:
        if run.paths.is_first:
            try_assembly(run, run.paths.root)
            keep_similarity(run, computer().observer, live)
        computer().film(run, plan, live)
        plan = make_plan(SeenRun(run), strands)
        refuse_gaps(plan)
    if lacking := lacking_scores(run, plan.records):
        keep_scores(run, lacking, plan.records, computer().observer, live)


def _dream_own_stills(
    run: Run, own: Sequence[Sequence[int]], live: Live, computer: Callable[[], Computer]
) -> list[Failure]:
    wanted = {place for batch in own for place in batch}
    pending = [batch for batch in pending_batches(SeenRun(run, thorough=True)) if wanted.issuperset(batch)]
    return failed_stills(run, pending, live, computer, len(wanted))


def _missing(run: Run) -> int:
    """How many segments and stills are not there yet, by whoever."""
    look_again(run.paths.root)
    seen, paths = SeenRun(run), run.paths
    segments = [item.segment for item in make_plan(seen).items if item.is_missing] if run.file.film else []
    places = [place for batch in pending_batches(seen) for place in batch] if run.dreams_stills else []
    records = [paths.segment_record(segment.name) for segment in segments]
    records += [paths.still_record(run.targets[place].key) for place in places]
    return sum(absent_size(record) is None for record in records)
