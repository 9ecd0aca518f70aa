"""The sound of a file as numbers, piece by piece; any format that ffmpeg knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from renderer.common import ffmpeg
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.common.wording import format_duration

SAMPLE_RATE = 24_000
"""Of decoded sound, a second."""
MOST_SECONDS = 3 * 3600
_PIECE_SECONDS = 10
# Nothing but this file, whatever it refers to; one thread, so that a file always gives the same numbers.
_CAREFULLY = ("-protocol_whitelist", "file", "-threads", "1")

Sound = Float32[np.ndarray, "samples"]
Frames = Float32[np.ndarray, "frames window"]


def decode(path: Path) -> Iterator[Sound]:
    """The sound of a file, all channels in one, `SAMPLE_RATE` samples a second, in pieces of some seconds.

    Raises:
        UserError: There is no such file, no sound can be read from it, or it lasts longer than `MOST_SECONDS`.
    """
    if not is_ordinary_file(path):
        raise UserError(f"{no_such_file(path)}. Give the path of a sound file.")
    source = [*_CAREFULLY, "-i", f"file:{path.absolute()}", "-map", "0:a:0", "-t", str(MOST_SECONDS + 1)]
    output = ["-ac", "1", "-ar", str(SAMPLE_RATE), "-bitexact", "-c:a", "pcm_f32le", "-f", "f32le", "pipe:"]
    heard = 0
    try:
        pieces = ffmpeg.pieces_of([*source, *output], f"listening to {path.name}", 4 * SAMPLE_RATE * _PIECE_SECONDS)
        for piece in pieces:
            sound = np.frombuffer(piece[: len(piece) // 4 * 4], "<f4")
            heard += len(sound)
            _refuse_endless(path, heard)
            yield np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0).clip(-8, 8)
    except ffmpeg.EncodingError as error:
        raise UserError(f"no sound can be read from {path}; give a sound file that plays. {error}") from error
    if not heard:
        raise UserError(f"no sound can be read from {path}; give a sound file that plays.")


class Cutter:
    """Cuts a sound that comes in pieces into windows, the middle of the first one at its beginning."""

    def __init__(self, window: int, hop: int) -> None:
        """Prepare to cut.

        Args:
            window: Samples of a window; even.
            hop: Samples from one window to the next.
        """
        self._window, self._hop = window, hop
        self._rest = np.zeros(window // 2, np.float32)

    def cut(self, sound: Sound) -> Frames:
        """The windows that end in the next piece."""
        sound = np.concatenate([self._rest, sound])
        count = max(0, (len(sound) - self._window) // self._hop + 1)
        self._rest = sound[count * self._hop :]
        if not count:
            return np.zeros((0, self._window), np.float32)
        return np.lib.stride_tricks.sliding_window_view(sound, self._window)[:: self._hop][:count]

    def end(self) -> Frames:
        """The windows whose middle is in the sound, but not their end."""
        return self.cut(np.zeros(self._window // 2, np.float32))


def _refuse_endless(path: Path, heard: int) -> None:
    if heard > MOST_SECONDS * SAMPLE_RATE:
        longest = format_duration(MOST_SECONDS)
        raise UserError(f"{path} has more than {longest} of sound; cut off what the film does not need")
