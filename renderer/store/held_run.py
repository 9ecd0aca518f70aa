"""Directories that this process works in: nothing is written there any more once somebody has removed one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: dict[int, tuple[Path, tuple[int, int]]] = {}
"""By handle the lock files of directories that are held, with what tells each from another file of its name."""


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
    _held[handle] = lock.absolute(), _identity(os.fstat(handle))
    try:
        yield
    except RunRemovedError:
        raise
    except Exception:
        # Whatever failed, this is why.
        _refuse_if_removed(*_held[handle])
        raise
    finally:
        del _held[handle]


def refuse_removed(path: Path) -> None:
    """Refuse to write below a directory that was held and is gone; its folders would be made again.

    Raises:
        RunRemovedError: It is gone.
    """
    absolute = path.absolute()
    for lock, identity in tuple(_held.values()):
        if lock.parent.parent in absolute.parents:
            _refuse_if_removed(lock, identity)


def _refuse_if_removed(lock: Path, identity: tuple[int, int]) -> None:
    try:
        same = _identity(lock.stat(follow_symlinks=False)) == identity
    except OSError:
        same = False
    if not same:
        raise RunRemovedError(
            f"{lock.parent.parent} was removed or moved away while it was being worked in (its lock file is gone); "
            "put it back to go on with it, or give the same command again to begin anew"
        )


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
