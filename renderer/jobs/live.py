"""What a running render shows to those who look into its directory: how far it is, and the picture being dreamed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType

from PIL import Image

from renderer.common.progress import Amount, Course, Progress
from renderer.film.tasks import Picture
from renderer.store.files import whole_file, write_whole
from renderer.store.live_file import LiveProgress
from renderer.store.paths import RunPaths

_SECONDS_BETWEEN = 1.0
_LONGER_SIDE = 640


class Live:
    """Passes progress on, and writes it down about once a second.

    Work may be told of by any thread. What is written may be lost at any time, and what cannot be written is left out:
    no render fails for it.
    """

    def __init__(self, paths: RunPaths, progress: Progress) -> None:
        self._paths, self._progress = paths, progress
        self._lock = Lock()
        self._course: Course | None = None
        self._title, self._picture = "", 0
        self._written = self._shown = 0.0

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            # A device that is at work yet, after an error elsewhere, is not listened to any more.
            self._course = None
            for path in (self._paths.progress, self._paths.preview):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin a piece of work."""
        with self._lock:
            self._course, self._title = Course(unit, total, done), ""
            self._progress.begin(unit, total=total, done=done)
            self._write()

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """So much more is done; the given titles are being dreamed."""
        with self._lock:
            if self._course is None:
                return
            self._title = showing[0]
            self._course.advance(amount)
            self._progress.advance(amount, showing)
            if time.monotonic() - self._written >= _SECONDS_BETWEEN:
                self._write()

    def show(self, picture: Picture) -> None:
        """The picture that is being dreamed now, of the first of the titles."""
        if time.monotonic() - self._shown < _SECONDS_BETWEEN:
            return
        self._shown = time.monotonic()
        image = Image.fromarray(picture)
        image.thumbnail((_LONGER_SIDE, _LONGER_SIDE))
        with suppress(OSError):
            _save(self._paths.preview, image)
            self._picture += 1
        with self._lock:
            self._write()

    def end(self) -> None:
        """The piece of work is over."""
        with self._lock:
            self._progress.end()
            self._write()

    def note(self, text: str) -> None:
        """Something that the user should know."""
        self._progress.note(text)

    def _write(self) -> None:
        if self._course is None:
            return
        self._written = time.monotonic()
        with suppress(OSError, ValueError):
            state = self._state(self._course)
            write_whole(self._paths.progress, state.model_dump_json().encode(), durable=False)

    def _state(self, course: Course) -> LiveProgress:
        return LiveProgress(
            unit=course.unit,
            done=course.done.pictures,
            total=course.total.pictures,
            classes_done=course.done.classes,
            classes=course.total.classes,
            share=course.share,
            seconds_left=course.seconds_left,
            title=self._title,
            picture=self._picture,
        )


def _save(path: Path, image: Image.Image) -> None:
    with whole_file(path, durable=False) as temporary:
        image.save(temporary, format="JPEG", quality=85)
