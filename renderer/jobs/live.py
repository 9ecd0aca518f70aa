"""What a running render shows to those who look into its directory: how far it is, and the picture being dreamed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from threading import Lock
from types import TracebackType

from PIL import Image

from renderer.common.progress import Amount, Course, Progress
from renderer.film.tasks import Picture
from renderer.store.files import write_whole
from renderer.store.live_file import LiveProgress
from renderer.store.paths import RunPaths

_SECONDS_BETWEEN = 1.0
_LONGER_SIDE = 640
_LONGEST_WAIT = 5.0  # Seconds for another thread that passes on what it was told, where work begins or ends.
_NOTHING = Amount(0, 0)


class Live:
    """Passes progress on, and writes it down about once a second.

    Work may be told of by any thread, and no thread waits for another one that passes it on or writes. What is written
    may be lost at any time, and what cannot be written is left out: no render fails for it.
    """

    def __init__(self, paths: RunPaths, progress: Progress) -> None:
        self._paths, self._progress = paths, progress
        self._counting, self._telling = Lock(), Lock()
        self._course: Course | None = None
        self._untold, self._picture = _NOTHING, 0
        self._showing: Sequence[str] = ()
        self._written = self._shown = 0.0

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._counting:
            # A device that is at work yet, after an error elsewhere, is not listened to any more.
            self._course = None
        with self._passing_on(_LONGEST_WAIT):
            for path in (self._paths.progress, self._paths.preview):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin a piece of work."""
        with self._passing_on(_LONGEST_WAIT):
            with self._counting:
                self._course, self._showing, self._untold = Course(unit, total, done), (), _NOTHING
            self._progress.begin(unit, total=total, done=done)
            self._write()

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """So much more is done; the given titles are being dreamed."""
        with self._counting:
            if self._course is None:
                return
            self._course.advance(amount)
            self._untold, self._showing = self._untold + amount, showing
        with self._passing_on() as is_alone:
            if is_alone:  # else another thread is at it, and the next one takes along what it did not know of
                self._pass_on()
                if time.monotonic() - self._written >= _SECONDS_BETWEEN:
                    self._write()

    def show(self, picture: Picture) -> None:
        """The picture that is being dreamed now, of the first of the titles."""
        if time.monotonic() - self._shown < _SECONDS_BETWEEN:
            return
        image = Image.fromarray(picture)
        image.thumbnail((_LONGER_SIDE, _LONGER_SIDE))
        encoded = BytesIO()
        image.save(encoded, format="JPEG", quality=85)
        self.show_encoded(encoded.getvalue())

    def show_encoded(self, jpeg: bytes) -> None:
        """The same, as a file that somebody else has made."""
        if time.monotonic() - self._shown < _SECONDS_BETWEEN:
            return
        self._shown = time.monotonic()
        with suppress(OSError):
            write_whole(self._paths.preview, jpeg, durable=False)
            self._picture += 1
        with self._passing_on() as is_alone:
            if is_alone:
                self._write()

    def end(self) -> None:
        """The piece of work is over."""
        with self._passing_on(_LONGEST_WAIT):
            if self._untold != _NOTHING:
                self._pass_on()
            self._progress.end()
            self._write()

    def note(self, text: str) -> None:
        """Something that the user should know."""
        self._progress.note(text)

    @contextmanager
    def _passing_on(self, seconds: float = 0.0) -> Iterator[bool]:
        """For one thread at a time; gives whether no other one is at it, after waiting for that so long."""
        is_alone = self._telling.acquire(timeout=seconds)
        try:
            yield is_alone
        finally:
            if is_alone:
                self._telling.release()

    def _pass_on(self) -> None:
        with self._counting:
            untold, self._untold, showing = self._untold, _NOTHING, self._showing
        self._progress.advance(untold, showing)

    def _write(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError, ValueError):
            with self._counting:
                state = self._state(self._course) if self._course else None
            if state:
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
            title=self._showing[0] if self._showing else "",
            picture=self._picture,
        )
