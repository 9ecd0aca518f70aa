"""Tiny films, made by ffmpeg: their frames can be told apart, and are exact."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from renderer.common import ffmpeg

Picture = UInt8[np.ndarray, "height width 3"]

EXACT = ("-c:v", "libx264rgb", "-crf", "0", "-preset", "ultrafast", "-pix_fmt", "rgb24")


def make_film(
    path: Path, pictures: Sequence[Picture], fps: float = 25, coding: Sequence[str] = EXACT, sound: Sequence[str] = ()
) -> Path:
    """Encode pictures; `sound` are options that come between the input and the output."""
    height, width, _ = pictures[0].shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "pipe:"]
    with ffmpeg.fed([*raw, *sound, *coding, f"file:{path}"], "making a film for a test") as (_, pipe):
        for picture in pictures:
            pipe.write(picture.tobytes())
    return path


def numbered(count: int, size: tuple[int, int] = (24, 40)) -> list[Picture]:
    """Pictures of which each has its number in its colors, and a bright corner at the top left."""
    pictures = []
    for number in range(count):
        picture = np.zeros((*size, 3), np.uint8)
        picture[..., 0], picture[..., 1] = number % 16 * 12, number // 16 * 12
        picture[: size[0] // 4, : size[1] // 4, 2] = 255
        pictures.append(picture)
    return pictures


def number_of(picture: Picture) -> int:
    """The number of a picture that `numbered` has made, of any size."""
    red, green, _ = np.median(picture.reshape(-1, 3), axis=0)
    return round(red / 12) + 16 * round(green / 12)


def drifting(count: int, size: tuple[int, int] = (48, 64), seed: int = 3, speed: float = 1.5) -> list[Picture]:
    """A soft, colorful ground that drifts to the left, a dark disc that drifts to the right before it."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    waves = np.random.default_rng(seed).uniform(0.05, 0.35, (3, 4, 2))
    pictures = []
    for number in range(count):
        at = columns + speed * number
        ground = [sum(np.sin(a * at + b * rows + channel) for a, b in waves[channel]) / 4 for channel in range(3)]
        picture = 128 + 70 * np.stack(ground, axis=2)
        middle = width / 4 + speed / 2 * number % width
        disc = np.hypot(rows - height / 2, columns - middle) < height / 6
        picture[disc] = 40 + 30 * np.sin(columns[disc] - middle)[:, None]
        pictures.append(picture.round().clip(0, 255).astype(np.uint8))
    return pictures
