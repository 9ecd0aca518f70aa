"""The sound of the film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file
from renderer.media import codecs, ffmpeg
from renderer.settings.sections import Video

_SAMPLE_RATE = 48_000  # of the film's sound, per second


def check_audio(video: Video) -> None:
    """Find out whether the sound can be used, before anything is rendered.

    Raises:
        UserError: The format has no sound, or the file is missing, cannot be read or has no sound in it.
    """
    if video.audio is None:
        return
    if codecs.CODECS[video.codec].container is None:
        raise UserError(
            f"video.audio: {video.codec} has no sound; leave video.audio out or choose another video.codec."
        )
    if not is_ordinary_file(video.audio):
        raise UserError(f"video.audio: there is no file {video.audio}; give the path of a sound file.")
    if not _beginning(video.audio):
        raise UserError(f"video.audio: no sound can be read from {video.audio}; give a sound file that plays.")


def cut_audio(audio: Path, output: Path, seconds: Fraction) -> None:
    """Repeat a sound file, or cut it off, to a length, without loss.

    Args:
        audio: A file that `check_audio` accepts.
        output: A `.flac` file.
        seconds: The length.

    Raises:
        EncodingError: ffmpeg failed.
    """
    cut = f"aresample={_SAMPLE_RATE},atrim=end_sample={round(seconds * _SAMPLE_RATE)},asetpts=N/SR/TB"
    arguments = ["-stream_loop", "-1", "-i", str(audio.absolute()), "-map", "0:a:0", "-filter:a", cut, str(output)]
    ffmpeg.run(arguments, f"cutting {audio.name} to the film's length")


def _beginning(audio: Path) -> bytes:
    arguments = ["-i", str(audio.absolute()), "-map", "0:a:0", "-t", "0.1", "-f", "s16le", "pipe:"]
    try:
        return ffmpeg.run(arguments, f"reading {audio.name}")
    except ffmpeg.EncodingError:
        return b""
