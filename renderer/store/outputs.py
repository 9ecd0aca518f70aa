"""Where something is to be written: that it can be is tried before anything is made for it."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

from renderer.common.errors import UserError
from renderer.store.paths import RunPaths
from renderer.store.run_file import holds_run

TRIED = ".neuron-atlas-"
"""Names begin so of what is made for an instant, to see whether anything can be."""
_ADVICE = "choose another directory with --output"


def refuse_in_runs(root: Path, runs: Iterable[Path]) -> None:
    """Refuse a folder for what is made from runs, where it is a run's.

    Args:
        root: The folder to be.
        runs: The directories of the runs; nothing is written into one of them.

    Raises:
        UserError: It is a file, a run's directory, or within one of those.
    """
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file; {_ADVICE}")
    for run in runs:
        if run.resolve() in (root.resolve(), *root.resolve().parents):
            raise UserError(f"{root} lies in the directory of a run, {run}; {_ADVICE}")
    if holds_run(RunPaths(root)):
        raise UserError(f"{root} is the directory of a run; {_ADVICE}")


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
        Path(mkdtemp(prefix=TRIED, dir=ground)).rmdir()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise UserError(
            f"{path}: nothing can be written to {ground} ({error.strerror}); choose another place with --output, or "
            "ask for the right to write there"
        ) from error


def refuse_within(run: Path, path: Path, named: str) -> None:
    """Refuse a file of the user's in the directory of a run; raises UserError.

    Args:
        run: The directory.
        path: The file to be.
        named: What the error begins with: the option, and the path.
    """
    if path.resolve().is_relative_to(run.resolve()):
        raise UserError(f"{named} lies in the run's directory, where only the run writes; choose another place")
