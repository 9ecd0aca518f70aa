"""Films side by side as one film, and stills that fade into each other; each picture with a label over it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from renderer.common import ffmpeg
from renderer.media.chapters import Chapter
from renderer.media.contact_sheet import BACKGROUND, TEXT
from renderer.media.joining import write_film
from renderer.media.pictures import mix, open_still
from renderer.media.titles import LINE, FittedTitle, draw_title, fit_title
from renderer.settings.sections import Video

Picture = UInt8[np.ndarray, "height width 3"]
Size = tuple[int, int]
"""Width and height in pixels."""

_LONGEST_SIDE = 3840  # of all together; what is larger is shown smaller
_LEAST_SIDE = 256  # of a picture, so that there is room for words
_TEXT_SHARE, _SMALLEST_TEXT = 0.05, 13.0  # of a picture's shorter side; in pixels
_GAP_SHARE = 0.02  # of the same
GROWING_FPS = 25.0
_HELD, _FADE = 20, 10  # frames of a still, and between two; the last of a class is held twice as long


@dataclass(frozen=True)
class Reel:
    """A film that is shown beside others: its file, and frames per second."""

    path: Path
    fps: float


@dataclass(frozen=True)
class Shot:
    """Where a class is in a film: number of its first frame, and how many it has."""

    start_frame: int
    frames: int


@dataclass(frozen=True)
class Scene:
    """A class in several films.

    Attributes:
        title: What it is called.
        shots: Where it is in each; it is shown for as many frames as it has in the first.
    """

    title: str
    shots: tuple[Shot, ...]

    @property
    def frames(self) -> int:
        """How long it is shown."""
        return self.shots[0].frames


@dataclass(frozen=True)
class Growth:
    """A class in several stills, which are shown one after another."""

    title: str
    stills: tuple[Path, ...]

    @property
    def frames(self) -> int:
        """How long it is shown."""
        return (len(self.stills) + 1) * _HELD + (len(self.stills) - 1) * _FADE


@dataclass(frozen=True)
class Board:
    """What is around the pictures: a label over each, and at the bottom the title of the class.

    Attributes:
        cell: Size of a picture.
        cells: How many pictures there are at a time.
        labels: All that may stand over one.
        titles: All titles that are to be written; none where the films have text of their own.
        font: TrueType or OpenType file, or None for the font that comes with Pillow.
    """

    cell: Size
    cells: int
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    font: Path | None

    @property
    def size(self) -> Size:
        """Size of the whole."""
        _, down = grid_shape(self.cells)
        below = self._rows(self.titles, self._width) * self._line
        height = down * (self._label_height + self.cell[1] + self._gap) + self._gap + below
        return self._width, height + (self._gap if below else 0)

    def place(self, number: int) -> tuple[int, int]:
        """Left and top of a picture."""
        down, across = divmod(number, grid_shape(self.cells)[0])
        height = self._label_height + self.cell[1] + self._gap
        return self._gap + across * (self.cell[0] + self._gap), self._gap + down * height + self._label_height

    def draw(self, title: str, labels: Sequence[str]) -> Picture:
        """The board without pictures, with a label over each place."""
        width, height = self.size
        board = Image.new("RGB", (width, height), BACKGROUND)
        for number, label in enumerate(labels):
            left, top = self.place(number)
            fitted = self._fit(label, self.cell[0])
            room = (self.cell[0], len(fitted.rows) * self._line)
            mask = draw_title(self.font, fitted, room, self._line)
            board.paste(TEXT, (left, top - self._gap // 2 - room[1]), mask)
        if self.titles:
            fitted = self._fit(title, self._width)
            room = (self._width, self._rows(self.titles, self._width) * self._line)
            mask = draw_title(self.font, fitted, room, self._line)
            board.paste(TEXT, (0, height - self._gap - room[1]), mask)
        return np.array(board)

    @property
    def _width(self) -> int:
        return grid_shape(self.cells)[0] * (self.cell[0] + self._gap) + self._gap

    @cached_property
    def _label_height(self) -> int:
        return self._rows(self.labels, self.cell[0]) * self._line + self._gap // 2

    @property
    def _text_size(self) -> float:
        return max(_SMALLEST_TEXT, _TEXT_SHARE * min(self.cell))

    @property
    def _line(self) -> int:
        return math.ceil(LINE * self._text_size)

    @property
    def _gap(self) -> int:
        return max(4, round(_GAP_SHARE * min(self.cell)))

    def _rows(self, texts: Sequence[str], width: int) -> int:
        return max((len(self._fit(text, width).rows) for text in texts), default=0)

    def _fit(self, text: str, width: int) -> FittedTitle:
        return fit_title(self.font, text, self._text_size, width)


def grid_shape(count: int) -> tuple[int, int]:
    """Columns and rows for so many pictures: up to three stand side by side."""
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    return columns, math.ceil(count / columns)


def cell_size(sizes: Sequence[Size], count: int) -> Size:
    """Size of each of so many pictures: that of the largest, as far as all together have room."""
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    columns, rows = grid_shape(count)
    scale = max(1.0, _LEAST_SIDE / min(width, height))
    scale = min(scale, _LONGEST_SIDE / (columns * width), _LONGEST_SIDE / (rows * height))
    return max(1, round(scale * width)), max(1, round(scale * height))


def write_grid_film(
    path: Path, board: Board, reels: Sequence[Reel], scenes: Sequence[Scene], title: str, shown: Callable[[str], None]
) -> None:
    """Write films side by side, whole or not at all; of each film one frame at a time is in memory.

    All show the same class at the same time. A class that is longer or shorter in another film than in the first is
    shown faster or slower there, from its first frame to its last.

    Args:
        path: The MP4 to be.
        board: How they are arranged.
        reels: The films.
        scenes: The classes in order.
        title: Of the film, for its metadata.
        shown: Is told the class's title after each frame.

    Raises:
        EncodingError: ffmpeg failed, or a film is shorter than it was.
        OSError: The film cannot be written.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(_Reader(reel, board.cell)) for reel in reels]
        frames = (frame for scene in scenes for frame in _grid_frames(board, readers, scene))
        _write_film(path, _Footage(frames, _chapters(scenes), board.size, reels[0].fps), title, shown)


