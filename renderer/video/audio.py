"""Sound under the film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from renderer.config.errors import UserError
from renderer.config.models import Video
from renderer.video import ffmpeg, formats

SAMPLE_RATE = 48_000
"""Samples per second of the film's sound."""


def check_audio(video: Video) -> None:
    """Find out whether the sound can be used, before anything is rendered.

    Raises:
        UserError: The format has no sound, or the file is missing, cannot be read or has no sound in it.
    """
    if video.audio is None:
        return
    if formats.FILM_SUFFIX[video.codec] not in formats.CONTAINERS:
        raise UserError(
            f"video.audio: {video.codec} has no sound; leave video.audio out or choose another video.codec."
        )
    if not video.audio.is_file():
        raise UserError(f"video.audio: there is no file {video.audio}; give the path of a sound file.")
    if not _beginning(video.audio):
        raise UserError(f"video.audio: no sound can be read from {video.audio}; give a sound file that plays.")


def audio_input(audio: Path) -> list[str]:
    """Options of ffmpeg that read the file again and again."""
    return ["-stream_loop", "-1", "-i", str(audio.absolute())]


def audio_output(stream: int, codec: str, seconds: Fraction) -> list[str]:
    """Options of ffmpeg that take the sound from an input and cut it to a length."""
    cut = f"aresample={SAMPLE_RATE},atrim=end_sample={round(seconds * SAMPLE_RATE)},asetpts=N/SR/TB"
    return ["-map", f"{stream}:a:0", "-filter:a", cut, "-c:a", codec]


def _beginning(audio: Path) -> bytes:
    arguments = ["-i", str(audio.absolute()), "-map", "0:a:0", "-t", "0.1", "-f", "s16le", "pipe:"]
    try:
        return ffmpeg.run(arguments, f"reading {audio.name}")
    except ffmpeg.EncodingError:
        return b""
