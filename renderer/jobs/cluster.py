"""A run that is computed by the workers of a cluster: who computes what, and what comes back; of no certain cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import dropwhile
from pathlib import PurePosixPath

from renderer.common.errors import ClusterError
from renderer.common.progress import Progress
from renderer.jobs.deliveries import Deliveries
from renderer.jobs.live import Live
from renderer.jobs.messages import Advanced, Ended, Event, Failed, Lost, Pictured, Removed, Wrote
from renderer.jobs.plan import Plan
from renderer.jobs.schedule import Lease, Schedule
from renderer.jobs.shared_work import FilmWork, SharedWork, StillsWork
from renderer.jobs.staff import Asking, Crew, Member, Staff
from renderer.jobs.stills import Failure
from renderer.jobs.tally import Tally
from renderer.jobs.worker import Observer
from renderer.store.paths import SEGMENT_RECORD
from renderer.store.run import Run

_LOG = logging.getLogger(__name__)
_START_SECONDS = 20.0
"""What it takes until a worker is at work: torch has to be loaded, and the network."""
_MOST_LOSSES = 6
_LONGEST_END_SECONDS = 60.0
_GRACE_SECONDS = 8.0
"""So long workers are waited for that were asked to end; what is whole by then is kept."""
_SECONDS_BETWEEN = 1.0


class ClusterComputer:
    """Computes a run with the workers of a cluster; see `Computer`."""

    def __init__(self, crew: Crew, progress: Progress, most: int | None = None) -> None:
        """Wait for a first worker, and for its network.

        Args:
            crew: Begins workers, and carries what is said.
            progress: Is told what the user should know.
            most: How many workers there may be at most; by default as many as there is room for.

        Raises:
            UserError: The network cannot be had there.
            ClusterError: The cluster is gone, or workers cannot be begun.
        """
        self._staff = Staff(crew, progress, most)
        self._staff.wait_until_ready()

    @property
    def observer(self) -> Observer:
        """A worker that is asked."""
        return Asking(self._staff)

    def film(self, run: Run, plan: Plan, live: Live) -> None:
        """Compute the planned batches; raises as `render_film`, and ClusterError."""
        _Sharing(self._staff, FilmWork(run, plan), live).finish()
        if not (run.dreams_stills or run.settings.stills.logits):
            self.close()  # while the film is assembled here, others may compute there

    def stills(self, run: Run, batches: Sequence[Sequence[int]], live: Live, total: int) -> list[Failure]:
        """Dream the fresh stills of the given batches; raises as `dream_stills`, and ClusterError."""
        work = StillsWork(run, batches, total)
        _Sharing(self._staff, work, live).finish()
        if len(work.errors) == len(batches):
            raise work.errors[0]
        return work.failures

    def close(self) -> None:
        """Let all workers go."""
        for member in list(self._staff.members.values()):
            self._staff.let_go(member)


class _Sharing:
    """One piece of work, shared among the workers."""

    def __init__(self, staff: Staff, work: SharedWork, live: Live) -> None:
        self._staff, self._work, self._live = staff, work, live
        self._deliveries, self._tally = Deliveries(work.run), Tally(work, live)
        self._schedule = Schedule(work.costs, workers=staff.most, start_seconds=_START_SECONDS, losses=_MOST_LOSSES)
        self._leases = dict[int, Lease]()
        self._rounds = dict[int, list[set[str]]]()
        self._asked, self._called_off = set[int](), set[int]()
        self._error: Exception | None = None
        self._reason = ""

    def finish(self) -> None:
        """Have all of it done.

        Raises:
            ClusterError: The cluster is gone, or workers were lost again and again.
            Exception: What workers raise, the same one twice.
        """
        try:
            self._assign()
            while not self._schedule.is_finished:
                told = self._staff.next_event(_SECONDS_BETWEEN)
                if told:
                    self._take(*told)
                if not told or isinstance(told[1], Ended | Failed | Lost):
                    self._assign()
            # Parts and stills of the last segments; who was overtaken has none, and may hang.
            self._wait(_LONGEST_END_SECONDS, but_for=self._called_off)
            for member in self._staff.busy():
                self._staff.let_go(member)
        except BaseException:
            self._end_early()
            raise
        self._live.end()

    def _assign(self) -> None:
        """Give work to all who have none, and let go who will not have any."""
        for gone in self._asked.difference(self._staff.members):
            self._schedule.lost(gone)
        self._asked.intersection_update(self._staff.members)
        if self._schedule.hopeless:
            raise self._error or ClusterError(f"{self._schedule.hopeless}: {self._reason}")
        for member in self._staff.idle():
            self._asked.add(member.number)
            while lease := self._schedule.ask(member.number, time.monotonic()):
                if self._begin(member, lease):
                    break
                self._schedule.ended(lease, time.monotonic())
        self._staff.want(self._schedule.useful_workers(time.monotonic()))

    def _begin(self, member: Member, lease: Lease) -> bool:
        share = self._work.share(lease)
        if share is None:
            return False
        self._leases[member.number] = lease
        self._rounds[lease.number] = [set(names) for names in share.rounds]
        self._deliveries.expect(name for names in share.rounds for name in names)
        self._tally.begun(lease, share.there)
        self._staff.give(member, lambda number: replace(share.job, number=number))
        _LOG.info("worker %d: lease %d, task %d, %d rounds", member.number, lease.number, lease.task, lease.rounds)
        return True

    def _take(self, member: Member, event: Event) -> None:
        lease = self._leases.get(member.number)
        if lease is None:
            return
        match event:
            case Wrote() | Removed():
                self._deliver(member, lease, event)
            case Advanced(amount=amount, titles=titles):
                self._tally.advanced(lease, amount, titles)
            case Pictured(jpeg=jpeg) if self._tally.is_shown(lease):
                self._live.show_encoded(jpeg)
            case Ended() | Failed() | Lost():
                self._end(member, lease, event)
            case _:
                pass

    def _deliver(self, member: Member, lease: Lease, event: Wrote | Removed) -> None:
        eldest = min(one.number for one in self._leases.values() if one.task == lease.task)
        self._deliveries.take(lease.number, event, is_eldest=lease.number == eldest)
        if isinstance(event, Wrote):
            self._schedule.brought(lease)
            for _ in range(self._ended_rounds(lease, PurePosixPath(event.path))):
                if not self._schedule.advanced(lease, time.monotonic()):
                    self._call_off(member)

    def _ended_rounds(self, lease: Lease, path: PurePosixPath) -> int:
        """How many rounds of a lease are done with a file, if it is the record of a segment."""
        rounds, record = self._rounds[lease.number], SEGMENT_RECORD.fullmatch(path.name)
        if record is None or path.parts[0] != "state":
            return 0
        for names in rounds:
            names.discard(record[1])
        left = list(dropwhile(lambda names: not names, rounds))
        self._rounds[lease.number] = left
        return len(rounds) - len(left)

    def _end(self, member: Member, lease: Lease, event: Ended | Failed | Lost) -> None:
        """A worker is not at its lease any more."""
        now = time.monotonic()
        del self._leases[member.number]
        self._called_off.discard(member.number)
        self._deliveries.forget(lease.number)
        match event:
            case Ended(is_done=True):
                self._is_done(lease, now)
            case Failed(error=error):
                self._failed(member, lease, error, now)
            case Lost(reason=reason):
                self._reason = reason
                self._schedule.lost(member.number)
            case _:  # called off; mostly the schedule knows
                self._schedule.lost(member.number)
        self._tally.over(lease)

    def _is_done(self, lease: Lease, now: float) -> None:
        self._work.over.add(lease.task)
        losers = {loser.number for loser in self._schedule.ended(lease, now)}
        for number, other in self._leases.items():
            if other.number in losers:
                self._call_off(self._staff.members[number])

    def _failed(self, member: Member, lease: Lease, error: Exception, now: float) -> None:
        """An error of one batch of stills is borne; after any other the worker may be damaged, and goes."""
        if self._work.bears(lease.task, error):
            self._schedule.ended(lease, now)
            return
        _LOG.info("worker %d failed: %s: %s", member.number, type(error).__name__, error)
        self._error = error
        self._schedule.failed(lease, f"{type(error).__name__}: {error}")
        self._schedule.lost(member.number)
        self._staff.let_go(member)

    def _end_early(self) -> None:
        """Have all end within a step, and keep what is whole."""
        _LOG.info("all workers are asked to end")
        for member in self._staff.busy():
            self._call_off(member)
        with suppress(Exception):  # What ends all has been raised before.
            self._wait(_GRACE_SECONDS)

    def _call_off(self, member: Member) -> None:
        self._called_off.add(member.number)
        self._staff.call_off(member)

    def _wait(self, seconds: float, but_for: Collection[int] = ()) -> None:
        """Take what those tell who are at something yet, until they are not."""
        until = time.monotonic() + seconds
        while any(one.number not in but_for for one in self._staff.busy()) and time.monotonic() < until:
            if told := self._staff.next_event(0.2):
                self._take(*told)
