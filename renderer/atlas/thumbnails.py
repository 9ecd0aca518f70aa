"""Small copies of the stills, for the page's grid."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from renderer.media.pictures import open_still
from renderer.store.files import whole_file
from renderer.store.paths import RunPaths
from renderer.store.plain_files import is_plain_file

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
    path = paths.thumbnail(still)
    if is_thumbnail(path) and path.stat().st_mtime >= still.stat().st_mtime:
        return
    image = open_still(still)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    # It can be made again from the still at any time.
    with whole_file(path, durable=False) as temporary:
        image.save(temporary, format="WEBP", quality=_QUALITY)
