"""How progress is shown to those who call from Python."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal, NamedTuple

from renderer.common.errors import UserError
from renderer.common.printable import printable
from renderer.common.progress import Amount, Course, LoggedProgress, Progress

ProgressChoice = Literal["auto", "silent", "bar"] | Progress
"""`auto`: a bar in notebooks, else silent. `silent`: nothing is shown, notes go to the logger `renderer`. `bar`: a bar,
and lines where standard error is no terminal. Or an object of your own, which is told by other threads, one at a time.
"""


class Shown(NamedTuple):
    """Progress, and how it comes to be seen.

    Attributes:
        progress: Is to be told.
        refresh: Is to be called now and then by the thread that waits.
        shows_notes: Whether notes are seen.
    """

    progress: Progress
    refresh: Callable[[], None]
    shows_notes: bool


@contextmanager
def shown(choice: ProgressChoice) -> Iterator[Shown]:
    """Progress as it was chosen; raises UserError where that is no choice."""
    match choice:
        case "bar" | "auto" if (notebook := _notebook()) is not None:
            line = NotebookLine(notebook)
            try:
                yield Shown(LoggedProgress(line), line.refresh, shows_notes=True)
            finally:
                line.clear()
        case "auto" | "silent":
            yield Shown(LoggedProgress(_Silent()), _nothing, shows_notes=False)
        case "bar":
            with _terminal() as progress:
                yield Shown(LoggedProgress(progress), _nothing, shows_notes=True)
        case str():
            raise UserError(f"progress: must be 'auto', 'silent', 'bar' or an object of your own, not {choice!r:.60}")
        case _:
            yield Shown(LoggedProgress(choice), _nothing, shows_notes=True)


@contextmanager
def _terminal() -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415  only where it is wanted

    from renderer.display import progress_on  # noqa: PLC0415  the same

    with progress_on(Console(stderr=True, highlight=False)) as progress:
        yield progress


def _notebook() -> Callable[..., Any] | None:
    """What displays things in a notebook; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display  # noqa: PLC0415  it is there then

    return display


def _nothing() -> None:
    pass


class _Silent:
    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        pass

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        pass

    def end(self) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class NotebookLine:
    """A bar with what is being dreamed, replaced as the work goes on; needs no widgets.

    It is told by any thread, and displays in the one that refreshes it, for a notebook shows what the cell's own does.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        """Take what displays: `IPython.display.display`."""
        self._display = display
        self._handle: Any = None
        self._telling = Lock()
        self._course, self._titles, self._notes = Course(), "", list[str]()
        self._is_new = False

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Begin with a new piece of work."""
        with self._telling:
            self._course, self._titles, self._is_new = Course(unit, total, done), "", True

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """Go on."""
        from renderer.display import shorten  # noqa: PLC0415  only where it is wanted

        with self._telling:
            self._course.advance(amount)
            self._titles, self._is_new = printable(shorten(showing)), True

    def end(self) -> None:
        """Stay as it is."""

    def note(self, text: str) -> None:
        """Have something said that stays."""
        with self._telling:
            self._notes.append(printable(text, lines=True))

    def refresh(self) -> None:
        """Display what is new."""
        with self._telling:
            notes, self._notes = self._notes, []
            line = self._line() if self._is_new else None
            self._is_new = False
        for note in notes:
            self._display({"text/plain": note}, raw=True)
        if line:
            self._replace(line)

    def clear(self) -> None:
        """Display the last notes, and take the bar away."""
        self._is_new = False
        self.refresh()
        if self._handle:
            self._replace({"text/plain": "", "text/html": ""})

    def _line(self) -> dict[str, str]:
        from renderer.display import classes_text, pace_text  # noqa: PLC0415  the same

        said = f"{classes_text(self._course)}, {pace_text(self._course)}: {self._titles}"
        share = f"{self._course.share:.3f}"
        bar = f'<progress value="{share}" max="1"></progress> {html.escape(said)}'
        return {"text/plain": f"{float(share):.0%} {said}", "text/html": bar}

    def _replace(self, bundle: dict[str, str]) -> None:
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
