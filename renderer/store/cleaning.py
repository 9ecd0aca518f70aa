"""What may be removed from a run's directory: what runs wrote, and nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.absent import absent_size
from renderer.store.files import is_leftover, leftovers, remove
from renderer.store.outputs import TRIED, refuse_unwritable
from renderer.store.paths import (
    FILE_OF_SHARD,
    FILM_PICTURE,
    LOG_FILE,
    SEGMENT_STEM,
    SHEET_PAGE,
    STATE_FILE,
    THUMBNAIL,
    RunPaths,
    entries,
    matching,
)
from renderer.store.plain_files import is_plain_file, is_plain_folder
from renderer.store.records import StillRecord, read_record
from renderer.store.run_file import is_run_file, read_run_file
from renderer.store.sealing import read_sealed
from renderer.targets.slugs import still_names
from renderer.targets.target import Target

_SPARED_SECONDS = 600.0


def refuse_foreign(paths: RunPaths) -> None:
    """Refuse a directory with things in it that no run can have put there.

    Raises:
        UserError: It is a file, or a folder that holds other things and no run, or cannot be written to.
    """
    if paths.root.exists() and not paths.root.is_dir():
        raise UserError(f"{paths.root} is a file; choose a directory with --output")
    refuse_unwritable(paths.root)
    if not paths.root.exists():
        return
    refuse_strange(paths)
    strange = _strange(paths)
    # Looked at last: another shard may just have begun it.
    if is_run_file(paths.settings) or read_sealed(paths.settings_copy) is not None:
        return
    if strange and _was_run(paths):
        raise UserError(
            f"{paths.root} holds a run without its run.yaml: that and its copy {paths.settings_copy} are gone or "
            "damaged, and nothing else tells what the run was made with; put one of them back from a backup, remove "
            "the directory to begin anew, or choose another with --output"
        )
    if strange:
        raise UserError(
            f"{paths.root} is not empty and holds no run (it has {strange[0].name}); "
            "choose another directory with --output"
        )


def _strange(paths: RunPaths) -> list[Path]:
    """What lies in a directory and can be of no process that is about to begin a run there, or a shard of it."""
    beside = [path for path in entries(paths.root) if path != paths.state and not path.name.startswith(TRIED)]
    within = [path for path in entries(paths.state) if path != paths.lock and not _is_begun(path.name)]
    return [path for path in (*beside, *within) if not is_leftover(path)]


def _is_begun(name: str) -> bool:
    is_record = name.endswith(".json")
    return bool((FILE_OF_SHARD.fullmatch(name) and not is_record) or LOG_FILE.fullmatch(name))


def refuse_strange(paths: RunPaths) -> None:
    """Refuse a directory in which something stands where only a run's own folders and files can.

    Raises:
        UserError: A folder is a link, which would lead out of the run, or no folder; or `run.yaml` is no file.
    """
    for path in (paths.stills, paths.thumbnails, paths.segments, paths.parts, paths.state):
        if os.path.lexists(path) and not is_plain_folder(path):
            raise UserError(
                f"{path} is to be a folder in the run's directory, and is a link or a file; move it away, or choose "
                "another directory with --output"
            )
    if os.path.lexists(paths.settings) and not is_plain_file(paths.settings):
        raise UserError(
            f"{paths.settings} is to be a file, and is a folder or a link; move it away, or choose another directory "
            "with --output"
        )


def _was_run(paths: RunPaths) -> bool:
    return any(STATE_FILE.fullmatch(path.name) for path in entries(paths.state))


def remove_leftovers(paths: RunPaths) -> None:
    """Remove what killed processes were at: their temporary files, and what they told; only while the lock is held.

    Where shards have worked, what was changed a moment ago is spared: another machine may be at it, unseen by locks.
    """
    shards, now = paths.shards(), time.time()
    for told in [path for one in (paths, *shards) for path in (one.progress, one.preview)]:
        if not shards or _age(told, now) > _SPARED_SECONDS:
            remove(told)
    for path in [path for folder in paths.folders for path in leftovers(folder)]:
        if not shards or _age(path, now) > _SPARED_SECONDS:
            remove(path)


def _age(path: Path, now: float) -> float:
    """Seconds since it was changed; 0 if it is gone by now."""
    with suppress(OSError):
        return now - path.stat(follow_symlinks=False).st_mtime
    return 0.0


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
    encoded = [path for folder in (paths.segments, paths.parts) for path in entries(folder)]
    segments = [path for path in encoded if path.suffix in segment_suffixes and SEGMENT_STEM.fullmatch(path.stem)]
    pictures = [path for film in films if is_plain_folder(film) for path in matching(film, FILM_PICTURE)]
    ours = ((paths.root, SHEET_PAGE), (paths.thumbnails, THUMBNAIL), (paths.state, STATE_FILE), (paths.state, LOG_FILE))
    named = [path for folder, name in ours for path in matching(folder, name)]
    named += [one.lock for one in paths.shards()]
    for path in [*_products(paths), *films, *segments, *pictures, *named, paths.settings_copy]:
        if not path.is_dir():
            remove(path)
    remove(paths.settings)
    _remove_empty(paths.segments, paths.parts, paths.stills, paths.thumbnails, *films)


def remove_remains(
    paths: RunPaths, film_suffixes: Collection[str], segment_suffixes: Collection[str], stills: Iterable[str]
) -> None:
    """Remove what was written while somebody removed the directory; it would be taken for another program's.

    Where `run.yaml`, its copy or another process's lock file is there, all is left as it is.

    Args:
        paths: The run's directory.
        film_suffixes: Suffixes that a film may have.
        segment_suffixes: Suffixes that a segment may have.
        stills: Names of the stills that may be there.
    """
    if any(os.path.lexists(path) for path in (paths.settings, paths.settings_copy, paths.lock)):
        return
    remove_leftovers(paths)
    for path in map(paths.still, stills):
        if is_plain_file(path):
            remove(path)
    remove_run(paths, film_suffixes, segment_suffixes)
    _remove_empty(paths.state, paths.root)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        if is_plain_folder(folder) and not entries(folder):
            folder.rmdir()


def old_sheets(paths: RunPaths) -> list[Path]:
    """The pages of contact sheets that lie in the run's directory."""
    return matching(paths.root, SHEET_PAGE)


def _products(paths: RunPaths) -> Iterator[Path]:
    yield from (paths.index, paths.evaluation, paths.subtitles, paths.page, paths.logits, paths.logits_names)
    for key, path in paths.still_records().items():
        record = read_record(path, StillRecord)
        # A record is not believed beyond the stills of its own class.
        files = record.files if record else ()
        yield from (paths.root / file.path for file in files if paths.may_be_still(file.path, key))
    # A still may have been written, and its record not yet.
    yield from (paths.still(name) for name in _planned_stills(paths))


def remove_facets(paths: RunPaths, target: Target, stills: int) -> None:
    """Remove the facets that a target's record speaks of beyond so many stills, with their small copies."""
    record = read_record(paths.still_record(target.key), StillRecord)
    kept = {paths.relative(paths.still(name)) for name in still_names([target], stills)}
    for file in record.files if record else ():
        path = paths.root / file.path
        is_absent = absent_size(path) is not None
        is_other = file.path not in kept and paths.may_be_still(file.path, target.key)
        if is_other and (is_absent or is_plain_file(path)):
            remove(path)
            remove(paths.thumbnail(path))


def _planned_stills(paths: RunPaths) -> list[str]:
    try:
        run = read_run_file(paths.settings)
    except UserError:
        return []
    return still_names(run.targets, run.settings.stills.variants)
