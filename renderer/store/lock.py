"""One process at a time in a run's directory; the system itself frees the lock of a process that was killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.held_run import holding
from renderer.store.new_folders import make_folder
from renderer.store.paths import LockedFolder
from renderer.store.plain_files import is_plain_file

_ATTEMPTS = 3
"""`holder` holds the lock for an instant; a run that starts just then must not be refused."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        # Locked bytes cannot be read by others; these lie beyond the process number.
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, *, needed: bool = True) -> Iterator[None]:
    """Hold the lock file; it stays where it is afterwards, unlocked.

    Args:
        path: The lock file; missing folders are made.
        needed: Whether to refuse a file system that knows no locks; else it is done without.

    Raises:
        UserError: Another process holds it, it is no file, or the file system knows no locks.
        RunRemovedError: Something failed because the run's directory was removed.
    """
    make_folder(path.parent)
    _refuse_strange(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        _acquire(handle, path, needed=needed)
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        with holding(path, handle):
            yield
    finally:
        os.close(handle)


def refuse_worked_in(folder: LockedFolder) -> None:
    """Refuse a folder in which another process of this machine works; raises UserError."""
    number = holder(folder.lock)
    if number is not None:
        raise UserError(_taken(folder.lock, number))


def holder(path: Path) -> int | None:
    """Number of the process that holds the lock file, 0 if it cannot be told; None if nobody does."""
    if not is_plain_file(path):
        return None
    handle = _opened(path)
    try:
        _try_lock(handle)
    except (BlockingIOError, PermissionError):
        return _read_number(path)
    except OSError:  # The file system has no locks, or none for who may only read.
        return None
    else:
        return None
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """To write where that is allowed: over a network only such files can be locked by one alone."""
    try:
        return os.open(path, os.O_RDWR)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def _refuse_strange(path: Path) -> None:
    """A link would be followed, and what it leads to emptied."""
    if os.path.lexists(path) and not is_plain_file(path):
        raise UserError(f"{path} is to be a file, and is something else (a folder or a link, say); remove it")


def _acquire(handle: int, path: Path, *, needed: bool) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            return _try_lock(handle)
        except (BlockingIOError, PermissionError):
            if attempt + 1 < _ATTEMPTS:
                time.sleep(0.1)
        except OSError as error:
            if not needed:
                return None
            raise UserError(
                f"{path}: the file system cannot lock files ({error}); choose a directory elsewhere with --output"
            ) from error
    raise UserError(_taken(path, _read_number(path)))


def _taken(path: Path, number: int) -> str:
    return (
        f"{path.parent.parent}: process {number} is working in this directory; wait for it, stop it "
        f"(kill {number}), or choose another directory with --output"
    )


def _read_number(path: Path) -> int:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    return int(text) if text.isdigit() else 0
