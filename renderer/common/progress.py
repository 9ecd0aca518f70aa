"""How a run tells what it is doing, and how long it will take; `display` shows it."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from renderer.common.wording import listed

SHOWN = "shown"
"""Marks what is logged and shown besides, so that nothing says it twice."""

_LOG = logging.getLogger(__name__)

Stepped = Callable[[int], None]
"""Is told, after each ascent step, how many pictures have taken it."""


def unheard(pictures: int) -> None:
    """A `Stepped` for those who do not want to know."""


@dataclass(frozen=True)
class Amount:
    """How much work.

    Attributes:
        pictures: Frames of a film, or stills.
        classes: Classes that are finished with them.
        steps: Ascent steps of single pictures, also of those that nobody will see, such as the frames of a lead-in.
    """

    pictures: int
    classes: int
    steps: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.pictures + other.pictures, self.classes + other.classes, self.steps + other.steps)

    def __sub__(self, other: Amount) -> Amount:
        """What is left without the other one."""
        return Amount(self.pictures - other.pictures, self.classes - other.classes, self.steps - other.steps)

    @property
    def work(self) -> int:
        """All of it as one number, for the time: what is done to a picture beside its steps is about one more."""
        return self.steps + self.pictures


_NOTHING = Amount(0, 0)


def project_seconds(left: float, timed: float, seconds: float) -> float | None:
    """How long the rest of a piece of work will take if it goes on as so far.

    Args:
        left: How much is left.
        timed: How much was timed, in the same unit.
        seconds: How long that took.

    Returns:
        Seconds; None if nothing was timed and something is left.
    """
    if left == 0:
        return 0.0
    return left * seconds / timed if timed else None


_LEAST_SECONDS = 2.0
"""From less nothing is foretold."""
_MOMENTS = 200  # So many are remembered at most, about.


class Course:
    """The course of a piece of work that begins now; a part of it may have been done before.

    What is foretold follows from the second half of the time so far. The very first steps warm up, and the first
    frames of a film come after climbs that cost more than frames do: nothing is foretold before there is a frame, and
    later these beginnings are forgotten.

    Attributes:
        unit: What its pictures are: `frames` or `stills`; empty where there is no work yet.
        total: All of it.
        done: How much is done, with what was done before.
    """

    def __init__(self, unit: str = "", total: Amount = _NOTHING, done: Amount = _NOTHING) -> None:
        self.unit, self.total, self.done = unit, total, done
        self._before = done
        self._timed = deque[tuple[float, int]]()
        """When how much was done: of the second half of the time, and since when that is."""
        self._began = 0.0

    def advance(self, amount: Amount) -> None:
        """So much more is done."""
        self.done += amount
        now = time.monotonic()
        if not self._timed:
            self._began = now
        if not self._timed or now - self._timed[-1][0] >= (now - self._began) / _MOMENTS:
            self._timed.append((now, self.done.work))
        while len(self._timed) > 1 and self._timed[1][0] <= (self._began + now) / 2:
            self._timed.popleft()

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        return min(1.0, self.done.work / self.total.work) if self.total.work else 1.0

    @property
    def pace(self) -> float | None:
        """Pictures per second with all that belongs to them, once there is something to tell it from."""
        made, seconds = self._lately
        return made / seconds * self.total.pictures / self.total.work if made else None

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest will take; None if there is too little to tell it from."""
        return project_seconds((self.total - self.done).work, *self._lately)

    @property
    def _lately(self) -> tuple[int, float]:
        """How much was done lately, and in how many seconds; nothing as long as that tells nothing."""
        shows_nothing = self.unit == "frames" and self.done.pictures == self._before.pictures
        now = time.monotonic()
        if not self._timed or shows_nothing or now - self._began < _LEAST_SECONDS:
            return 0, 0.0
        since, work = self._timed[0]
        return self.done.work - work, now - since


class Progress(Protocol):
    """What shows a run's progress."""

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin a piece of work; `unit` names its pictures: `frames` or `stills`."""
        ...

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """So much more is done; the given titles are being dreamed."""
        ...

    def end(self) -> None:
        """The piece of work is over."""
        ...

    def note(self, text: str) -> None:
        """Something that the user should know."""
        ...


def note_repairs(progress: Progress | None, what: str, names: Sequence[str], how: str) -> None:
    """Name what was missing or damaged, in one line; say nothing where there is nothing.

    Args:
        progress: Is told; nobody is if it is None.
        what: What they are, such as `stills`.
        names: What was damaged.
        how: What becomes of it, such as `dreamed again`.
    """
    if names and progress:
        progress.note(f"damaged or missing: {what} {listed(names)}; {how}")


class LoggedProgress:
    """Passes progress on, and logs what the user is told besides."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin a piece of work."""
        _LOG.info(
            "%s: %d of %d done, %d of %d classes", unit, done.pictures, total.pictures, done.classes, total.classes
        )
        self._progress.begin(unit, total=total, done=done)

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """So much more is done."""
        self._progress.advance(amount, showing)

    def end(self) -> None:
        """The piece of work is over."""
        self._progress.end()

    def note(self, text: str) -> None:
        """Something that the user should know."""
        _LOG.warning("%s", text, extra={SHOWN: True})
        self._progress.note(text)
