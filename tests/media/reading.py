"""What the tests of the video share: frames to encode, and PyAV as a reader that is independent of our ffmpeg."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from renderer.media.codecs import CODECS, film_coding
from renderer.media.encoding import SegmentEncoder
from renderer.media.joining import Piece
from renderer.settings.sections import Video

FILM_CODECS = ["h264", "h265", "av1", "vp9", "prores", "ffv1"]


def moving_frames(count: int, width: int = 48, height: int = 32, first: int = 0) -> list[np.ndarray]:
    """Frames of a color gradient that moves, each different from the others."""
    rows, columns = np.mgrid[:height, :width]
    return [
        np.stack([columns * 4 + 3 * number, rows * 6 + number, (rows + columns) * 2 + 5 * number], -1).astype(np.uint8)
        for number in range(first, first + count)
    ]


def encode(path: Path, frames: Sequence[np.ndarray], fps: float, video: Video) -> Piece:
    """A finished segment."""
    height, width, _ = frames[0].shape
    encoder = SegmentEncoder(path, (width, height), fps, film_coding(video, fps))
    for frame in frames:
        encoder.write(frame)
    encoder.finish()
    return Piece(path, len(frames))


def segments(folder: Path, lengths: Sequence[int], fps: float, video: Video) -> list[Piece]:
    """Segments of so many frames, one continuing the other."""
    pieces, first = [], 0
    for number, length in enumerate(lengths):
        path = folder / f"{number:04d}{CODECS[video.codec].segment_suffix}"
        pieces.append(encode(path, moving_frames(length, first=first), fps, video))
        first += length
    return pieces


def decoded(path: Path) -> list[np.ndarray]:
    """All frames of a film, as RGB where the film holds RGB."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def times(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as film:
        return [frame.pts * frame.time_base for frame in film.decode(video=0)]
