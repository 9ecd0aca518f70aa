"""Films of others, read frame by frame at a constant rate; any format that ffmpeg knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import UInt8

from renderer.common import ffmpeg
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file

Picture = UInt8[np.ndarray, "height width 3"]

FILM = Path(str(files("renderer.common") / "data" / "film.mp4"))
"""The film that comes along: over photographs by Rachel Michetti and Stéfan van der Walt (CC0)."""
_USUAL_RATES = tuple(
    [Fraction(whole) for whole in (12, 15, 24, 25, 30, 48, 50, 60, 120)]
    + [Fraction(whole * 1000, 1001) for whole in (24, 30, 60, 120)]
)
_MOST_PIXELS = 2**26  # A frame of 8192 x 8192; what claims to be larger is not opened.
_ROUNDING = Fraction(1, 300)  # By which times that are rounded may be off.
_SLOWEST, _FASTEST = 1.0, 240.0
_HELD_SECONDS = 0.5  # For which the last frame is held: what files say about their ends is not exact.
_SEEK_FRAMES = 100  # As many are read past rather than that the file is opened anew.
_SEEK_SECONDS = 1.0  # Before the wished frame.
# Nothing but this file, whatever it refers to; one thread a film, since several may be open.
_CAREFULLY = ("-protocol_whitelist", "file", "-max_pixels", str(_MOST_PIXELS), "-threads", "1")
_SCALE = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"


class FilmFacts(NamedTuple):
    """What is known of a film.

    Attributes:
        width: In pixels, as it is shown: turned as its flags say, and with square pixels.
        height: The same.
        seconds: How long its picture lasts.
        fps: Frames per second; where they vary, the usual rate.
        has_sound: Whether there is a sound that can be read.
    """

    width: int
    height: int
    seconds: Fraction
    fps: float
    has_sound: bool

    def frames(self, fps: float) -> int:
        """How many frames it has at a constant rate."""
        return max(1, round(self.seconds * ffmpeg.frame_rate(fps)))


def film_facts(path: Path) -> FilmFacts:
    """Find out what kind of film a file holds; what lies between its ends is not decoded.

    Raises:
        UserError: There is no such file, or no film of two frames at least can be read from it.
    """
    if not is_ordinary_file(path):
        raise UserError(no_such_file(path))
    status = path.stat()
    return _facts(path, (status.st_mtime_ns, status.st_size))


class FilmReader:
    """Reads a film's frames by number, at a constant rate and in one size; best in order.

    A frame is the same picture wherever reading began. Where the film's own rate differs, frames are left out or
    repeated. ffmpeg is at work between the calls; close the reader to end it.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        """Prepare to read.

        Args:
            path: The film.
            size: Height and width of the frames; what does not fit in that proportion is cut off.
            fps: Frames per second.

        Raises:
            UserError: As `film_facts`.
        """
        self._path, self._size, self._rate, self._facts = path, size, ffmpeg.frame_rate(fps), film_facts(path)
        self._open = ExitStack()
        self._read: Callable[[int], bytes] | None = None
        self._next, self._last = 0, np.zeros((0, 0, 3), np.uint8)

    def frame(self, number: int) -> Picture:
        """The frame of a number, from 0; do not write to it.

        Raises:
            UserError: It cannot be read, or the film has no such frame.
        """
        if self._read is None or not self._next - 1 <= number < self._next + _SEEK_FRAMES:
            self._begin(number)
        try:
            while self._next <= number:
                self._last = self._picture()
                self._next += 1
        except ffmpeg.EncodingError as error:
            self.close()
            raise _unreadable(self._path, f"Frame {self._next} of {float(self._rate):g} a second: {error}") from error
        return self._last

    def close(self) -> None:
        """End what is at work; it begins anew where another frame is asked for."""
        self._read = None
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, number: int) -> None:
        """Open the film; the wished frame comes first."""
        self.close()
        seconds = float(number / self._rate) - _SEEK_SECONDS
        is_far = seconds > _SEEK_SECONDS and _can_seek(self._path)
        # Times stay those of the whole film, so that the numbers that `fps` gives its frames are too.
        seek = ["-noaccurate_seek", "-ss", f"{seconds:.3f}"] if is_far else []
        source = [*_CAREFULLY, *seek, "-copyts", "-start_at_zero", *_input(self._path), "-map", "0:V:0"]
        steps = [f"fps={self._rate}:start_time=0", f"select=gte(pts\\,{number})", *self._fitted(), "format=rgb24"]
        held = f"tpad=stop_mode=clone:stop={round(_HELD_SECONDS * self._rate)}"
        output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"]
        arguments = [*source, "-vf", ",".join([*steps, held]), *output]
        self._read = self._open.enter_context(ffmpeg.read_by(arguments, f"reading {self._path.name}"))
        self._next = number

    def _fitted(self) -> list[str]:
        """Filters that fill the size, and cut off what is beyond it."""
        height, width = self._size
        factor = max(width / self._facts.width, height / self._facts.height)
        wide, high = max(width, round(self._facts.width * factor)), max(height, round(self._facts.height * factor))
        return [f"scale={wide}:{high}:{_SCALE}", f"crop={width}:{height}:{(wide - width) // 2}:{(high - height) // 2}"]

    def _picture(self) -> Picture:
        height, width = self._size
        read = self._read
        data = read(height * width * 3) if read else b""
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)


