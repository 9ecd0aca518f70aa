"""A fake worker: takes leases, and lets time pass as dreaming, encoding and sending take it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from cluster.clock import Clock, Event
from cluster.film import Round
from cluster.machines import Machines
from cluster.places import Place
from renderer.jobs.schedule import Lease

_SETTLED_SHARE = 4  # after this part of a round, the one before has to be safe; as in renderer/jobs/segments.py


class Receiver(Protocol):
    """A worker's driver."""

    def ready(self, worker: Worker) -> None:
        """The worker can take a lease."""
        ...

    def send(self, count: float, then: Event) -> None:
        """Have so many bytes on the way."""
        ...

    def write(self, segments: int, then: Event) -> None:
        """Write what has come."""
        ...

    def kept(self, lease: Lease, position: int) -> float:
        """How much of a round was saved."""
        ...

    def keep(self, lease: Lease, position: int, seconds: float) -> None:
        """So much of a round is saved."""
        ...

    def settled(self, worker: Worker, lease: Lease, position: int) -> None:
        """A round is safe."""
        ...

    def died(self, worker: Worker) -> None:
        """Nothing comes any more; this is not known at once."""
        ...


class Worker:
    """Computes leases, one after another.

    Attributes:
        place: Where it runs.
        is_ready: Whether it can take a lease.
        is_dead: Whether its machine is gone.
        dreamed: How many seconds of work it has done, by the measure of a usual machine.
        dreaming: How long that has taken.
    """

    def __init__(self, driver: Receiver, place: Place, machines: Machines, save_seconds: float, clock: Clock) -> None:
        self.place, self.dreamed, self.dreaming = place, 0.0, 0.0
        self.is_ready = self.is_dead = False
        self.driver, self.machines, self.save_seconds, self.clock = driver, machines, save_seconds, clock
        self._stint: _Stint | None = None
        place.tenant = self
        place.become("starting")
        clock.after(machines.start_seconds * place.factor, self._start)

    def take(self, lease: Lease, rounds: Sequence[Round], pace: np.random.Generator) -> None:
        """Begin with a lease; `rounds` are those of the whole task."""
        self.place.become("leased")
        self._stint = _Stint(self, lease, rounds, pace)

    def stop(self) -> None:
        """Leave the lease; what was not sent is gone."""
        if self._stint:
            self._stint.end()
            self._stint = None
        if not self.place.is_away:
            self.place.become("idle")

    def die(self) -> None:
        """The machine is gone."""
        self.is_dead = True
        self.stop()
        self.driver.died(self)

    def _start(self) -> None:
        if not self.is_dead:
            self.is_ready = True
            self.driver.ready(self)


class _Stint:
    """Work on a lease: dreams, encodes beside it, sends what is whole, and saves now and then."""

    def __init__(self, worker: Worker, lease: Lease, rounds: Sequence[Round], pace: np.random.Generator) -> None:
        self._worker, self._lease, self._rounds, self._pace = worker, lease, rounds, pace
        self._clock, self._driver, self._machines = worker.clock, worker.driver, worker.machines
        self._safe = lease.first
        self._encoded_at = 0.0
        self._saves = self._waits = self._is_over = False
        self._phase: _Phase | None = None
        self._after(self._machines.lease_seconds, lambda: self._begin(lease.first))

    def end(self) -> None:
        """Nothing of it happens any more."""
        self._leave_phase()
        self._is_over = True

    def _after(self, seconds: float, event: Event) -> None:
        self._clock.after(seconds, self._unless_over(event))

    def _unless_over(self, event: Event) -> Event:
        return lambda: None if self._is_over else event()

    def _begin(self, position: int) -> None:
        kept, whole = self._driver.kept(self._lease, position), self._machines.dream_seconds(self._rounds[position])
        self._position, self._kept, self._began, self._work = position, kept, self._clock.now, whole - kept
        spread = self._machines.spread
        self._factor = self._worker.place.factor * (self._pace.lognormal(0, spread) if spread else 1.0)
        self._next_save = self._worker.save_seconds / self._factor
        if self._safe < position:
            self._dream(0.0, self._work / _SETTLED_SHARE, self._settle)
        else:
            self._dream(0.0, self._work, self._finish)

    def _dream(self, begin: float, end: float, then: Event) -> None:
        """Do the work of a round from here to there, in seconds of a usual machine."""
        self._phase = _Phase(self._clock.now, end - begin)
        while self._next_save < end:
            self._after((self._next_save - begin) * self._factor, partial(self._save, self._next_save))
            self._next_save += self._worker.save_seconds / self._factor
        self._after((end - begin) * self._factor, then)

    def _save(self, work: float) -> None:
        """Send where the pictures stand, unless that is still under way from the last time."""
        if self._saves:
            return
        self._saves, position, kept = True, self._position, self._kept + work

        def arrived() -> None:
            self._saves = False
            self._driver.keep(self._lease, position, kept)

        self._driver.send(self._rounds[position].saved_bytes, self._unless_over(arrived))

    def _settle(self) -> None:
        """The round before has to be safe before this one goes on."""
        self._leave_phase()
        self._waits = self._safe < self._position
        if not self._waits:
            self._dream(self._work / _SETTLED_SHARE, self._work, self._finish)

    def _finish(self) -> None:
        """A round is dreamed; it is encoded and sent while the next one is dreamed."""
        self._leave_phase()
        position, batch = self._position, self._rounds[self._position]
        share = self._work / self._machines.dream_seconds(batch)
        encoding = self._machines.encode_seconds(batch) * share * self._worker.place.factor
        self._encoded_at = max(max(self._encoded_at, self._began) + encoding, self._clock.now)
        self._clock.at(self._encoded_at, self._unless_over(partial(self._send, position)))
        if position + 1 < self._lease.first + self._lease.rounds:
            self._begin(position + 1)

    def _send(self, position: int) -> None:
        batch, written = self._rounds[position], self._unless_over(partial(self._written, position))
        self._driver.send(batch.bytes, self._unless_over(partial(self._driver.write, batch.segments, written)))

    def _written(self, position: int) -> None:
        self._safe = position + 1
        self._driver.settled(self._worker, self._lease, position)
        if self._waits and not self._is_over:
            self._settle()

    def _leave_phase(self) -> None:
        if self._phase:
            elapsed = self._clock.now - self._phase.since
            self._worker.dreamed += min(elapsed / self._factor, self._phase.work)
            self._worker.dreaming += elapsed
            self._phase = None


class _Phase(NamedTuple):
    """Work that is done without waiting."""

    since: float
    work: float
