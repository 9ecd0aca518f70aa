"""What a running render shows to those who look into its directory: how far it is, and the picture being dreamed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PIL import Image

from renderer.jobs.progress import Amount, Progress
from renderer.jobs.worker import Picture
from renderer.store.files import whole_file, write_whole
from renderer.store.paths import RunPaths
from renderer.store.plain_files import read_plain
from renderer.store.records import Record

_SECONDS_BETWEEN = 1.0
_LONGER_SIDE = 640


class LiveProgress(Record):
    """How far a render is.

    Attributes:
        unit: What it makes: `frames` or `stills`.
        done: How many of them are finished.
        total: How many there will be.
        classes_done: Classes that are finished.
        classes: All classes.
        seconds_left: Time that the rest will take; None if nothing has been timed yet.
        title: What is being dreamed; empty at the beginning.
        picture: Number of the picture that lies beside this; 0 if there is none yet.
    """

    unit: str
    done: int
    total: int
    classes_done: int
    classes: int
    seconds_left: float | None
    title: str
    picture: int


@dataclass
class _Course:
    unit: str
    total: Amount
    done: Amount
    before: int
    began: float


class Live:
    """Passes progress on, and writes it down about once a second.

    What it writes may be lost at any time, and what cannot be written is left out: no render fails for it.
    """

    def __init__(self, paths: RunPaths, progress: Progress) -> None:
        self._paths, self._progress = paths, progress
        self._course: _Course | None = None
        self._title, self._picture = "", 0
        self._written = self._shown = 0.0

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in (self._paths.progress, self._paths.preview):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin a piece of work."""
        self._course = _Course(unit, total, done, done.pictures, time.monotonic())
        self._progress.begin(unit, total=total, done=done)
        self._write()

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """So much more is done; the given titles are being dreamed."""
        self._progress.advance(amount, showing)
        if self._course is None:
            return
        done = self._course.done
        self._course.done = Amount(done.pictures + amount.pictures, done.classes + amount.classes)
        if time.monotonic() - self._written >= _SECONDS_BETWEEN:
            self._write()

    def show(self, picture: Picture, title: str) -> None:
        """The picture that is being dreamed now, and of what."""
        if time.monotonic() - self._shown < _SECONDS_BETWEEN:
            return
        self._shown = time.monotonic()
        image = Image.fromarray(picture)
        image.thumbnail((_LONGER_SIDE, _LONGER_SIDE))
        with suppress(OSError):
            _save(self._paths.preview, image)
            self._title, self._picture = title, self._picture + 1
        self._write()

    def end(self) -> None:
        """The piece of work is over."""
        self._progress.end()
        self._write()

    def note(self, text: str) -> None:
        """Something that the user should know."""
        self._progress.note(text)

    def _write(self) -> None:
        if self._course is None:
            return
        self._written = time.monotonic()
        course = self._course
        state = LiveProgress(
            unit=course.unit,
            done=course.done.pictures,
            total=course.total.pictures,
            classes_done=course.done.classes,
            classes=course.total.classes,
            seconds_left=_seconds_left(course),
            title=self._title,
            picture=self._picture,
        )
        with suppress(OSError):
            write_whole(self._paths.progress, state.model_dump_json().encode(), durable=False)


def read_progress(path: Path) -> LiveProgress | None:
    """What `Live` has written; None if nothing is there."""
    try:
        return LiveProgress.model_validate_json(read_plain(path))
    except (OSError, ValueError):
        return None


def _save(path: Path, image: Image.Image) -> None:
    with whole_file(path, durable=False) as temporary:
        image.save(temporary, format="JPEG", quality=85)


def _seconds_left(course: _Course) -> float | None:
    made = course.done.pictures - course.before
    if made == 0:
        return None
    return (course.total.pictures - course.done.pictures) * (time.monotonic() - course.began) / made
