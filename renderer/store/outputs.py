"""Where something is to be written: that it can be is tried before anything is made for it."""

from __future__ import annotations

import errno
from pathlib import Path
from tempfile import mkdtemp

from renderer.common.errors import UserError


def refuse_unwritable(path: Path) -> None:
    """Refuse a place where nothing can be written; nothing is left there.

    Args:
        path: The folder to be, or the one of a file to be; folders that are missing are counted as ones to be made.

    Raises:
        UserError: A file stands in the way, or the system refuses it.
        OSError: The disk is full.
    """
    ground = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not ground.is_dir():
        raise UserError(f"{path} cannot be made, since {ground} is a file; choose another place with --output")
    try:
        Path(mkdtemp(prefix=".neuron-atlas-", dir=ground)).rmdir()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise UserError(
            f"{path}: nothing can be written to {ground} ({error.strerror}); choose another place with --output, or "
            "ask for the right to write there"
        ) from error
