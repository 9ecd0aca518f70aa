"""Boxes of MP4 and QuickTime files (ISO/IEC 14496-12): what ffmpeg has no option for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

QUICKTIME_SUFFIXES = frozenset({".mp4", ".mov"})
_TEXTS = {b"sbtl", b"text"}  # MP4 and QuickTime call subtitles so; chapters, which are texts too, are never enabled
_ENABLED = 0x000001
_HANDLER_TYPE = 8  # Bytes into `hdlr`, after version, flags and a reserved number.


class Box(NamedTuple):
    """A box: its name, and where in the file it begins, and its contents begin and end."""

    name: bytes
    head: int
    start: int
    end: int


def hide_subtitles(path: Path) -> None:
    """Leave it to the viewer to switch a film's subtitles on: players show a track that is enabled at once.

    ffmpeg enables the first track of each kind, whatever its disposition.

    Args:
        path: The file, which is changed in place.
    """
    with path.open("r+b") as file:
        for track in tracks(file):
            if handler(file, track) not in _TEXTS:
                continue
            header = child(file, track, b"tkhd")
            file.seek(header.start)
            flags = int.from_bytes(file.read(4), "big")  # and the version, in the first byte
            file.seek(header.start)
            file.write((flags & ~_ENABLED).to_bytes(4, "big"))


def tracks(file: BinaryIO) -> list[Box]:
    """The boxes of a film's tracks."""
    whole = Box(b"", 0, 0, file.seek(0, os.SEEK_END))
    return [box for box in children(file, child(file, whole, b"moov")) if box.name == b"trak"]


def handler(file: BinaryIO, track: Box) -> bytes:
    """What kind of track it is, in four letters."""
    file.seek(child(file, child(file, track, b"mdia"), b"hdlr").start + _HANDLER_TYPE)
    return file.read(4)


def child(file: BinaryIO, parent: Box, name: bytes) -> Box:
    """The first box of that name within another one."""
    return next(box for box in children(file, parent) if box.name == name)


def children(file: BinaryIO, parent: Box) -> Iterator[Box]:
    """The boxes right within another one."""
    start = parent.start
    while start < parent.end:
        file.seek(start)
        size, name, contents = int.from_bytes(file.read(4), "big"), file.read(4), start + 8
        if size == 1:  # the size is a long one
            size, contents = int.from_bytes(file.read(8), "big"), start + 16
        end = start + size if size else parent.end
        yield Box(name, start, contents, end)
        start = end
