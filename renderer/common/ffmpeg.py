"""The ffmpeg that comes with imageio-ffmpeg: running it, feeding it, and saying what it complained about."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

import imageio_ffmpeg

from renderer.common.interruption import before_ending

_NTSC = (24, 30, 48, 60, 120, 240)
_GRACE_SECONDS = 5.0
_NICENESS = 10  # Of what is fed: it shares the processor with the one who makes the frames, and must not hold it up.
# Takes the place of what it starts, which the kernel then kills when the thread that started this one is gone. Popen
# would do that with `preexec_fn` alone, which may lock up where there are threads.
_MORTAL = """
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
except Exception:
    pass  # it is started all the same
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.nice(int(sys.argv[2]))
except OSError:
    pass  # the same
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    sys.exit(f"{sys.argv[3]} cannot be started: {error}")
"""
_running: set[subprocess.Popen[bytes]] = set()


class EncodingError(Exception):
    """ffmpeg could not do its work; the message ends with the last lines that it said."""


def frame_rate(fps: float) -> Fraction:
    """Exact frames per second; 23.976, 29.97, 59.94 and the like stand for the broadcast rates n · 1000/1001."""
    for whole in _NTSC:
        if abs(fps - whole / 1.001) < 0.006:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def run(arguments: Sequence[str], doing: str, folder: Path | None = None) -> bytes:
    """Run ffmpeg to its end.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "assembling the film", for the message.
        folder: From where relative paths are meant; without it the current folder.

    Returns:
        What it wrote to its standard output.

    Raises:
        EncodingError: It failed.
    """
    with _process(arguments, subprocess.DEVNULL, subprocess.PIPE, folder) as (process, said):
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

    On Linux its priority is lower than that of this program.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "encoding 0001-000.mp4", for the message.

    Yields:
        The process, which is killed if the block fails, and its standard input.

    Raises:
        EncodingError: It failed, or ended before it had read everything.
    """
    with _process(arguments, subprocess.PIPE, subprocess.DEVNULL, niceness=_NICENESS) as (process, said):
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
def read_by(arguments: Sequence[str], doing: str) -> Iterator[Callable[[int], bytes]]:
    """Start ffmpeg, and let the block read what it writes to its standard output, piece by piece.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "reading atlas.mp4", for the message.

    Yields:
        What gives the next so many bytes; it raises EncodingError where ffmpeg failed, or had no more. The process is
        killed after the block.
    """
    with _process(arguments, subprocess.DEVNULL, subprocess.PIPE) as (process, said):
        pipe = cast("IO[bytes]", process.stdout)

        def read(count: int) -> bytes:
            data = pipe.read(count)
            if len(data) < count:
                process.wait()
                _check(process, said, doing)
                raise EncodingError(f"{doing} came to an early end; is the file whole?")
            return data

        yield read


def pieces_of(arguments: Sequence[str], doing: str, size: int) -> Iterator[bytes]:
    """Start ffmpeg, and give what it writes to its standard output up to its end, piece by piece.

    Args:
        arguments: What follows the program's name.
        doing: What it is for, as in "listening to song.ogg", for the message.
        size: Bytes of a piece; the last one may have fewer.

    Raises:
        EncodingError: It failed.
    """
    with _process(arguments, subprocess.DEVNULL, subprocess.PIPE) as (process, said):
        pipe = cast("IO[bytes]", process.stdout)
        while data := pipe.read(size):
            yield data
        process.wait()
        _check(process, said, doing)


@contextmanager
def _process(
    arguments: Sequence[str], stdin: int, stdout: int, folder: Path | None = None, niceness: int = 0
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A process that does not outlive the block, and the file with what it says.

    It is a process group of its own, so that Ctrl-C in a terminal is answered by this program alone.
    """
    with TemporaryFile() as said:
        command = [_executable(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
        environment = {**os.environ, "SVT_LOG": "1"}  # SVT-AV1 does not heed -loglevel
        streams = {"stdin": stdin, "stdout": stdout, "stderr": said}
        process = _start(command, niceness, **streams, env=environment, cwd=folder, process_group=0)
        _running.add(process)
        try:
            yield process, said
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe:
                        pipe.close()
            with suppress(subprocess.TimeoutExpired):  # it may hang in the kernel, on a disk that does not answer
                process.wait(_GRACE_SECONDS)
            _running.discard(process)


def _start(command: Sequence[str], niceness: int, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that, on Linux, ends with this one, even where this one is killed."""
    if sys.platform != "linux" or not sys.executable:
        return _popen(command, options)
    launcher = [sys.executable, "-I", "-S", "-c", _MORTAL, str(os.getpid()), str(niceness)]
    starting = _starter(os.getpid()).submit(_popen, [*launcher, *command], options)
    try:
        return starting.result()
    except BaseException:
        starting.add_done_callback(_kill_started)
        raise


def _popen(command: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, **options)


@functools.cache
def _starter(_process_number: int) -> ThreadPoolExecutor:
    """The one thread that starts processes: the kernel ends them with that thread, so it lasts as long as this process.

    A forked process has none of its parent's threads.
    """
    return ThreadPoolExecutor(1, "start ffmpeg")


def _kill_started(starting: Future[subprocess.Popen[bytes]]) -> None:
    """Nobody has waited for the start."""
    if not starting.cancelled() and starting.exception() is None:
        starting.result().kill()


def kill_running() -> None:
    """Kill each ffmpeg that this process has started and that is at work yet."""
    for process in list(_running):
        process.kill()


before_ending(kill_running)


def _executable() -> str:
    try:
        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncodingError(f"no ffmpeg was found: {error}") from error
    return str(Path(found).absolute()) if Path(found).name != found else found  # it may be started in another folder


def _check(process: subprocess.Popen[bytes], said: IO[bytes], doing: str) -> None:
    if process.returncode != 0:
        reason = "it hangs" if process.returncode is None else f"exit code {process.returncode}"
        raise EncodingError(_message(f"ffmpeg failed while {doing} ({reason})", said))


def _message(what: str, said: IO[bytes], lines: int = 6) -> str:
    """What went wrong, and the last lines that ffmpeg said about it."""
    said.seek(0)
    complaint = [line.strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    return "\n  ".join([f"{what}:" if complaint else f"{what}.", *complaint[-lines:]])
