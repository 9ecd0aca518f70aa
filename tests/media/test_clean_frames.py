"""Frames before text: nearly as they were dreamed, and the same however the work was interrupted."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from renderer.common.ffmpeg import EncodingError
from renderer.media.clean_frames import read_frames
from renderer.media.codecs import CLEAN_GROUP, clean_coding
from renderer.media.encoding import SegmentEncoder


def dreamlike(count: int, width: int = 95, height: int = 66) -> list[np.ndarray]:
    """Moving pictures with details of all sizes, as dreams have them."""
    random = np.random.default_rng(3)
    sizes = [1, 2, 4, 8, 16, 32]
    field = sum(
        np.kron(random.normal(size=(256 // size, 256 // size, 3)), np.ones((size, size, 1))) * size**0.5
        for size in sizes
    )
    frames = (field[number : number + height, 2 * number : 2 * number + width] for number in range(count))
    return [np.clip(128 + 12 * frame, 0, 255).astype(np.uint8) for frame in frames]


def write(path: Path, frames: list[np.ndarray], quality: int | str = 5) -> None:
    height, width, _ = frames[0].shape
    encoder = SegmentEncoder(path, (width, height), 25, clean_coding(quality))
    for frame in frames:
        encoder.write(frame)
    encoder.finish()


def read(path: Path, frames: list[np.ndarray], **options: int) -> np.ndarray:
    height, width, _ = frames[0].shape
    return np.stack(list(read_frames(path, (width, height), **{"count": len(frames), **options})))


def test_nothing_is_seen_to_be_lost(tmp_path):
    frames = dreamlike(20)
    write(tmp_path / "clean.mkv", frames)
    error = np.stack(frames).astype(float) - read(tmp_path / "clean.mkv", frames)
    decibels = 10 * np.log10(255**2 / (error**2).mean(axis=(1, 2, 3)))
    assert decibels.min() >= 45
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 0.2  # no color is shifted


def test_lossless_frames_are_the_frames_themselves(tmp_path):
    frames = dreamlike(5)
    write(tmp_path / "clean.mkv", frames, "lossless")
    assert (read(tmp_path / "clean.mkv", frames) == np.stack(frames)).all()


def test_a_lower_quality_takes_less_room(tmp_path):
    frames = dreamlike(8)
    for quality in (3, 15):
        write(tmp_path / f"{quality}.mkv", frames, quality)
    assert (tmp_path / "15.mkv").stat().st_size < 0.7 * (tmp_path / "3.mkv").stat().st_size


@pytest.mark.parametrize("cuts", [(0, 8, 27), (0, 16, 24, 27), (0, 8, 16, 24, 27)])
def test_frames_are_the_same_however_they_are_divided_into_files(tmp_path, cuts):
    frames = dreamlike(27)
    write(tmp_path / "whole.mkv", frames)
    whole, parts = read(tmp_path / "whole.mkv", frames), []
    for begin, end in pairwise(cuts):
        assert begin % CLEAN_GROUP == 0
        write(tmp_path / f"{begin}.mkv", frames[begin:end])
        parts.append(read(tmp_path / f"{begin}.mkv", frames[begin:end]))
    assert (np.concatenate(parts) == whole).all()


def test_frames_are_read_from_any_one_on(tmp_path):
    frames = dreamlike(12)
    write(tmp_path / "clean.mkv", frames)
    assert (read(tmp_path / "clean.mkv", frames, first=9, count=3) == read(tmp_path / "clean.mkv", frames)[9:]).all()


def test_a_file_that_is_too_short_is_an_error(tmp_path):
    write(tmp_path / "clean.mkv", dreamlike(4))
    with pytest.raises(EncodingError, match=r"clean\.mkv"):
        read(tmp_path / "clean.mkv", dreamlike(5))
