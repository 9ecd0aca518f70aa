"""All of it, from the first film's beginning to the last one's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster.clock import Clock, Wire
from cluster.drivers import Driver, Surroundings
from cluster.film import Work
from cluster.machines import Machines
from cluster.places import Cluster, State

_POLLS = 100  # in a strand's time
_POLL_SECONDS = 10.0
_PACES = 3  # seed, as in `places`


@dataclass(frozen=True)
class Case:
    """What is simulated.

    Attributes:
        films: What each of them takes.
        machines: What workers, network and losses are like.
        workers: How many places there are.
        at_once: How many films are rendered at the same time.
        most_workers: How many a film has at most.
        save_seconds: How often workers save where their pictures stand.
        seed: Of all that is random.
    """

    films: Sequence[Work]
    machines: Machines
    workers: int
    at_once: int
    most_workers: int
    save_seconds: float
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it; times are in seconds, shares are of all workers' time until the end.

    Attributes:
        wall: Until the last film was there.
        work: What the films take by themselves, on one usual worker.
        depth: The longest strand, which nobody can shorten.
        rounds: How many rounds were done; each once.
        leases: How many leases were given.
        lost_workers: How many machines were lost.
        useful: Share that went into what is in the films.
        again: Share that was dreamed in vain: with a worker that was lost, or beside one that was called off.
        waiting: Share in which workers had a lease, and waited for encoders, network or driver.
        states: Shares of the places' states.
        network: Share of the time in which the busiest of the drivers' machines was receiving.
        disk: Share of the time in which the busiest driver was writing.
        bytes: What was sent, with what was saved in between.
        assembling: Share of the time that went by after the last round.
    """

    wall: float
    work: float
    depth: float
    workers: int
    rounds: int
    leases: int
    lost_workers: int
    useful: float
    again: float
    waiting: float
    states: dict[State, float]
    network: float
    disk: float
    bytes: float
    assembling: float

    @property
    def bound(self) -> float:
        """What it takes at least."""
        return max(self.depth, self.work / self.workers)


def simulate(case: Case) -> Outcome:
    """Let the films be rendered."""
    clock = Clock()
    cluster = Cluster(case.workers, case.machines, clock, case.seed)
    lengths = [sum(map(case.machines.dream_seconds, strand)) for film in case.films for strand in film.strands]
    poll_seconds = max(_POLL_SECONDS, max(lengths) / _POLLS)
    around = Surroundings(case.machines, cluster, clock, case.most_workers, case.save_seconds, poll_seconds)
    networks = [Wire() for _ in range(case.machines.driver_machines)]
    queue = _Queue(case, around, networks)
    queue.begin()
    while not queue.is_done:
        clock.step()
    return _outcome(case, around, queue, lengths)


class _Queue:
    """The films: as one is there, the next begins."""

    def __init__(self, case: Case, around: Surroundings, networks: Sequence[Wire]) -> None:
        self.networks, self._left, self._at_once = networks, len(case.films), case.at_once
        self.drivers = [
            Driver(
                around,
                film,
                networks[number % len(networks)],
                np.random.default_rng([case.seed, _PACES, number]),
                self._next,
            )
            for number, film in enumerate(case.films)
        ]
        self._waiting = iter(self.drivers)

    @property
    def is_done(self) -> bool:
        """Whether all films are there."""
        return self._left == 0

    def begin(self) -> None:
        """Begin with the first films."""
        for _ in range(self._at_once):
            self._begin_one()

    def _next(self) -> None:
        self._left -= 1
        self._begin_one()

    def _begin_one(self) -> None:
        if driver := next(self._waiting, None):
            driver.begin()


def _outcome(case: Case, around: Surroundings, queue: _Queue, lengths: Sequence[float]) -> Outcome:
    wall, places = around.clock.now, around.cluster.places
    for place in places:
        place.become("idle")
    states = {state: sum(place.seconds[state] for place in places) for state in places[0].seconds}
    whole, totals = case.workers * wall, around.totals
    return Outcome(
        wall=wall,
        work=sum(lengths),
        depth=max(lengths),
        workers=case.workers,
        rounds=totals.rounds,
        leases=totals.leases,
        lost_workers=around.cluster.lost,
        useful=sum(lengths) / whole,
        again=max(0.0, totals.dreamed - sum(lengths)) / whole,
        waiting=max(0.0, states["leased"] - totals.dreaming) / whole,
        states={state: seconds / whole for state, seconds in states.items()},
        network=max(wire.busy_seconds for wire in queue.networks) / wall,
        disk=max(driver.disk.busy_seconds for driver in queue.drivers) / wall,
        bytes=totals.bytes,
        assembling=1 - totals.safe_at / wall,
    )
