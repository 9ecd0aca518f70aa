"""The ffmpeg that comes with imageio-ffmpeg: running it, feeding it, and saying what it complained about."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from tempfile import TemporaryFile
from typing import IO, cast

import imageio_ffmpeg

_NTSC = (24, 30, 48, 60, 120, 240)
_GRACE_SECONDS = 5.0


class EncodingError(Exception):
    """ffmpeg could not do its work; the message ends with the last lines that it said."""


def frame_rate(fps: float) -> Fraction:
    """Exact frames per second; 23.976, 29.97, 59.94 and the like stand for the broadcast rates n · 1000/1001."""
    for whole in _NTSC:
        if abs(fps - whole / 1.001) < 0.006:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def run(arguments: Sequence[str], doing: str) -> bytes:
    """Run ffmpeg to its end.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "assembling the film", for the message.

    Returns:
        What it wrote to its standard output.

    Raises:
        EncodingError: It failed.
    """
    with _process(arguments, subprocess.DEVNULL, subprocess.PIPE) as (process, said):
        written, _ = process.communicate()
        _check(process, said, doing)
    return written


@functools.cache
def has_encoder(name: str) -> bool:
    """Whether this build of ffmpeg has an encoder.

    Raises:
        EncodingError: ffmpeg cannot be run.
    """
    listing = run(["-encoders"], "listing its encoders").decode(errors="replace")
    return any(name in line.split()[1:2] for line in listing.splitlines())


@contextmanager
def fed(arguments: Sequence[str], doing: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start ffmpeg, let the block write to its standard input, and wait for its end after the block.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "encoding 0001-000.mp4", for the message.

    Yields:
        The process, which is killed if the block fails, and its standard input.

    Raises:
        EncodingError: It failed, or ended before it had read everything.
    """
    with _process(arguments, subprocess.PIPE, subprocess.DEVNULL) as (process, said):
        pipe = cast("IO[bytes]", process.stdin)
        try:
            yield process, pipe
            pipe.close()
            process.wait()
        except OSError as error:  # nobody reads the pipe any more: ffmpeg is at its end, and says why
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            _check(process, said, doing)
            raise EncodingError(f"ffmpeg stopped reading while {doing}: {error}") from error
        _check(process, said, doing)


@contextmanager
def _process(arguments: Sequence[str], stdin: int, stdout: int) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A process that does not outlive the block, and the file with what it says.

    It is a process group of its own, so that Ctrl-C in a terminal is answered by this program alone.
    """
    with TemporaryFile() as said:
        command = [_executable(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
        environment = {**os.environ, "SVT_LOG": "1"}  # SVT-AV1 does not heed -loglevel
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=said, env=environment, process_group=0)
        try:
            yield process, said
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe:
                        pipe.close()
            process.wait()


def _executable() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncodingError(f"no ffmpeg was found: {error}") from error


def _check(process: subprocess.Popen[bytes], said: IO[bytes], doing: str) -> None:
    if process.returncode != 0:
        reason = "it hangs" if process.returncode is None else f"exit code {process.returncode}"
        raise EncodingError(_message(f"ffmpeg failed while {doing} ({reason})", said))


def _message(what: str, said: IO[bytes], lines: int = 6) -> str:
    """What went wrong, and the last lines that ffmpeg said about it."""
    said.seek(0)
    complaint = [line.strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    return "\n  ".join([f"{what}:" if complaint else f"{what}.", *complaint[-lines:]])
