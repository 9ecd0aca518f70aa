"""How a run tells what it is doing; `cli` shows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_MOST_NAMES = 5

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Amount:
    """How much work: pictures (frames of a film, or stills) and classes."""

    pictures: int
    classes: int


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
        listed = ", ".join(names[:_MOST_NAMES]) + (" and others" if len(names) > _MOST_NAMES else "")
        progress.note(f"damaged or missing: {what} {listed}; {how}")


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
        _LOG.warning("%s", text)
        self._progress.note(text)
