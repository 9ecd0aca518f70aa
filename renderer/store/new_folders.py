"""New folders that survive a loss of power, as the files in them do."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder and those above it, as far as they are missing; each is written down in the one above it."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)
    if not path.is_dir():
        # As Path.mkdir says it.
        path.mkdir()


def flush_folder(folder: Path) -> None:
    """Make what was made or renamed in a folder last; only POSIX systems open folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
