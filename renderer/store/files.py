"""Whole files only: written under a temporary name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from renderer.common.digests import bytes_digest, file_digest
from renderer.store.held_run import refuse_removed
from renderer.store.mirrored import tell_removed, tell_written
from renderer.store.new_folders import flush_folder, make_folder

_LEFTOVER = re.compile(r"\..+\.tmp-\d+(-[0-9a-f]+)?(\.[^.]+)?")
_OWN = f"{os.getpid()}-{secrets.token_hex(3)}"
"""Tells this process's temporary files from those of others: on several machines numbers of processes come twice."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_LONGEST_WAIT = 30.0  # Seconds for another process that is about to rename a file.


@contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the place of `path` once it is whole.

    The temporary file lies in the same folder and keeps the suffix, by which ffmpeg and Pillow choose the format. On
    success it is flushed to the disk and renamed, so that `path` is always the old file or the new one. It may also be
    made a folder; then an old folder of that name is removed just before. On any failure nothing is left.

    Args:
        path: The file to be; missing folders are made.
        durable: Wait until it is on the disk, so that it survives a loss of power.

    Yields:
        The temporary path; nothing is there yet.

    Raises:
        RunRemovedError: It belongs to a run whose directory was removed in the meantime.
    """
    refuse_removed(path)
    make_folder(path.parent)
    temporary = own_temporary(path)
    _discard(temporary)
    try:
        yield temporary
        if durable:
            _flush(temporary)
        refuse_removed(path)
        if path.is_dir():
            remove(path)
        temporary.replace(path)
        if durable:
            flush_folder(path.parent)
        tell_written(path)
    finally:
        _discard(temporary)


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside a file to be, for what it is made from; nothing is left of it.

    What a killed process leaves of it is one of the `leftovers`.

    Args:
        path: The file to be, in a folder that is there.
    """
    folder = path.with_name(f".{path.stem}-work.tmp-{_OWN}")
    _discard(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        _discard(folder)


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file at one stroke: afterwards it is the old one or the new one, never a part."""
    with whole_file(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def write_first(path: Path, data: bytes) -> None:
    """Write a file at one stroke unless it is there; of several machines that do so at once, one comes first."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.tmp-{_OWN}.{secrets.token_hex(4)}")  # threads may do so too
    try:
        temporary.write_bytes(data)
        _flush(temporary)
        if _is_first(temporary, path):
            tell_written(path)
    finally:
        _discard(temporary)


def _is_first(temporary: Path, path: Path) -> bool:
    """Give a file its name unless that is taken, and tell whether it was not."""
    try:
        os.link(temporary, path)  # unlike a renaming it replaces nothing
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _is_first_without_links(temporary, path)
    return True


def _is_first_without_links(temporary: Path, path: Path) -> bool:
    """The same where the file system has no links: who makes the claim may rename, and others wait for it."""
    claim = path.with_name(f".{path.stem}.tmp-0")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        until = time.monotonic() + _LONGEST_WAIT
        while not path.exists():
            if time.monotonic() > until:
                raise FileExistsError(f"{claim}: another process was about to make {path.name}; remove it") from None
            time.sleep(0.05)
        return False
    try:
        if path.exists():
            return False
        temporary.replace(path)
        return True
    finally:
        _discard(claim)


def own_temporary(path: Path) -> Path:
    """A name beside a file to be, for this process alone; the suffix stays."""
    return path.with_name(f".{path.stem}.tmp-{_OWN}{path.suffix}")


def digest(path: Path) -> str:
    """Digest of a file's contents, or of the names and contents of a folder's files, in hexadecimal digits."""
    if path.is_dir():
        lines = [f"{file.name} {digest(file)}\n" for file in sorted(path.iterdir())]
        return bytes_digest("".join(lines).encode())
    return file_digest(path)


def size(path: Path) -> int:
    """Bytes of a file, or of a folder's files together."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    _discard(path)
    tell_removed(path)


def _discard(path: Path) -> None:
    """Remove what nobody else knows of."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[Path]:
    """The temporary files that killed runs have left in a folder."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if is_leftover(path)]


def is_leftover(path: Path) -> bool:
    """Whether a file has the name of a temporary one."""
    return _LEFTOVER.fullmatch(path.name) is not None


def _flush(path: Path) -> None:
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())
    if path.is_dir():
        flush_folder(path)
