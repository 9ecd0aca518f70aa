"""What tells players that a film is a panorama, as google/spatial-media specifies it.

Both forms: boxes within the description of the pictures (Spherical Video V2), and text in the track (V1), which some
players look for alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from renderer.media.quicktime import Box, child, children, handler, tracks

_DESCRIPTION = (b"mdia", b"minf", b"stbl", b"stsd")
_ENTRIES = 8  # Bytes of `stsd` before its entries: version, flags and their number.
_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_XML = (
    '<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"><GSpherical:Spherical>true</GSpherical:Spherical>'
    "<GSpherical:Stitched>true</GSpherical:Stitched>"
    "<GSpherical:StitchingSoftware>neuron-atlas</GSpherical:StitchingSoftware>"
    "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"
)


def mark_as_panorama(path: Path) -> None:
    """Write into an MP4 or QuickTime file that its pictures are equirectangular, show one eye's view and look ahead.

    The file becomes some hundred bytes longer, so it is written anew; all else in it stays as it is.

    Args:
        path: The file; nothing else may be writing in its folder under its name and `.marked`.
    """
    marked = path.with_name(f"{path.name}.marked")
    with path.open("rb") as file, marked.open("wb") as made:
        whole = Box(b"", 0, 0, path.stat().st_size)
        movie = child(file, whole, b"moov")
        file.seek(0)
        made.write(file.read(movie.head))
        made.write(_marked(file, movie))
        file.seek(movie.end)
        shutil.copyfileobj(file, made)
    marked.replace(path)


def _marked(file: BinaryIO, movie: Box) -> bytes:
    """The movie's box with what is added, and with the places of frames that lie behind it moved on."""
    track = next(one for one in tracks(file) if handler(file, one) == b"vide")
    around, description = [movie, track], track
    for name in _DESCRIPTION:
        description = child(file, description, name)
        around.append(description)
    entry = next(children(file, description._replace(start=description.start + _ENTRIES)))
    in_entry, in_track = _box(b"st3d", bytes(5)) + _sphere(), _box(b"uuid", _V1 + _XML.encode())
    file.seek(movie.head)
    data = bytearray(file.read(movie.end - movie.head))
    for box in (*around, entry):
        _add(data, box.head - movie.head, len(in_entry) + (len(in_track) if box in (movie, track) else 0))
    for one in tracks(file):
        _move_frames(file, one, movie, data, len(in_entry) + len(in_track))
    inner, outer = entry.end - movie.head, track.end - movie.head
    return bytes(data[:inner]) + in_entry + bytes(data[inner:outer]) + in_track + bytes(data[outer:])


def _sphere() -> bytes:
    """Where the middle of the picture is, no turn from there, and all of the sphere."""
    projection = _box(b"prhd", bytes(16)) + _box(b"equi", bytes(20))
    return _box(b"sv3d", _box(b"svhd", bytes(4) + b"neuron-atlas\0") + _box(b"proj", projection))


def _box(name: bytes, contents: bytes) -> bytes:
    return (8 + len(contents)).to_bytes(4, "big") + name + contents


def _move_frames(file: BinaryIO, track: Box, movie: Box, data: bytearray, more: int) -> None:
    """Correct the places of a track's frames in the file, as far as they lie behind the movie's box."""
    table = track
    for name in _DESCRIPTION[:-1]:
        table = child(file, table, name)
    for box in children(file, table):
        if box.name in (b"stco", b"co64"):
            width, first = (4 if box.name == b"stco" else 8), box.start + 8 - movie.head
            for place in range(first, box.end - movie.head, width):
                if int.from_bytes(data[place : place + width], "big") >= movie.end:
                    _add(data, place, more, width)


def _add(data: bytearray, place: int, more: int, width: int = 4) -> None:
    """Add to a number."""
    number = int.from_bytes(data[place : place + width], "big") + more
    data[place : place + width] = number.to_bytes(width, "big")
