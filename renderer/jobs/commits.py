"""Finished segments are made lasting in threads, while the next ones are being dreamed already."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType

_AT_ONCE = 4
_GRACE_SECONDS = 5.0


class Commits:
    """What is being made lasting: that of the round that is dreamed, and of the one before.

    Where the block ends early they are waited for, but not for an ffmpeg that is stuck.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._before: list[Future[None]] = []
        self._now: list[Future[None]] = []
        self._aborts: dict[Future[None], Callable[[], None]] = {}

    def __enter__(self) -> Commits:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.settle()
        finally:
            wait([*self._before, *self._now], _GRACE_SECONDS)
            for commit, abort in self._aborts.items():
                if not commit.done():
                    abort()
            self._pool.shutdown()

    def submit(self, commit: Callable[[], None], abort: Callable[[], None]) -> None:
        """Make something lasting; `abort` lets that fail soon."""
        self.raise_failed()
        future = self._pool.submit(commit)
        self._now.append(future)
        self._aborts[future] = abort

    def raise_failed(self) -> None:
        """Raise the error of what has failed so far, if anything has."""
        for future in (*self._before, *self._now):
            if future.done():
                future.result()

    def end_round(self) -> None:
        """Wait for the round before the one that ends now; raises its errors."""
        _settle(self._before)
        self._aborts = {future: self._aborts[future] for future in self._now}
        self._before, self._now = self._now, []

    def settle(self) -> None:
        """Wait for everything; raises its errors."""
        _settle([*self._before, *self._now])


def _settle(commits: list[Future[None]]) -> None:
    for commit in commits:
        commit.result()
