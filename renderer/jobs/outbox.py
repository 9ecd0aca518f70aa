"""What a worker of a cluster has to tell, until it is fetched."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Condition

from renderer.jobs.messages import Advanced, Event, Pictured, Removed, Wrote
from renderer.store.paths import RunPaths

_MOST_BYTES = 256_000_000
"""So much may wait; who writes more has to wait too."""
_AT_ONCE = 64_000_000
_QUIET_SECONDS = 0.5
"""What tells progress alone is fetched after this time, together."""
_LONGEST_WAIT = 10.0


class Outbox:
    """Events in order; those of progress become one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = Condition()
        self._bytes, self._fetched = 0, time.monotonic()
        self._is_urgent = False

    def put(self, event: Event) -> None:
        """Have something told; waits while too much is waiting already."""
        with self._changed:
            if isinstance(event, Wrote):
                self._changed.wait_for(lambda: self._bytes < _MOST_BYTES)
                self._bytes += len(event.data)
            last = self._events[-1] if self._events else None
            if isinstance(event, Advanced) and isinstance(last, Advanced):
                self._events[-1] = replace(event, amount=last.amount + event.amount)
                return
            self._events.append(event)
            self._is_urgent = self._is_urgent or not isinstance(event, Advanced | Pictured)
            self._changed.notify_all()

    def take(self) -> list[Event]:
        """What is to be told, after waiting for something; nothing if there is nothing for a long time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._events), _LONGEST_WAIT)
            rest = self._fetched + _QUIET_SECONDS - time.monotonic()
            self._changed.wait_for(lambda: self._is_urgent, max(0.0, rest))
            taken, size = list[Event](), 0
            while self._events and size < _AT_ONCE:
                taken.append(self._events.pop(0))
                size += len(taken[-1].data) if isinstance(taken[-1], Wrote) else 0
            self._bytes -= size
            self._is_urgent = any(not isinstance(event, Advanced | Pictured) for event in self._events)
            self._fetched = time.monotonic()
            self._changed.notify_all()
        return taken


class Telling:
    """A mirror that has each file of a run told; what shows how far it is, is told otherwise."""

    def __init__(self, paths: RunPaths, outbox: Outbox) -> None:
        self._paths, self._outbox = paths, outbox

    def wrote(self, path: Path) -> None:
        """Have a file told with its contents."""
        with suppress(FileNotFoundError):  # Another thread has removed it by now, which is told next.
            if path == self._paths.preview:
                self._outbox.put(Pictured(path.read_bytes()))
            elif path != self._paths.progress:
                self._outbox.put(Wrote(self._paths.relative(path), path.read_bytes()))

    def removed(self, path: Path) -> None:
        """Have it told."""
        self._outbox.put(Removed(self._paths.relative(path)))
