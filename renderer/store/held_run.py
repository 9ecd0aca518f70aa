"""Directories that this process works in: nothing is written there any more once somebody has removed one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: dict[Path, tuple[int, int]] = {}
"""Lock files of the directories that are held, with what tells each from another file of the same name."""


class RunRemovedError(OSError):
    """The directory of a run was removed, or moved away, while the run was working in it."""


@contextmanager
def holding(lock: Path, handle: int) -> Iterator[None]:
    """Watch over a run's directory while this process works in it.

    Args:
        lock: The lock file, in a folder of the run's directory.
        handle: The open lock file.

    Raises:
        RunRemovedError: Something failed, and the directory is gone.
    """
    key = lock.absolute()
    _held[key] = _identity(os.fstat(handle))
    try:
        yield
    except RunRemovedError:
        raise
    except Exception:
        # Whatever failed, this is why.
        _refuse_if_removed(key)
        raise
    finally:
        del _held[key]


def refuse_removed(path: Path) -> None:
    """Refuse to write below a directory that was held and is gone; its folders would be made again.

    Raises:
        RunRemovedError: It is gone.
    """
    absolute = path.absolute()
    for lock in tuple(_held):
        if lock.parent.parent in absolute.parents:
            _refuse_if_removed(lock)


def _refuse_if_removed(lock: Path) -> None:
    try:
        same = _identity(lock.stat(follow_symlinks=False)) == _held[lock]
    except OSError:
        same = False
    if not same:
        raise RunRemovedError(
            f"{lock.parent.parent} was removed or moved away while it was being worked in (its lock file is gone); "
            "put it back to go on with it, or give the same command again to begin anew"
        )


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