@lru_cache(maxsize=64)
def _facts(path: Path, _version: tuple[int, int]) -> FilmFacts:
    width, height = _shown_size(path)
    packets = _lines(path, ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:"])
    unit = next((Fraction(line.split()[-1]) for line in packets if line.startswith("#tb 0:")), Fraction(1))
    timed = [[int(part) for part in line.split(",")[1:4]] for line in packets if line.startswith("0,")]
    times = sorted((dts if abs(pts) >= 2**62 else pts, duration) for dts, pts, duration in timed)
    if len(times) < 2:
        raise UserError(f"{path} has a single picture; for a photograph there is `start: {{kind: picture, path: ...}}`")
    end = max(time + duration for time, duration in times)
    shown = [time * unit for time, _ in times]
    return FilmFacts(width, height, max(end, times[-1][0] + 1) * unit, _rate(shown, end * unit), _has_sound(path))


def _rate(times: Sequence[Fraction], end: Fraction) -> float:
    """Frames per second, from the times at which they are shown."""
    mean = (len(times) - 1) / max(times[-1] - times[0], Fraction(1, 1000))
    step = median(after - before for before, after in pairwise(times)) or 1 / mean
    # Times are often rounded, and their median with them; the mean is exact where the rate is constant.
    rate = mean if abs(mean * step - 1) < Fraction(1, 20) or not end else 1 / step
    near = min(_USUAL_RATES, key=lambda usual: abs(usual - rate))
    exact = near if abs(near - rate) < near * _ROUNDING else rate
    return min(max(round(float(exact), 3), _SLOWEST), _FASTEST)


def _shown_size(path: Path) -> tuple[int, int]:
    """Width and height of the first frame; ffmpeg turns it as the flags say."""
    square = "scale=w=max(1\\,round(iw*sar)):h=ih,setsar=1"
    first = ["-map", "0:V:0", "-vf", square, "-frames:v", "1", "-c:v", "ppm", "-f", "image2pipe", "pipe:"]
    found = re.match(rb"P6\s+(\d+)\s+(\d+)\s", _written(path, first)[:100])
    if not found:
        raise _unreadable(path, "There is no picture in it")
    return int(found[1]), int(found[2])


def _has_sound(path: Path) -> bool:
    sound = ["-map", "0:a:0", "-t", "0.1", "-f", "s16le", "pipe:"]
    try:
        return bool(ffmpeg.run([*_CAREFULLY, *_input(path), *sound], f"reading {path.name}"))
    except ffmpeg.EncodingError:
        return False


def _lines(path: Path, output: Sequence[str]) -> list[str]:
    return _written(path, output).decode(errors="replace").splitlines()


def _written(path: Path, output: Sequence[str]) -> bytes:
    try:
        return ffmpeg.run([*_CAREFULLY, *_input(path), *output], f"reading {path.name}")
    except ffmpeg.EncodingError as error:
        raise _unreadable(path, str(error)) from error


def _input(path: Path) -> list[str]:
    # Told to be a file: a name may look like an option, or like another protocol.
    return ["-i", f"file:{path.absolute()}"]


def _can_seek(path: Path) -> bool:
    """Whether the file has an index that is to be trusted: it is an MP4 or QuickTime film, or Matroska or WebM."""
    with path.open("rb") as file:
        beginning = file.read(8)
    return beginning[4:] == b"ftyp" or beginning[:4] == b"\x1a\x45\xdf\xa3"


def _unreadable(path: Path, why: str) -> UserError:
    return UserError(f"{path} cannot be read as a film: is it one, and whole? Save it anew as MP4 (H.264). {why}")
