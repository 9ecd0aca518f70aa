"""A film's driver, with the schedule that a render has, and the wire to its machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cluster.clock import Clock, Event, Wire
from cluster.film import Work
from cluster.machines import Machines
from cluster.places import Cluster, Place
from cluster.workers import Worker
from renderer.jobs.schedule import Lease, Schedule

_BITS = 8 / 1e9


@dataclass
class Totals:
    """What is counted over all films.

    Attributes:
        rounds: How many were safe for the first time.
        dreamed: Seconds of work of all workers, by the measure of a usual machine.
        dreaming: How long that took them.
        leases: How many were given.
        bytes: How much was sent.
        safe_at: When the latest round was.
    """

    rounds: int = 0
    dreamed: float = 0.0
    dreaming: float = 0.0
    leases: int = 0
    bytes: float = 0.0
    safe_at: float = 0.0


@dataclass(frozen=True)
class Surroundings:
    """What all drivers share.

    Attributes:
        machines: What workers and network are like.
        cluster: Where workers run.
        clock: The time.
        totals: What is counted.
        most_workers: How many one film has at most.
        save_seconds: How often a worker saves where its pictures stand.
        poll_seconds: How often a driver looks after its workers though nothing has happened.
    """

    machines: Machines
    cluster: Cluster
    clock: Clock
    most_workers: int
    save_seconds: float
    poll_seconds: float
    totals: Totals = field(default_factory=Totals)


class Driver:
    """Renders one film on workers that it asks the cluster for."""

    def __init__(
        self, around: Surroundings, work: Work, network: Wire, pace: np.random.Generator, done: Callable[[], None]
    ) -> None:
        self.disk = Wire()
        self._around, self._work, self._network, self._pace, self._done = around, work, network, pace, done
        self._most = min(around.most_workers, len(work.strands), len(around.cluster.places))
        costs = [[max(1, one.passes) for one in strand] for strand in work.strands]
        begin_seconds = around.machines.start_seconds + around.machines.lease_seconds
        self._schedule = Schedule(costs, workers=self._most, start_seconds=begin_seconds, losses=10**9)
        self._workers: dict[Worker, Lease | None] = {}
        self._kept: dict[int, tuple[int, float]] = {}

    def begin(self) -> None:
        """Ask for workers."""
        self._look()

    def move_in(self, place: Place) -> None:
        """Start a worker."""
        around = self._around
        self._workers[Worker(self, place, around.machines, around.save_seconds, around.clock)] = None

    def ready(self, worker: Worker) -> None:
        """Give the worker a lease, if there is one for it."""
        lease = self._schedule.ask(worker, self._around.clock.now)
        if lease is None:
            worker.place.become("idle")
            self._adjust()
            return
        self._around.totals.leases += 1
        self._workers[worker] = lease
        worker.take(lease, self._work.strands[lease.task], self._pace)

    def send(self, count: float, then: Event) -> None:
        """The drivers' machine takes everything in turn; a worker's own connection may be slower than that."""
        around = self._around
        around.totals.bytes += count
        arrived = self._network.take(around.clock.now, count * _BITS / around.machines.driver_gbit)
        slowest = around.clock.now + count * _BITS / around.machines.worker_gbit
        around.clock.at(max(arrived, slowest), then)

    def write(self, segments: int, then: Event) -> None:
        """Write the files of so many segments."""
        clock = self._around.clock
        clock.at(self.disk.take(clock.now, segments * self._around.machines.write_ms / 1000), then)

    def kept(self, lease: Lease, position: int) -> float:
        """How much of a round was saved."""
        saved, seconds = self._kept.get(lease.task, (-1, 0.0))
        return seconds if saved == position else 0.0

    def keep(self, lease: Lease, position: int, seconds: float) -> None:
        """So much of a round is saved."""
        if (position, seconds) > self._kept.get(lease.task, (-1, 0.0)) and position >= self._schedule.done(lease.task):
            self._kept[lease.task] = (position, seconds)

    def settled(self, worker: Worker, lease: Lease, position: int) -> None:
        """Count a round that is safe."""
        now, schedule = self._around.clock.now, self._schedule
        self._around.totals.safe_at = now
        self._around.totals.rounds += position == schedule.done(lease.task)
        goes_on = schedule.advanced(lease, now)
        if goes_on and position + 1 < lease.first + lease.rounds:
            return
        free = [worker]
        if goes_on:
            losers = {loser.worker for loser in schedule.ended(lease, now)}
            free += [one for one in self._workers if one in losers]
        for one in free:
            one.stop()
            self._workers[one] = None
        if schedule.is_finished:
            self._end()
            return
        for one in free:
            if not one.is_dead:
                self.ready(one)
        self._wake()

    def died(self, worker: Worker) -> None:
        """It shows after a while."""
        self._around.clock.after(self._around.machines.notice_seconds, lambda: self._notice(worker))

    def _notice(self, worker: Worker) -> None:
        if worker not in self._workers:
            return
        self._schedule.lost(worker)
        self._forget(worker)
        self._wake()

    def _wake(self) -> None:
        """Who idles may have something to do now."""
        for worker in self._idle():
            if worker in self._workers:
                self.ready(worker)
        self._adjust()

    def _idle(self) -> list[Worker]:
        return [one for one, lease in self._workers.items() if lease is None and one.is_ready and not one.is_dead]

    def _look(self) -> None:
        """Look after the workers every now and then: by the time that passes, some fall behind."""
        if not self._schedule.is_finished:
            self._wake()
            self._around.clock.after(self._around.poll_seconds, self._look)

    def _adjust(self) -> None:
        """Ask for workers that would have work, and let those go that have none."""
        around = self._around
        wanted = min(self._most, self._schedule.useful_workers(around.clock.now))
        waiting = around.cluster.waiting(self)
        missing = wanted - len(self._workers) - waiting
        if missing > 0:
            around.cluster.ask(self, missing)
        elif missing < 0:
            around.cluster.withdraw(self, min(waiting, -missing))
            for worker in self._idle()[: max(0, -missing - waiting)]:
                self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        self._schedule.lost(worker)
        self._forget(worker)
        self._around.cluster.give_back(worker.place)

    def _forget(self, worker: Worker) -> None:
        del self._workers[worker]
        self._around.totals.dreamed += worker.dreamed
        self._around.totals.dreaming += worker.dreaming

    def _end(self) -> None:
        self._around.cluster.withdraw(self, self._around.cluster.waiting(self))
        for worker in list(self._workers):
            if worker.is_dead:
                self._forget(worker)
            else:
                worker.stop()
                self._let_go(worker)
        self._around.clock.after(self._around.machines.assemble_seconds, self._done)
