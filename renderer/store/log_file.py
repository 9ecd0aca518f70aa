"""The log of a run: what was done when, with which settings, and what went wrong, for who looks into it later."""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from os.path import lexists
from pathlib import Path

from renderer.common.progress import SHOWN
from renderer.store.paths import RUNS, RunPaths
from renderer.store.plain_files import is_plain_file

_MOST_BYTES = 1_000_000
_MOST_WAITING = 1000
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_LOGGER = logging.getLogger("renderer")
_OF_ONCE = re.compile(r" (--restart|--yes|-y|--shard(=\S*| \d+/\d+)?)(?= |$)")
_OUTPUT, _IS_OUTPUT = ("--output", "-o"), "--output="
_COMMAND = re.compile(r"^\S+ \S+ \d+ INFO renderer\.cli: (neuron-atlas (?:render|stills) .*)$", re.MULTILINE)


class LogFile(logging.Handler):
    """Appends to the log in a run's directory, once that is known and this process holds it; until then records wait.

    What cannot be written is left out: no render fails for it. A file above a megabyte becomes the old one.

    Attributes:
        paths: The run's directory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self.paths: RunPaths | None = None
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, and those that wait."""
        try:
            self._waiting.append(self.format(record))
            if self.paths and _is_ours(self.paths):
                self._write(self.paths)
        except Exception:  # noqa: BLE001  whatever it is, the render matters more
            self._waiting.clear()

    def _write(self, paths: RunPaths) -> None:
        """Open the file anew each time: it may have been removed, and there is not much to write."""
        path = paths.log
        if lexists(path) and not is_plain_file(path):
            return  # A link may lead to any file.
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            path.replace(paths.old_log)
        text = "".join(f"{line}\n" for line in self._waiting)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        self._waiting.clear()


class _StandardError(logging.Handler):
    """Says what is logged, but not the errors that end a command, which are said in any case."""

    def emit(self, record: logging.LogRecord) -> None:
        # Looked up each time: a progress bar takes its place for a while. A program may have none, or a closed one.
        if not record.exc_info and sys.stderr:
            with suppress(OSError, ValueError):
                sys.stderr.write(f"{self.format(record)}\n")


class _Passing(logging.Handler):
    """Passes on what a program that is not ours would have got without us."""

    def __init__(self, level: int, *, notes: bool) -> None:
        super().__init__(level)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        if _LOGGER.parent and (self._notes or not hasattr(record, SHOWN)):
            _LOGGER.parent.callHandlers(record)


def last_command(paths: RunPaths) -> str | None:
    """The last command line that dreamed in a run's directory; None if no log tells.

    Without `--restart`, `--yes` and `--shard`: it is to go on with the whole run as it is, which may have been moved
    since.
    """
    for path in (paths.log, paths.old_log, *(one.log for one in paths.shards())):
        with suppress(OSError):
            found = _COMMAND.findall(path.read_text(encoding="utf-8", errors="replace"))
            if found:
                return _for_directory(paths.root, _OF_ONCE.sub("", str(found[-1])))
    return None


def _for_directory(directory: Path, command: str) -> str:
    """The same command for a run that lies in this directory now."""
    try:
        words = shlex.split(command)
        given = [word for before, word in pairwise(words) if before in _OUTPUT]
        given += [word.removeprefix(_IS_OUTPUT) for word in words if word.startswith(_IS_OUTPUT)]
        if any("://" in text for text in given):
            return command
        names = [Path(word) for word in words[2:]]  # one of them is the configuration's
        usual = [path for name in names for path in (name, RUNS / name.stem, RUNS / f"{name.stem}-preview")]
        here = (directory.resolve(), RunPaths(directory).settings.resolve())
        if any(Path(path).resolve() in here for path in given or usual):
            return command
    except (ValueError, OSError, RuntimeError):  # somebody wrote in the log
        return command
    kept = [
        word
        for before, word in pairwise(["", *words])
        if not (word in _OUTPUT or before in _OUTPUT or word.startswith(_IS_OUTPUT))
    ]
    return shlex.join([*kept, "--output", str(directory)])


@contextmanager
def logged_within(paths: RunPaths | None, *, notes: bool) -> Iterator[None]:
    """Log to a file in a run's directory within somebody else's program, whose own logging gets what it always does.

    Args:
        paths: The run's directory; None where there is none.
        notes: Whether its own logging gets the notes of progress too, since nothing shows them.
    """
    level, passes_on, wanted = _LOGGER.level, _LOGGER.propagate, _LOGGER.getEffectiveLevel()
    file, passing = LogFile(), _Passing(wanted, notes=notes)
    file.paths = paths
    added = [handler for handler, is_wanted in ((file, paths), (passing, passes_on)) if is_wanted]
    for handler in added:
        _LOGGER.addHandler(handler)
    _LOGGER.setLevel(min(wanted, logging.INFO))
    _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.propagate = passes_on
        _LOGGER.setLevel(level)
        for handler in added:
            _LOGGER.removeHandler(handler)


def configure(*, verbose: bool) -> None:
    """Begin to log as a command does; what an earlier command logged to is forgotten.

    Warnings are said on standard error, unless they are notes of progress, which are shown in any case.

    Args:
        verbose: Say all that is logged there.
    """
    _LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    _LOGGER.handlers.clear()
    _LOGGER.addHandler(LogFile())
    said = _StandardError()
    if verbose:
        said.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    else:
        said.setLevel(logging.WARNING)
        said.addFilter(lambda record: not hasattr(record, SHOWN))
    _LOGGER.addHandler(said)


def keep_log(paths: RunPaths) -> None:
    """Log to a file in a run's directory too, as soon as this process holds it."""
    for handler in _LOGGER.handlers:
        if isinstance(handler, LogFile):
            handler.paths = paths


def _is_ours(paths: RunPaths) -> bool:
    """Whether this process holds the directory."""
    try:
        return paths.lock.read_bytes() == str(os.getpid()).encode()
    except FileNotFoundError:
        return False
