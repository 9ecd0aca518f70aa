"""Finished segments are made lasting in threads, while the next ones are being dreamed already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from types import TracebackType

_AT_ONCE = 4
_GRACE_SECONDS = 5.0


class Commits:
    """What is being made lasting: that of the round that is dreamed, and of the one before.

    Where the block ends early they are waited for, but not for an ffmpeg that is stuck.
    """

    def __init__(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Begin; what is not lasting so long after an early end is left."""
        self._grace_seconds = grace_seconds
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._aborts: dict[Future[None], Callable[[], None]] = {}
        self._before: list[Future[None]] = []
        self._submitting = Lock()

    def __enter__(self) -> Commits:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.settle()
        finally:
            wait(self._aborts, self._grace_seconds)
            for commit, abort in self._aborts.items():
                if not commit.done():
                    abort()
            self._pool.shutdown(cancel_futures=error is not None)

    def submit(self, commit: Callable[[], None], abort: Callable[[], None]) -> None:
        """Make something lasting; `abort` lets that fail soon."""
        self.raise_failed()
        with self._submitting:
            self._aborts[self._pool.submit(commit)] = abort

    def raise_failed(self) -> None:
        """Raise the error of what has failed so far, if anything has."""
        for future in tuple(self._aborts):
            if future.done():
                future.result()

    def settle_next(self) -> None:
        """Wait for what was submitted first of all that is left; raises its error."""
        self._settle([next(iter(self._aborts))])

    def end_round(self) -> None:
        """What is submitted from now on is of the next round."""
        self._before = list(self._aborts)

    def settle_before(self) -> None:
        """Wait for the round before; raises its errors."""
        self._settle(self._before)
        self._before = []

    def settle(self) -> None:
        """Wait for everything; raises its errors."""
        self._settle(list(self._aborts))
        self._before = []

    def _settle(self, commits: Iterable[Future[None]]) -> None:
        for commit in commits:
            commit.result()
            del self._aborts[commit]  # what it was about need not be kept any longer
