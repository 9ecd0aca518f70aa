"""The folder of a comparison: where everything in it lies, and what in it may be replaced and removed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.files import leftovers, remove
from renderer.store.outputs import refuse_in_runs, refuse_unwritable
from renderer.store.paths import LockedFolder, entries, matching
from renderer.store.plain_files import is_plain_file, is_plain_folder, read_plain

KIND = "comparison"
"""What `compare.json` says that it is, by which the folder is known again."""

_COPIES = re.compile(r"\d{2,}-[\w.-]+\.(webp|png|mp4|webm|mov|mkv|gif)")
_ADVICE = "choose another directory with --output"
_SHEET_PAGE = re.compile(r"sheet(-\d{2,})?\.jpg")


class ComparisonPaths(LockedFolder):
    """The paths of a comparison."""

    @property
    def page(self) -> Path:
        """The web page."""
        return self.root / "index.html"

    @property
    def contents(self) -> Path:
        """What the page shows, for other programs."""
        return self.root / "compare.json"

    @property
    def sheet(self) -> Path:
        """All stills in one picture; where it has several pages, each name has a number: `sheet-01.jpg`."""
        return self.root / "sheet.jpg"

    @property
    def film(self) -> Path:
        """All runs in one film."""
        return self.root / "compare.mp4"

    @property
    def thumbnails(self) -> Path:
        """Folder of small copies of the stills."""
        return self.root / "thumbs"

    @property
    def stills(self) -> Path:
        """Folder of copies of the stills, where they are asked for."""
        return self.root / "stills"

    @property
    def films(self) -> Path:
        """Folder of copies of the films, where they are asked for."""
        return self.root / "films"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders in it."""
        return (self.thumbnails, self.stills, self.films, self.state)


def refuse_unsuitable(paths: ComparisonPaths, runs: Collection[Path]) -> None:
    """Refuse a folder that something else than a comparison lies in.

    Args:
        paths: The folder.
        runs: The directories of the runs that are compared; nothing is written into one of them.

    Raises:
        UserError: It is a file, a run's directory or within one that is compared, holds other things, or cannot be
            written to.
    """
    root = paths.root
    refuse_in_runs(root, runs)
    refuse_unwritable(root)
    _refuse_strange(paths)


def _refuse_strange(paths: ComparisonPaths) -> None:
    """Refuse links in the place of folders and, where no comparison was written, whatever is there."""
    for path in paths.folders:
        if os.path.lexists(path) and not is_plain_folder(path):
            raise UserError(f"{path} is to be a folder, and is a link or a file; {_ADVICE}")
    if holds_comparison(paths):
        return
    ours = {paths.state, paths.lock, *leftovers(paths.root)}
    strange = [path for path in (*entries(paths.root), *entries(paths.state)) if path not in ours]
    if strange:
        raise UserError(f"{paths.root} is not empty and holds no comparison (it has {strange[0].name}); {_ADVICE}")


def holds_comparison(paths: ComparisonPaths) -> bool:
    """Whether a comparison was written into the folder, or was begun."""
    try:
        told = json.loads(read_plain(paths.contents))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("kind") == KIND


def remove_outdated(paths: ComparisonPaths, kept: Collection[Path]) -> None:
    """Remove what an earlier comparison wrote and this one did not; only while the lock is held.

    Args:
        paths: The folder.
        kept: What stays of its sheets, films and copies.
    """
    copies = [path for folder in (paths.thumbnails, paths.stills, paths.films) for path in matching(folder, _COPIES)]
    sheets = matching(paths.root, _SHEET_PAGE)
    for path in {*copies, *sheets, paths.film} - set(kept):
        if is_plain_file(path):
            remove(path)
    for folder in (paths.root, *paths.folders):
        for path in leftovers(folder):
            remove(path)
    for folder in (paths.stills, paths.films):
        if is_plain_folder(folder) and not entries(folder):
            folder.rmdir()
