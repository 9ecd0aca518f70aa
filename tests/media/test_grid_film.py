"""Films side by side, and stills one after another: what is shown where and when."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from renderer.common.ffmpeg import EncodingError
from renderer.media.chapters import Chapter
from renderer.media.codecs import CODECS, film_coding
from renderer.media.encoding import SegmentEncoder
from renderer.media.grid_film import (
    Board,
    Growth,
    Reel,
    Scene,
    Shot,
    cell_size,
    grid_shape,
    write_grid_film,
    write_growing_film,
)
from renderer.media.joining import Piece, assemble_film
from renderer.settings.sections import Codec, Video
from tests.film_helpers import chapters

RED, GREEN, BLUE, GRAY = (200, 30, 30), (30, 180, 30), (30, 30, 220), (128, 128, 128)
Color = tuple[int, int, int]


def make_film(
    path: Path, colors: Sequence[Color], fps: float, size: tuple[int, int] = (64, 48), codec: Codec = "h264"
) -> Path:
    """A film with a color for each frame."""
    video = Video(codec=codec)
    segment = path.with_name(f"{path.stem}-segment{CODECS[codec].segment_suffix}")
    encoder = SegmentEncoder(segment, size, fps, film_coding(video, fps))
    for color in colors:
        encoder.write(np.full((size[1], size[0], 3), color, np.uint8))
    encoder.finish()
    assemble_film(path, [Piece(segment, len(colors))], [Chapter("all", 0, len(colors))], fps, video)
    segment.unlink()
    return path


def frames_of(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def middle(board: Board, frame: np.ndarray, number: int) -> Color:
    """Which of the colors is in the middle of a picture."""
    left, top = board.place(number)
    color = frame[top + board.cell[1] // 2, left + board.cell[0] // 2].astype(int)
    return min((RED, GREEN, BLUE, GRAY), key=lambda known: int(np.abs(color - known).sum()))


def unheard(title: str) -> None:
    del title


def test_all_films_show_the_same_class_at_the_same_time(tmp_path: Path) -> None:
    first = make_film(tmp_path / "a.mp4", [RED] * 4 + [GREEN] * 4 + [BLUE] * 4, 8)
    second = make_film(tmp_path / "b.mp4", [BLUE] * 9 + [GRAY] * 5 + [RED] * 7, 12, (48, 64))
    scenes = [
        Scene("red", (Shot(0, 4), Shot(14, 7))),
        Scene("blue", (Shot(8, 4), Shot(0, 9))),
    ]
    board = Board((128, 96), 2, ("first", "second"), ("red", "blue"), None)
    told: list[str] = []
    write_grid_film(tmp_path / "grid.mp4", board, [Reel(first, 8), Reel(second, 12)], scenes, "both", told.append)
    frames = frames_of(tmp_path / "grid.mp4")
    assert [middle(board, frame, 0) for frame in frames] == [RED] * 4 + [BLUE] * 4
    assert [middle(board, frame, 1) for frame in frames] == [RED] * 4 + [BLUE] * 4
    assert [(title, float(start)) for title, start in chapters(tmp_path / "grid.mp4")] == [("red", 0), ("blue", 0.5)]
    assert told == ["red"] * 4 + ["blue"] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "grid.mp4"]


def test_a_class_of_another_length_is_seen_from_its_first_frame_to_its_last(tmp_path: Path) -> None:
    first = make_film(tmp_path / "a.mp4", [GRAY] * 4, 8)
    longer = make_film(tmp_path / "b.mp4", [RED] + [GREEN] * 7 + [BLUE], 8)
    shorter = make_film(tmp_path / "c.mp4", [RED, BLUE], 8)
    reels = [Reel(path, 8) for path in (first, longer, shorter)]
    board = Board((64, 48), 3, ("a", "b", "c"), (), None)
    scene = Scene("one", (Shot(0, 4), Shot(0, 9), Shot(0, 2)))
    write_grid_film(tmp_path / "grid.mp4", board, reels, [scene], "three", unheard)
    frames = frames_of(tmp_path / "grid.mp4")
    assert [middle(board, frame, 1) for frame in frames] == [RED, GREEN, GREEN, BLUE]
    assert [middle(board, frame, 2) for frame in frames] == [RED, RED, BLUE, BLUE]


@pytest.mark.parametrize("codec", [codec for codec, facts in CODECS.items() if facts.container])
def test_films_of_all_codecs_are_cut_at_the_frame(tmp_path: Path, codec: Codec) -> None:
    colors = [RED] * 7 + [GREEN] * 5 + [BLUE] * 6
    film = make_film(tmp_path / f"a{CODECS[codec].film_suffix}", colors, 29.97, codec=codec)
    board = Board((64, 48), 2, ("a", "b"), (), None)
    scenes = [Scene(name, (shot, shot)) for name, shot in (("g", Shot(7, 5)), ("b", Shot(12, 6)), ("r", Shot(0, 7)))]
    write_grid_film(tmp_path / "grid.mp4", board, [Reel(film, 29.97)] * 2, scenes, "two", unheard)
    seen = [middle(board, frame, 1) for frame in frames_of(tmp_path / "grid.mp4")]
    assert seen == [GREEN] * 5 + [BLUE] * 6 + [RED] * 7


def test_a_film_that_is_cut_short_leaves_nothing(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [RED] * 4, 8)
    board = Board((64, 48), 2, ("a", "b"), (), None)
    scene = Scene("one", (Shot(0, 4), Shot(0, 6)))
    with pytest.raises(EncodingError, match=r"a\.mp4"):
        write_grid_film(tmp_path / "grid.mp4", board, [Reel(film, 8)] * 2, [scene], "two", unheard)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_stills_fade_into_each_other_class_by_class(tmp_path: Path) -> None:
    for name, color in (("r", RED), ("g", GREEN), ("b", BLUE)):
        Image.new("RGB", (30, 20), color).save(tmp_path / f"{name}.png")
    red, green, blue = (tmp_path / f"{name}.png" for name in "rgb")
    scenes = [Growth("one", (red, blue)), Growth("two", (green, green))]
    board = Board((96, 64), 1, ("epoch 1", "a label that is so long that it takes two rows"), ("one", "two"), None)
    write_growing_film(tmp_path / "grown.mp4", board, scenes, "growing", unheard)
    frames = frames_of(tmp_path / "grown.mp4")
    seen = [middle(board, frame, 0) for frame in frames]
    assert len(seen) == scenes[0].frames + scenes[1].frames
    assert [seen[0], seen[scenes[0].frames - 1], seen[-1]] == [RED, BLUE, GREEN]
    left, top = board.place(0)
    reds = [int(frame[top + 32, left + 48, 0]) for frame in frames[: scenes[0].frames]]
    assert reds[0] - reds[-1] > 100
    assert max(before - after for before, after in pairwise(reds)) < 40  # no jump: it fades


def test_transparent_stills_stand_on_the_dark_ground(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    board = Board((64, 64), 1, ("a",), (), None)
    write_growing_film(tmp_path / "grown.mp4", board, [Growth("one", (tmp_path / "clear.png",))], "", unheard)
    left, top = board.place(0)
    assert frames_of(tmp_path / "grown.mp4")[0][top + 32, left + 32].max() < 60


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 1)), (4, (2, 2)), (5, (3, 2)), (9, (3, 3)), (10, (4, 3))]
)
def test_the_grid_has_room_for_all(count: int, shape: tuple[int, int]) -> None:
    assert grid_shape(count) == shape
    board = Board((64, 48), count, tuple(map(str, range(count))), (), None)
    width, height = board.size
    corners = [board.place(number) for number in range(count)]
    assert len(set(corners)) == count
    assert all(0 <= left <= width - 64 and 0 <= top <= height - 48 for left, top in corners)


def test_cells_are_as_large_as_the_largest_film_and_the_whole_is_not_endless() -> None:
    assert cell_size([(512, 512), (640, 360)], 2) == (512, 512)
    assert cell_size([(64, 32)], 2) == (512, 256)  # room for words
    width, height = cell_size([(3840, 2160)] * 9, 9)
    assert (3 * width, 3 * height) == (3840, 2160)
