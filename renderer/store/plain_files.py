"""Files that are only believed to be files: links, devices and folders in their place are never followed or read."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath


def is_plain_file(path: Path) -> bool:
    """Whether a file is there that is no link, folder, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def is_plain_folder(path: Path) -> bool:
    """Whether a folder is there that is no link to one."""
    return path.is_dir() and not path.is_symlink()


def is_plain(path: Path) -> bool:
    """Whether there is a file, or a folder of files alone, without a link, pipe or device."""
    if is_plain_folder(path):
        return all(is_plain_file(file) for file in path.iterdir())
    return is_plain_file(path)


def read_plain(path: Path) -> bytes:
    """Read a file.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be read, or is no plain file.
    """
    path.lstat()
    if not is_plain_file(path):
        raise OSError(f"{path} is not a file")
    return path.read_bytes()


def path_within(root: Path, written: str) -> Path | None:
    """The path that is written down, as one below `root`.

    Args:
        root: The folder that it is to stay in.
        written: From `root`, with forward slashes.

    Returns:
        None if it leads out of the folder, in words or by a link on the way.
    """
    pure = PurePosixPath(written)
    parts = pure.parts
    if not parts or pure.is_absolute() or ".." in parts or any("\\" in part or ":" in part for part in parts):
        return None
    path = root
    for part in parts[:-1]:
        path /= part
        if path.is_symlink():
            return None
    return path / parts[-1]
