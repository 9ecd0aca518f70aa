"""Dreamed frames as files, before text and final encoding; read again as often as these change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from renderer.common import ffmpeg
from renderer.store.absent import fetch_absent

Picture = UInt8[np.ndarray, "height width 3"]

_CONVERT = "scale=in_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"


def read_pieces(pieces: Sequence[tuple[Path, int]], size: tuple[int, int], first: int = 0) -> Iterator[Picture]:
    """Read the frames of several files, one after another.

    Args:
        pieces: The files, each with its number of frames.
        size: Width and height in pixels.
        first: Number of the first frame to read, from 0.

    Yields:
        The frames; each may be written to.

    Raises:
        EncodingError: A file cannot be read, or has fewer frames.
    """
    fetch_absent(*(path for path, _ in pieces))
    for path, frames in pieces:
        skipped = min(first, frames)
        if skipped < frames:
            yield from read_frames(path, size, frames - skipped, skipped)
        first -= skipped


def read_frames(path: Path, size: tuple[int, int], count: int, first: int = 0) -> Iterator[Picture]:
    """Read frames that `clean_coding` has encoded, one after another.

    Args:
        path: The file.
        size: Width and height in pixels.
        count: How many frames to read; at least 1.
        first: Number of the first one, from 0.

    Yields:
        The frames; each may be written to.

    Raises:
        EncodingError: The file cannot be read, or has fewer frames.
    """
    width, height = size
    chosen = f"select=gte(n\\,{first})," if first else ""
    source = ["-i", str(path.absolute()), "-map", "0:v:0", "-vf", f"{chosen}{_CONVERT}"]
    output = ["-fps_mode", "passthrough", "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"]
    with ffmpeg.read_by([*source, *output], f"reading {path.name}") as read:
        for _ in range(count):
            yield np.frombuffer(bytearray(read(width * height * 3)), np.uint8).reshape(height, width, 3)
