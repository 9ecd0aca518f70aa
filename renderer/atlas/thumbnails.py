"""Small copies of the stills, for the page's grid."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from renderer.media.pictures import open_still
from renderer.store.absent import absent_size
from renderer.store.files import write_whole
from renderer.store.paths import RunPaths
from renderer.store.plain_files import is_plain_file, read_plain

THUMBNAIL_SIDE = 320
"""The longer side of a small copy, in pixels."""

_QUALITY = 78
_HEAD = 12
"""Bytes of `RIFF`, the length of what follows, and `WEBP`."""


def is_thumbnail(path: Path) -> bool:
    """Whether a WebP file is there to its end, by the length that it tells of itself."""
    if not is_plain_file(path):
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    told = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    return told and int.from_bytes(head[4:8], "little") + 8 == path.stat().st_size


def make_thumbnail(paths: RunPaths, still: Path) -> None:
    """Make the small WebP copy of a still, unless there is a whole one that is not older.

    Raises:
        OSError: The still cannot be read, or the copy not be written.
    """
    if not _is_current(paths, still):
        # It can be made again from the still at any time.
        write_whole(paths.thumbnail(still), _shrunk(still), durable=False)


def read_thumbnail(paths: RunPaths, still: Path) -> bytes:
    """The small WebP copy of a still, made where there is none; the run is left as it is.

    Raises:
        OSError: The still cannot be read.
    """
    return read_plain(paths.thumbnail(still)) if _is_current(paths, still) else _shrunk(still)


def _is_current(paths: RunPaths, still: Path) -> bool:
    path = paths.thumbnail(still)
    return is_thumbnail(path) and (absent_size(still) is not None or path.stat().st_mtime >= still.stat().st_mtime)


def _shrunk(still: Path) -> bytes:
    image = open_still(still)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    data = BytesIO()
    image.save(data, format="WEBP", quality=_QUALITY)
    return data.getvalue()
