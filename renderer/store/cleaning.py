"""What may be removed from a run's directory: what runs wrote, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.files import leftovers, remove
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, read_record
from renderer.store.run_file import is_run_file, read_run_file
from renderer.targets.slugs import still_name

_SEGMENT = re.compile(r"\d{4,}-\d{3,}")
_STATE = re.compile(r"(\d{4,}-\d{3,}|lead-in-\d{4,}|still-\d{4,}|film|failures|similarity|now)\.(png|npy|jpg|json)")
_LOG = re.compile(r"log(-old)?\.txt")
_THUMBNAIL = re.compile(r"\d{4,}-.*\.webp")
_SHEET = re.compile(r"sheet(-\d{2,})?\.webp")
_FRAME = re.compile(r"\d{6,}\.png")


def refuse_foreign(paths: RunPaths) -> None:
    """Refuse a directory with things in it that no run can have put there.

    Raises:
        UserError: It is a file, or a folder that holds other things and no run.
    """
    if not paths.root.exists():
        return
    if not paths.root.is_dir():
        raise UserError(f"{paths.root} is a file; choose a directory with --output")
    if is_run_file(paths.settings):
        return
    ours = {paths.state, *leftovers(paths.root)}
    strange = [path for path in _entries(paths.root) if path not in ours]
    strange += [path for path in _entries(paths.state) if path != paths.lock and not _LOG.fullmatch(path.name)]
    if strange:
        raise UserError(
            f"{paths.root} is not empty and holds no run (it has {strange[0].name}); "
            "choose another directory with --output"
        )


def remove_leftovers(paths: RunPaths) -> None:
    """Remove the temporary files of runs that were killed; only while the lock is held."""
    for folder in paths.folders:
        for path in leftovers(folder):
            remove(path)


def remove_run(paths: RunPaths, film_suffixes: Collection[str], segment_suffixes: Collection[str]) -> None:
    """Remove what runs wrote, and then the folders that are empty; only while the lock is held.

    The records go after the files that they speak of and `run.yaml` goes last, so that a removal that is cut short
    leaves an unfinished run.

    Args:
        paths: The run's directory.
        film_suffixes: Suffixes that a film may have; without one it is a folder of pictures.
        segment_suffixes: Suffixes that a segment may have.
    """
    films = [paths.film(suffix) for suffix in film_suffixes]
    segments = [
        path for path in _entries(paths.segments) if path.suffix in segment_suffixes and _SEGMENT.fullmatch(path.stem)
    ]
    ours = {paths.root: _SHEET, paths.thumbnails: _THUMBNAIL, **dict.fromkeys(films, _FRAME), paths.state: _STATE}
    named = [path for folder, name in ours.items() for path in _matching(folder, name)]
    named += _matching(paths.state, _LOG)
    for path in [*_products(paths), *films, *segments, *named]:
        if not path.is_dir():
            remove(path)
    paths.settings.unlink(missing_ok=True)
    for folder in (paths.segments, paths.stills, paths.thumbnails, *films):
        if folder.is_dir() and not _entries(folder):
            folder.rmdir()


def old_sheets(paths: RunPaths) -> list[Path]:
    """The pages of contact sheets that lie in the run's directory."""
    return _matching(paths.root, _SHEET)


def _products(paths: RunPaths) -> Iterator[Path]:
    yield from (paths.index, paths.evaluation, paths.subtitles, paths.page)
    for path in paths.state.glob("still-*.json"):
        record = read_record(path, StillRecord)
        if record:
            yield paths.root / record.still.path
    # A still may have been written, and its record not yet.
    yield from (paths.still(name) for name in _planned_stills(paths))


def _planned_stills(paths: RunPaths) -> list[str]:
    try:
        return [still_name(record) for record in read_run_file(paths.settings).classes]
    except UserError:
        return []


def _matching(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return [path for path in _entries(folder) if pattern.fullmatch(path.name)]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
