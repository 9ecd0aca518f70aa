"""How a run tells what it is doing; `cli` shows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from renderer.dream.health import Health
from renderer.targets.target import ClassRecord

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


def note_health(progress: Progress, record: ClassRecord, health: Health, *, then: str = "") -> None:
    """Tell what was wrong with the gradients of a class, if anything was, and what comes of it."""
    if health.complaints:
        progress.note(f"class {record.index} {record.title}: {'; '.join(health.complaints)}{then}")
