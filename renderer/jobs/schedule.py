"""Who computes what next where several workers share a film: arithmetic only, with no clock and no machines of its own.

A task is what one worker at a time goes on with: a strand of chains, or a batch of stills. Its rounds come one after
another. A lease hands the next rounds of a task to a worker; what of it was not reported when the worker is lost, is
free again. The longest remainder goes first, and in slices as long as there are more tasks than workers: so all tasks
come to their ends together, and nobody waits while somebody else has two of them left.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from statistics import median
from typing import NamedTuple

_SLICES = 4
"""Of what is left for each worker, a lease is this part at most: the shorter it is, the more even are the ends."""

_REMEMBERED = 499
"""How many of the latest rounds tell how long one takes."""

_ALIKE = 25
"""How many rounds of like costs are enough for it."""

_LOOK_SECONDS = 1.0
"""So often is looked for stragglers at most; with a thousand leases that takes a while."""


@dataclass(frozen=True)
class Lease:
    """What a worker is to compute.

    Attributes:
        number: Tells it from all other leases of the schedule.
        task: Number of the task, as they were given.
        first: How many of the task's rounds are done before it.
        rounds: How many of the next ones it is for; at least one.
        worker: Who has it.
    """

    number: int
    task: int
    first: int
    rounds: int
    worker: Hashable


class Schedule:
    """Which worker computes what, and what of it is done.

    The same calls in the same order give the same leases. Each `now` is in seconds, by any clock that does not go back.
    What is told of a lease that is no longer open (its worker was lost, or it was called off) is ignored.
    """

    def __init__(
        self,
        left: Sequence[int | Sequence[float]],
        *,
        workers: int = 1,
        patience: float = 2.0,
        start_seconds: float = 30.0,
        losses: int = 4,
    ) -> None:
        """Take what is to be done.

        Args:
            left: Of each task how many rounds are left, or what each of them costs: above 0, in any unit in which a
                round that takes longer does not cost less (steps of all pictures, say). A task that is done has none.
            workers: How many are going to ask before long; those that have asked are counted anyway.
            patience: A lease is doubled if anew, by a usual worker, it would be done this many times sooner.
            start_seconds: What it takes until a worker is at work on a lease.
            losses: When a task was lost or failed so many times in a row, and nothing came of it, it is `hopeless`.
        """
        costs = [(1.0,) * one if isinstance(one, int) else tuple(one) for one in left]
        self._tasks = [_Task(number, one) for number, one in enumerate(costs)]
        self._unfinished = [task for task in self._tasks if task.remainder]
        self._expected, self._patience, self._start, self._most_losses = workers, patience, start_seconds, losses
        self._workers: set[Hashable] = set()
        self._running: dict[int, _Running] = {}
        self._timed: deque[_Timed] = deque(maxlen=_REMEMBERED)
        self._looked, self._late = -math.inf, list[_Running]()
        self._next, self._hopeless = 0, ""

    @property
    def is_finished(self) -> bool:
        """Whether all rounds of all tasks are done."""
        return not self._unfinished

    @property
    def hopeless(self) -> str:
        """Why it makes no sense to go on; empty as long as it does. Then nobody is given work any more."""
        return self._hopeless

    @property
    def open_leases(self) -> list[Lease]:
        """What is being computed, the oldest first."""
        return [running.lease for running in self._running.values()]

    def done(self, task: int) -> int:
        """How many rounds of a task are done."""
        return self._tasks[task].done

    def useful_workers(self, now: float) -> int:
        """How many workers can have work at once: one a task that is left, and those who would help stragglers.

        Who keeps more of them lets them idle; it may become more again, when a lease falls behind.
        """
        if self._hopeless:
            return 0
        doubled = sum(len(task.open) > 1 for task in self._unfinished)
        return len(self._unfinished) + doubled + len(self._stragglers(now))

    def ask(self, worker: Hashable, now: float) -> Lease | None:
        """Give a worker what it computes next, or None where there is nothing for it at present.

        Who was given None asks again when anything was reported, and every few seconds: that somebody else has fallen
        behind shows by the time that passes.

        Args:
            worker: Who asks: it has no open lease. That it is there is known from its first asking on.
            now: What time it is.

        Raises:
            ValueError: It has an open lease, or was not told to be lost.
        """
        if any(running.lease.worker == worker for running in self._running.values()):
            raise ValueError(f"worker {worker} has a lease")
        self._workers.add(worker)
        if self._hopeless:
            return None
        free = [task for task in self._unfinished if not task.open]
        if free:
            task = max(free, key=lambda one: (worker not in one.failed_at, one.remainder))
            return self._lease(task, worker, now, self._slice(task))
        stragglers = self._stragglers(now)
        if not stragglers:
            return None
        behind = stragglers[0]
        task = self._tasks[behind.lease.task]
        return self._lease(task, worker, now, behind.end - task.done)

    def advanced(self, lease: Lease, now: float) -> bool:
        """One more round of a lease is done, and its files are safe.

        Returns:
            Whether the worker should go on. If not, the lease is over (as when workers were lost, and there are more
            tasks than workers now): stop it, and let the worker ask anew. False too where the lease was not open.
        """
        running = self._running.get(lease.number)
        if running is None:
            return False
        if running.position < running.end:
            self._count_rounds(running, running.position + 1, now)
        if running.position >= running.end or not self._is_wanted_elsewhere(running):
            return True
        self._close(running)
        return False

    def brought(self, lease: Lease) -> None:
        """Something of a lease has come, if not a whole round: a file, or where it stands; so it is not hopeless."""
        if lease.number in self._running:
            self._tasks[lease.task].vain = 0

    def ended(self, lease: Lease, now: float) -> list[Lease]:
        """All of a lease is done, and its files are safe; also if `advanced` was not told of each round.

        Returns:
            The leases that are called off, for they are for the same rounds: stop them, and let their workers ask anew.
        """
        running = self._running.get(lease.number)
        if running is None:
            return []
        if running.position < running.end:
            self._count_rounds(running, running.end, now)
        self._close(running)
        task = self._tasks[lease.task]
        losers = [other for other in task.open if other.end <= task.done]
        for loser in losers:
            self._close(loser)
        return [loser.lease for loser in losers]

    def lost(self, worker: Hashable) -> None:
        """A worker is gone, or was let go: what of its lease was not reported is free again."""
        self._workers.discard(worker)
        for running in [one for one in self._running.values() if one.lease.worker == worker]:
            self._close(running)
            if running.position == running.lease.first:
                self._despair(
                    self._tasks[running.lease.task], "workers were lost again and again, and nothing came back"
                )

    def failed(self, lease: Lease, reason: str) -> None:
        """What was to be computed raised an error, and the worker lives: what was not reported is free again.

        Raised the same way twice in a row, of the same task, it is `hopeless`. Others are to try before this worker.
        """
        running = self._running.get(lease.number)
        if running is None:
            return
        self._close(running)
        task = self._tasks[lease.task]
        task.failed_at.add(lease.worker)
        self._despair(task, reason)
        if reason in task.errors:
            self._hopeless = self._hopeless or reason
        task.errors.add(reason)

    def _despair(self, task: _Task, reason: str) -> None:
        task.vain += 1
        if task.vain >= self._most_losses:
            self._hopeless = self._hopeless or reason

    def _lease(self, task: _Task, worker: Hashable, now: float, rounds: int) -> Lease:
        lease = Lease(self._next, task.number, task.done, rounds, worker)
        self._next += 1
        running = _Running(lease, since=now)
        self._running[lease.number] = running
        task.open.append(running)
        return lease

    def _close(self, running: _Running) -> None:
        del self._running[running.lease.number]
        self._tasks[running.lease.task].open.remove(running)

    def _count_rounds(self, running: _Running, position: int, now: float) -> None:
        task = self._tasks[running.lease.task]
        if running.position > running.lease.first:  # the first one has to wait for the start
            self._timed.append(_Timed(running, task.cost(running.position, position), now - running.since))
        running.position, running.since = position, now
        task.done, task.vain = max(task.done, position), 0
        task.errors.clear()
        if not task.remainder and task in self._unfinished:
            self._unfinished.remove(task)

    def _slice(self, task: _Task) -> int:
        """How many rounds of a task are leased at a time: all, unless there are more tasks than workers."""
        unfinished, workers = self._unfinished, max(self._expected, len(self._workers))
        if len(unfinished) <= workers:
            return len(task.costs) - task.done
        share = _share(unfinished, workers)
        spent = accumulate(task.costs[task.done :])
        return max(1, sum(cost <= share for cost in spent))

    def _is_wanted_elsewhere(self, running: _Running) -> bool:
        """Whether a lease was given for longer than would be right now, as workers were lost since."""
        unfinished = self._unfinished
        if len(unfinished) <= len(self._workers):
            return False
        task, share = self._tasks[running.lease.task], _share(unfinished, len(self._workers))
        longest = max((other.remainder for other in unfinished if not other.open), default=0.0)
        return longest > task.remainder and task.cost(running.lease.first, running.position) >= share

    def _stragglers(self, now: float) -> list[_Running]:
        """Leases that anybody else would end much sooner, and nobody does yet; the farthest behind first."""
        if now >= self._looked + _LOOK_SECONDS:
            times, alone = _Times(self._timed), [task.open[0] for task in self._unfinished if len(task.open) == 1]
            late = [(self._lateness(one, times, now), one) for one in alone if one.position < one.end]
            late.sort(key=lambda pair: -pair[0])
            self._looked, self._late = now, [one for lateness, one in late if lateness > self._patience]
        return [one for one in self._late if self._tasks[one.lease.task].open == [one] and one.position < one.end]

    def _lateness(self, running: _Running, times: _Times, now: float) -> float:
        """How many times longer a lease takes yet than it would anew; that of one that stands still grows."""
        task = self._tasks[running.lease.task]
        cost, left = task.costs[running.position], task.cost(running.position, running.end)
        own, others = times.own(running), times.others(running, cost)
        if not (own or others):
            return 0.0
        waited = max(0.0, now - running.since - (0 if own else self._start))
        takes = max(left * median(own or others) - waited, left * waited / cost)
        return takes / (self._start + median(others or own) * task.cost(task.done, running.end))


class _Task:
    """Rounds, and how many of them are done."""

    def __init__(self, number: int, costs: tuple[float, ...]) -> None:
        self.number, self.costs, self.done, self.vain = number, costs, 0, 0
        self.open: list[_Running] = []
        self.errors, self.failed_at = set[str](), set[Hashable]()
        self._sums = (0.0, *accumulate(costs))

    @property
    def remainder(self) -> float:
        """What is left, in the unit of the costs."""
        return self.cost(self.done, len(self.costs))

    def cost(self, first: int, end: int) -> float:
        """What some rounds cost."""
        return self._sums[end] - self._sums[first]


class _Running:
    """An open lease."""

    def __init__(self, lease: Lease, since: float) -> None:
        self.lease, self.position, self.since = lease, lease.first, since
        self.end = lease.first + lease.rounds


class _Timed(NamedTuple):
    """What a lease has taken for some rounds."""

    of: _Running
    cost: float
    seconds: float


class _Times:
    """What rounds have taken."""

    def __init__(self, timed: Iterable[_Timed]) -> None:
        self._by_cost = sorted(timed, key=lambda one: one.cost)
        self._costs = [one.cost for one in self._by_cost]
        self._own = defaultdict[_Running, list[float]](list)
        for one in self._by_cost:
            self._own[one.of].append(one.seconds / one.cost)

    def own(self, running: _Running) -> list[float]:
        """Seconds for a unit of cost, as a lease itself had them."""
        return self._own.get(running, [])

    def others(self, running: _Running, cost: float) -> list[float]:
        """Seconds for a unit of a round that costs so much, as others had them, or rather too many.

        A round of a few pictures may take as long as one of many. So rounds that cost as much or a little more tell how
        long it takes; where there are none, those that cost less, in proportion.
        """
        first = bisect_left(self._costs, cost)
        larger = self._but(running, range(first, len(self._costs)))
        if larger:
            return [one.seconds / cost for one in larger]
        return [one.seconds / one.cost for one in self._but(running, range(first - 1, -1, -1))]

    def _but(self, running: _Running, places: Iterable[int]) -> list[_Timed]:
        return list(islice((one for one in map(self._by_cost.__getitem__, places) if one.of is not running), _ALIKE))


def _share(unfinished: Iterable[_Task], workers: int) -> float:
    return sum(task.remainder for task in unfinished) / (workers * _SLICES)