def write_growing_film(
    path: Path, board: Board, scenes: Sequence[Growth], title: str, shown: Callable[[str], None]
) -> None:
    """Write stills that fade into each other, class by class, whole or not at all; few pictures are in memory.

    Args:
        path: The MP4 to be.
        board: What is around a still; it has a label for each still of a class.
        scenes: The classes in order.
        title: Of the film, for its metadata.
        shown: Is told the class's title after each frame.

    Raises:
        EncodingError: ffmpeg failed.
        OSError: A still cannot be read, or the film not be written.
    """
    frames = (frame for scene in scenes for frame in _growing_frames(board, scene))
    _write_film(path, _Footage(frames, _chapters(scenes), board.size, GROWING_FPS), title, shown)


def _grid_frames(board: Board, readers: Sequence[_Reader], scene: Scene) -> Iterator[Picture]:
    empty, (width, height) = board.draw(scene.title, board.labels), board.cell
    paced = [_paced(reader.frames(shot), shot.frames, scene.frames)
             for reader, shot in zip(readers, scene.shots, strict=True)]  # fmt: skip
    for pictures in zip(*paced, strict=True):
        frame = empty.copy()
        for number, picture in enumerate(pictures):
            left, top = board.place(number)
            frame[top : top + height, left : left + width] = picture
        yield frame


def _paced(source: Iterator[Picture], count: int, wanted: int) -> Iterator[Picture]:
    """So many of a source's pictures, evenly, from the first to the last; the source is read to its end."""
    taken, picture = 1, next(source)
    for number in range(wanted):
        due = round(number * (count - 1) / max(1, wanted - 1))
        while taken <= due:
            taken, picture = taken + 1, next(source)
        yield picture
    for _ in source:
        pass


def _growing_frames(board: Board, scene: Growth) -> Iterator[Picture]:
    before: Picture | None = None
    for label, still in zip(board.labels, scene.stills, strict=True):
        now = _with_still(board, board.draw(scene.title, [label]), still)
        if before is not None:
            yield from (mix(before, now, (number + 1) / (_FADE + 1)) for number in range(_FADE))
        yield from [now] * _HELD
        before = now
    if before is not None:
        yield from [before] * _HELD


def _with_still(board: Board, empty: Picture, still: Path) -> Picture:
    drawn, picture = Image.fromarray(empty), open_still(still)
    (width, height), (left, top) = board.cell, board.place(0)
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    place = left + (width - size[0]) // 2, top + (height - size[1]) // 2
    drawn.paste(picture, place, picture if picture.mode == "RGBA" else None)
    return np.array(drawn)


def _chapters(scenes: Sequence[Scene] | Sequence[Growth]) -> list[Chapter]:
    chapters: list[Chapter] = []
    for scene in scenes:
        chapters.append(Chapter(scene.title, chapters[-1].end_frame if chapters else 0, scene.frames))
    return chapters


@dataclass(frozen=True)
class _Footage:
    """What a film is to consist of."""

    frames: Iterator[Picture]
    chapters: Sequence[Chapter]
    size: Size
    fps: float


def _write_film(path: Path, footage: _Footage, title: str, shown: Callable[[str], None]) -> None:
    frames = _told(footage, shown)
    write_film(path, frames, footage.chapters, footage.size, footage.fps, Video(title=title))


def _told(footage: _Footage, shown: Callable[[str], None]) -> Iterator[Picture]:
    """The frames; each is told of when the next one is asked for."""
    for chapter in footage.chapters:
        for _ in range(chapter.frames):
            yield next(footage.frames)
            shown(chapter.title)


class _Reader:
    """Reads the frames of a film, made to fit a size; in order they are read in one go."""

    def __init__(self, reel: Reel, size: Size) -> None:
        self._reel, self._size = reel, size
        self._process = ExitStack()
        self._next = -1
        self._read: Callable[[int], bytes] = lambda _: b""

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def frames(self, shot: Shot) -> Iterator[Picture]:
        """The frames of a class."""
        width, height = self._size
        if shot.start_frame != self._next:
            self._begin(shot.start_frame)
        for _ in range(shot.frames):
            data = self._read(width * height * 3)
            self._next += 1
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)

    def _begin(self, frame: int) -> None:
        self._process.close()
        width, height = self._size
        # Half a frame before, so that rounding cannot leave the first one out.
        seek = ["-ss", f"{float((frame - 0.5) / ffmpeg.frame_rate(self._reel.fps)):.6f}"] if frame else []
        fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease:flags=bicubic+accurate_rnd+full_chroma_int"
        ground = "0x" + bytes(BACKGROUND).hex()
        filters = f"{fit},pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:{ground},format=rgb24"
        source = [*seek, "-i", str(self._reel.path.absolute()), "-map", "0:v:0", "-vf", filters]
        output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"]
        self._read = self._process.enter_context(ffmpeg.read_by([*source, *output], f"reading {self._reel.path}"))
        self._next = frame
