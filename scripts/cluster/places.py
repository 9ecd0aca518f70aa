"""Where workers run, who waits for a place, and where the time goes."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Literal, Protocol, get_args

import numpy as np

from cluster.clock import Clock
from cluster.machines import Machines

State = Literal["idle", "starting", "leased", "away"]

_SLOW, _LOSSES = 1, 2  # what is random has a seed of its own each, so that one does not change the other


class Tenant(Protocol):
    """What runs in a place."""

    def die(self) -> None:
        """The machine is gone."""
        ...


class Asker(Protocol):
    """Who is given places."""

    def move_in(self, place: Place) -> None:
        """Take a place."""
        ...


class Place:
    """A graphics card, or some cores: where one worker runs at a time.

    Attributes:
        number: Tells it from the others.
        factor: How many times as long as usual everything takes here.
        tenant: Who runs here.
        seconds: How long it was in which state.
    """

    def __init__(self, number: int, factor: float, clock: Clock) -> None:
        self.number, self.factor, self._clock = number, factor, clock
        self.tenant: Tenant | None = None
        self.seconds: dict[State, float] = dict.fromkeys(get_args(State), 0.0)
        self._state: State = "idle"
        self._since = clock.now

    def become(self, state: State) -> None:
        """From now on it is in this state."""
        self.seconds[self._state] += self._clock.now - self._since
        self._state, self._since = state, self._clock.now

    @property
    def is_away(self) -> bool:
        """Whether the machine was lost."""
        return self._state == "away"


class Cluster:
    """Places, of which some are lost and come back; who asks first, is served first."""

    def __init__(self, count: int, machines: Machines, clock: Clock, seed: int) -> None:
        self.lost = 0
        self._machines, self._clock = machines, clock
        slow = np.random.default_rng([seed, _SLOW]).permutation(count)[: round(count * machines.slow_share)]
        self.places = [Place(number, machines.slow_factor if number in slow else 1.0, clock) for number in range(count)]
        self._random = [np.random.default_rng([seed, _LOSSES, number]) for number in range(count)]
        self._free = list(range(count))
        self._askers = deque[Asker]()
        for place in self.places:
            self._await_loss(place)

    def ask(self, asker: Asker, count: int) -> None:
        """Ask for so many places; they are given as they become free."""
        self._askers += [asker] * count
        self._serve()

    def waiting(self, asker: Asker) -> int:
        """For how many places somebody waits."""
        return sum(one is asker for one in self._askers)

    def withdraw(self, asker: Asker, count: int) -> None:
        """Wait for so many places less."""
        for _ in range(count):
            self._askers.remove(asker)

    def give_back(self, place: Place) -> None:
        """Leave a place, which may be lost already."""
        place.tenant = None
        if not place.is_away:
            place.become("idle")
            self._freed(place)

    def _freed(self, place: Place) -> None:
        heapq.heappush(self._free, place.number)
        self._serve()

    def _serve(self) -> None:
        while self._free and self._askers:
            asker, place = self._askers.popleft(), self.places[heapq.heappop(self._free)]
            asker.move_in(place)

    def _await_loss(self, place: Place) -> None:
        if rate := self._machines.losses_a_second:
            self._clock.after(self._random[place.number].exponential(1 / rate), lambda: self._lose(place))

    def _lose(self, place: Place) -> None:
        tenant, place.tenant = place.tenant, None
        if place.number in self._free:
            self._free.remove(place.number)
            heapq.heapify(self._free)
        place.become("away")
        self.lost += 1
        self._clock.after(60 * self._machines.back_minutes, lambda: self._return(place))
        if tenant:
            tenant.die()

    def _return(self, place: Place) -> None:
        place.become("idle")
        self._await_loss(place)
        self._freed(place)
