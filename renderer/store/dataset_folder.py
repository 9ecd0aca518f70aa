"""The folder of a training set: where everything in it lies, and what in it may be replaced."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.files import leftovers, remove, work_folder
from renderer.store.lock import locked
from renderer.store.outputs import refuse_in_runs, refuse_unwritable
from renderer.store.paths import LockedFolder, entries
from renderer.store.plain_files import is_plain_file, is_plain_folder, read_plain

KIND = "training set"
"""What `classes.json` says that it is, by which the folder is known again."""

_ADVICE = "choose another directory with --output"


class DatasetPaths(LockedFolder):
    """The paths of a training set."""

    @property
    def train(self) -> Path:
        """The pictures to train on: a folder for each class."""
        return self.root / "train"

    @property
    def val(self) -> Path:
        """Those to validate with; the same folders."""
        return self.root / "val"

    @property
    def labels(self) -> Path:
        """What is known of each picture: a row for each."""
        return self.root / "labels.csv"

    @property
    def titles(self) -> Path:
        """The classes' titles in the order of their labels, a line each; a class list of this program too."""
        return self.root / "classes.txt"

    @property
    def contents(self) -> Path:
        """The classes in the order of their labels, for other programs."""
        return self.root / "classes.json"

    @property
    def parts(self) -> tuple[Path, ...]:
        """All that is written; what the folder is known by comes last."""
        return (self.train, self.val, self.labels, self.titles, self.contents)


def refuse_unsuitable(paths: DatasetPaths, run: Path) -> None:
    """Refuse a folder that something else than a training set lies in.

    Args:
        paths: The folder.
        run: The directory of the run that is exported.

    Raises:
        UserError: It is a file, a run's directory or within that of the run, holds other things, or cannot be written
            to.
    """
    refuse_in_runs(paths.root, [run])
    refuse_unwritable(paths.root)
    ours = {paths.state, paths.lock, *leftovers(paths.root), *_written(paths)}
    strange = next((path for path in _found(paths) if path not in ours), None)
    if strange:
        raise UserError(
            f"{paths.root} has something that no export has written ({strange.relative_to(paths.root)}), and what is "
            f"in it would be replaced; {_ADVICE}"
        )


@contextmanager
def replacing(paths: DatasetPaths, run: Path) -> Iterator[DatasetPaths]:
    """Give an empty folder to write a training set to, which takes the place of the old one once it is whole.

    On any failure the old one stays.

    Args:
        paths: Where it is to be.
        run: The directory of the run that is exported.

    Raises:
        UserError: As `refuse_unsuitable`, or another process is writing there.
    """
    with locked(paths.lock):
        refuse_unsuitable(paths, run)
        for path in leftovers(paths.root):
            remove(path)
        with work_folder(paths.contents) as folder:
            made = DatasetPaths(folder)
            yield made
            remove(paths.contents)  # cut short from here on, it is no training set, and nobody takes it for one
            for old, new in zip(paths.parts, made.parts, strict=True):
                remove(old)
                if new.exists():
                    new.replace(old)


def _found(paths: DatasetPaths) -> Iterator[Path]:
    """What lies in the folder, in that of the lock and in those of the pictures; of links the links themselves."""
    yield from entries(paths.root)
    folders = [paths.state] if is_plain_folder(paths.state) else []
    for split in (paths.train, paths.val):
        if is_plain_folder(split):
            yield from entries(split)
            folders += filter(is_plain_folder, entries(split))
    for folder in folders:
        yield from entries(folder)


def _written(paths: DatasetPaths) -> Collection[Path]:
    """What an earlier export has written into the folder, as far as it is still what it was; nothing if none did."""
    try:
        if json.loads(read_plain(paths.contents)).get("kind") != KIND:
            return ()
        rows = csv.DictReader(io.StringIO(read_plain(paths.labels).decode()))
        pictures = {paths.root / row["path"] for row in rows}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error):
        return ()
    names = {picture.parent.name for picture in pictures}
    folders = {split / name for split in (paths.train, paths.val) for name in names}
    files = {*pictures, paths.labels, paths.titles, paths.contents}
    return {*filter(is_plain_file, files), *filter(is_plain_folder, {*folders, paths.train, paths.val})}
