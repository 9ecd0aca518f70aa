"""What happens when."""

from __future__ import annotations

import heapq
from collections.abc import Callable

Event = Callable[[], None]


class Clock:
    """Lets time pass from one event to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Event]] = []
        self._count = 0

    def at(self, time: float, event: Event) -> None:
        """Have something happen; what is to happen at the same time happens in the order in which it was asked for."""
        self._count += 1
        heapq.heappush(self._events, (time, self._count, event))

    def after(self, seconds: float, event: Event) -> None:
        """Have something happen in a while."""
        self.at(self.now + seconds, event)

    def step(self) -> None:
        """Go on to the next event."""
        self.now, _, event = heapq.heappop(self._events)
        event()


class Wire:
    """Takes one thing after another: a network, or a disk.

    Attributes:
        busy_seconds: How long it has had something to do, or will have.
    """

    def __init__(self) -> None:
        self.busy_seconds = 0.0
        self._free_at = 0.0

    def take(self, now: float, seconds: float) -> float:
        """When something is through that takes so long."""
        self._free_at = max(now, self._free_at) + seconds
        self.busy_seconds += seconds
        return self._free_at
