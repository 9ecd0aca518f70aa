"""Asking for files by names that anybody may have written."""

from __future__ import annotations

from pathlib import Path


def is_ordinary_file(path: Path) -> bool:
    """Whether there is a file to read: not a folder, nor a pipe or device, which might never end.

    A name that no file can have, such as one that is too long, is that of no file either.
    """
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def no_such_file(path: Path) -> str:
    """Say for a message that there is no such file, and from where its path is taken."""
    told = f"there is no file {path}"
    return told if path.is_absolute() else f"{told}; relative paths are taken from {Path.cwd()}"


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8; those of files are bytes, and may be anything."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
