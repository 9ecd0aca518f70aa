"""The sound of the film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from renderer.common import ffmpeg
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.media import codecs
from renderer.settings.sections import Video

_SAMPLE_RATE = 48_000  # of the film's sound, per second
_TIMES = 100  # that a short sound is repeated at once
_MOST_LENGTHENINGS = 3  # a single sample then lasts for seconds


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
        raise UserError(f"video.audio: {no_such_file(video.audio)}. Give the path of a sound file.")
    if not _beginning(video.audio):
        raise UserError(f"video.audio: no sound can be read from {video.audio}; give a sound file that plays.")


def cut_audio(audio: Path, output: Path, seconds: Fraction, *, repeats: bool = True) -> None:
    """Bring a sound file to a length, without loss: repeat it, or cut it off.

    Args:
        audio: A file that `check_audio` accepts.
        output: A `.flac` file, in a folder for temporary files.
        seconds: The length.
        repeats: Else there is silence after it; and where it begins later than the picture of the same file, before.

    Raises:
        EncodingError: ffmpeg failed.
    """
    if not repeats:
        _keep_time(audio, output, seconds)
        return
    source = audio
    for number in range(_MOST_LENGTHENINGS):
        if not _is_short(source):
            break
        longer = output.with_name(f"longer-{number}.wav")
        _repeat(source, str(_TIMES - 1), "anull", longer)
        source = longer
    _repeat(source, "-1", f"aresample={_SAMPLE_RATE},atrim=end_sample={round(seconds * _SAMPLE_RATE)}", output)


def _keep_time(film: Path, output: Path, seconds: Fraction) -> None:
    """Take the sound of a film as it is in time with the picture."""
    in_time = f"aresample={_SAMPLE_RATE}:async=1:first_pts=0,apad"
    cut = f"{in_time},atrim=end_sample={round(seconds * _SAMPLE_RATE)}"
    source = ["-i", f"file:{film.absolute()}", "-map", "0:a:0"]
    ffmpeg.run([*source, "-filter:a", cut, str(output.absolute())], f"taking the sound of {film.name}")


def _repeat(audio: Path, more: str, filters: str, output: Path) -> None:
    """Play a sound and then so many times more; -1 is for ever."""
    source = ["-stream_loop", more, "-i", str(audio.absolute()), "-map", "0:a:0"]
    cut = ["-filter:a", f"{filters},asetpts=N/SR/TB"]
    kept = ["-c:a", "pcm_f32le"] if output.suffix == ".wav" else []
    ffmpeg.run([*source, *cut, *kept, str(output.absolute())], f"bringing {audio.name} to the film's length")


def _is_short(audio: Path) -> bool:
    """Whether a sound is over within a second: to open it for every time would take longer than the film lasts."""
    first = "aresample=8000,aformat=sample_fmts=u8:channel_layouts=mono,atrim=end_sample=8000"
    arguments = ["-i", str(audio.absolute()), "-map", "0:a:0", "-filter:a", first, "-f", "u8", "pipe:"]
    return len(ffmpeg.run(arguments, f"reading {audio.name}")) < 8000


def _beginning(audio: Path) -> bytes:
    arguments = ["-i", str(audio.absolute()), "-map", "0:a:0", "-t", "0.1", "-f", "s16le", "pipe:"]
    try:
        return ffmpeg.run(arguments, f"reading {audio.name}")
    except ffmpeg.EncodingError:
        return b""
