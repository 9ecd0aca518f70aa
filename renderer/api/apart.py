"""Work in a thread of its own, so that a program that calls it keeps its own ways of computing and of being stopped."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from renderer.common.ffmpeg import kill_running
from renderer.common.progress import Amount, Progress
from renderer.common.tuning import sleep_while_waiting

Made = TypeVar("Made")
_SECONDS_BETWEEN = 0.1
_GRACE_SECONDS = 10.0  # After these, a film that is being joined is not waited for any longer.
ALONE = Lock()
"""Held by who dreams, or changes what is kept for it."""


def apart(work: Callable[[Progress], Made], progress: Progress, refresh: Callable[[], None]) -> Made:
    """Have work done by another thread, and wait for it; one piece of work at a time in this process.

    torch keeps for each thread, and for those that share its work, with how many threads it computes, whether it takes
    tiny numbers for 0, and whether it follows gradients; and for all threads a default type and random numbers. All of
    that is left as the caller has it. Where the caller has not loaded torch yet, its threads will sleep while they
    wait, as those of the commands do; memory is left alone.

    Args:
        work: What is to be done; is given the progress that it is to tell.
        progress: Is told of it, by any thread.
        refresh: Is called by this thread several times a second.

    Raises:
        KeyboardInterrupt: The caller was interrupted; the work has come to an orderly end.
    """
    with ALONE, _torch_as_it_was():
        return _done(_Work(work, progress), refresh)


@contextmanager
def _torch_as_it_was() -> Iterator[None]:
    """Put back what torch keeps for all threads together, and have it as dreaming needs it in the block."""
    if "torch" not in sys.modules:
        sleep_while_waiting()
    import torch  # noqa: PLC0415  it takes seconds

    threads, dtype, random = torch.get_num_threads(), torch.get_default_dtype(), torch.get_rng_state()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_num_threads(threads)  # which threads that begin later would take over
        torch.set_default_dtype(dtype)
        torch.set_rng_state(random)  # networks draw their weights before those of a file take their place


def _done(work: _Work[Made], refresh: Callable[[], None]) -> Made:
    work.start()
    try:
        while not work.ended.wait(_SECONDS_BETWEEN):  # `join` takes a thread for ended where it is interrupted itself
            refresh()
    except BaseException:
        work.stop()
        raise
    return work.result()


class _Work(Thread, Generic[Made]):
    """A thread that ends soon when it is to stop."""

    def __init__(self, work: Callable[[Progress], Made], progress: Progress) -> None:
        super().__init__(name="neuron-atlas", daemon=True)
        self._work, self._progress = work, _Stoppable(progress)
        self._made: list[Made] = []
        self._failed: list[BaseException] = []
        self.ended = Event()

    def run(self) -> None:
        """Do the work."""
        try:
            self._made.append(self._work(self._progress))
        except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
            self._failed.append(error)
        finally:
            self.ended.set()

    def stop(self) -> None:
        """End the work as Ctrl-C does, and wait for its end."""
        self._progress.stopping.set()
        _interrupt(self)
        if not self._ends_within(_GRACE_SECONDS):
            kill_running()
            self._ends_within(math.inf)

    def result(self) -> Made:
        """What has come of it; raises what it raised."""
        if self._failed:
            raise self._failed[0]
        return self._made[0]

    def _ends_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.ended.wait(_SECONDS_BETWEEN) and self.is_alive():  # it may have been stopped at its very end
            if time.monotonic() > until:
                return False
        return True


def _interrupt(thread: Thread) -> None:
    """Raise KeyboardInterrupt in a thread, as soon as it computes.

    Not while it starts another one: that has its number for a moment (CPython), would be hit in its place, and would be
    waited for in vain. The lock keeps threads from being started.
    """
    until = time.monotonic() + _GRACE_SECONDS
    while True:
        with threading._active_limbo_lock:  # type: ignore[attr-defined]
            if not threading._limbo or time.monotonic() > until:  # type: ignore[attr-defined]
                number, error = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(KeyboardInterrupt)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(number, error)
                return
        time.sleep(_SECONDS_BETWEEN)


class _Stoppable:
    """Passes progress on; where the work is to stop, that is raised in whichever thread tells of a step.

    The thread that does the work may be waiting for those, and hear of nothing else.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress, self.stopping = progress, Event()

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        self._progress.begin(unit, total=total, done=done)

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        if self.stopping.is_set():
            raise KeyboardInterrupt
        self._progress.advance(amount, showing)

    def end(self) -> None:
        self._progress.end()

    def note(self, text: str) -> None:
        self._progress.note(text)
