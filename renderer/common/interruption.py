"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1: at any moment, any number of them, one message and the exit code 130.

While a command works, the first signal raises `Interrupted`, so that what was begun is ended in order. At any other
moment, while modules are imported, and where somebody asks once more, the process ends at once: what is finished is on
the disk by then, and what is not is removed by the next run. This module loads next to nothing, for it comes first.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False  # as type checkers know it; the module that has it loads slowly
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, NoReturn

EXIT_INTERRUPTED = 130
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)
)  # Windows has no SIGHUP; SIGUSR1 is what SLURM is mostly asked to send before a job's time is over
_SAME_SECONDS = 1.0  # Closing a terminal, or `timeout`, sends two signals at once; they are one wish.
_REMIND_SECONDS = 0.2
_LONGEST_END_SECONDS = 60.0
_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


class Interrupted(BaseException):
    """Somebody wants the program to stop; not an error."""


class _Course:
    """What has happened so far; changed by the main thread alone."""

    def __init__(self) -> None:
        self.message = "\nInterrupted."
        self.working = False
        self.asked: float | None = None
        self.ended = False
        self.told = -1  # where the system tells of signals
        self.say: Callable[[Any], object] = sys.unraisablehook  # of what Python cannot raise
        self.last_acts: list[Callable[[], None]] = []


_course = _Course()


def install(message: str | None = None) -> None:
    """Answer signals from now on; must be called in the main thread.

    Args:
        message: What is said at an interruption; without it what was given before, or "Interrupted.".
    """
    _course.asked, _course.ended = None, False
    if message is not None:
        _course.message = message
    for number in SIGNALS:
        # `nohup` has a program ignore SIGHUP, and it must stay so.
        if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _answer)


class Working:
    """A command is at work: a signal raises `Interrupted` in the block, which has to be caught around it."""

    def __enter__(self) -> None:
        _watch_main_thread()
        _course.working = True

    def __exit__(self, *_: object) -> None:
        _course.working = False
        signal.set_wakeup_fd(-1)


def is_asked() -> bool:
    """Whether somebody has asked to stop, even where some library has swallowed that or made an error of it."""
    return _course.asked is not None


def conclude() -> str:
    """Give the message, which the caller is to say now; signals do nothing any more."""
    _course.ended = True
    return _course.message


def before_ending(act: Callable[[], None]) -> None:
    """Have something done before the process ends at once; it must be quick and must not fail."""
    _course.last_acts.append(act)


def finish(code: int) -> NoReturn:
    """End the process without the interpreter's own end, in which a signal would show as an error of some library."""
    for stream in (sys.stdout, sys.stderr):
        _try(stream.flush)  # nobody may read it, or it may be in the middle of being written to
    os._exit(code)


def stay_silent() -> None:
    """Say nothing of an `Interrupted` that Python cannot raise, as in a callback; it is raised again elsewhere."""
    if sys.unraisablehook is not _say_unraisable:
        _course.say, sys.unraisablehook = sys.unraisablehook, _say_unraisable


def _say_unraisable(unraisable: Any) -> None:
    if unraisable.exc_type is not Interrupted:
        _course.say(unraisable)


def _answer(_number: int, frame: FrameType | None) -> None:
    if _course.ended:
        return
    now = time.monotonic()
    if not _course.working or _is_importing(frame):
        _end_at_once()
    if _course.asked is None:
        _course.asked = now
        if not _is_lost(frame):
            raise Interrupted
        return
    if now - _course.asked >= _SAME_SECONDS:
        _end_at_once()


def _remind(_number: int, frame: FrameType | None) -> None:
    """Raise `Interrupted` again where it has been swallowed, and end what takes too long to end."""
    if _course.ended or not _course.working or _course.asked is None:
        return
    if _is_importing(frame) or time.monotonic() - _course.asked >= _LONGEST_END_SECONDS:
        _end_at_once()
    if not _is_under_way() and not _is_lost(frame):
        raise Interrupted


def _watch_main_thread() -> None:
    """See to it that the main thread answers, though the system may have told another thread of a signal."""
    if not hasattr(signal, "pthread_kill"):
        return
    import threading  # noqa: PLC0415  nothing has to wait for it before

    signal.signal(signal.SIGALRM, _remind)
    if _course.told < 0:
        reading, _course.told = os.pipe()
        os.set_blocking(_course.told, False)
        watched = (reading, threading.get_ident())
        threading.Thread(target=_wake, args=watched, name="signals", daemon=True).start()
    signal.set_wakeup_fd(_course.told, warn_on_full_buffer=False)


def _wake(reading: int, thread: int) -> None:
    """Wake a thread whenever a signal has come, until it has made an end."""
    while numbers := os.read(reading, 64):
        while _course.working and not _course.ended and any(number in SIGNALS for number in numbers):
            signal.pthread_kill(thread, signal.SIGALRM)
            time.sleep(_REMIND_SECONDS)


def _is_under_way() -> bool:
    """Whether something is being ended in order on account of an `Interrupted`."""
    error: BaseException | None = sys.exc_info()[1]
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error is not None


def _is_lost(frame: FrameType | None) -> bool:
    """Whether an exception would be lost here, and be spoken of: where Python tells of what it could not raise."""
    while frame is not None and frame.f_code is not _say_unraisable.__code__:
        frame = frame.f_back
    return frame is not None


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported, in which an exception may be swallowed, printed or made another one."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end_at_once() -> NoReturn:
    _course.ended = True
    for act in _course.last_acts:
        _try(act)
    text = f"{_SHOW_CURSOR if os.isatty(2) else ''}{_course.message}\n"
    _try(lambda: os.write(2, text.encode(errors="backslashreplace")))
    finish(EXIT_INTERRUPTED)


def _try(act: Callable[[], object]) -> None:
    """Do something where the end comes in any case."""
    try:  # noqa: SIM105  contextlib loads slowly
        act()
    except Exception:  # noqa: BLE001, S110
        pass
