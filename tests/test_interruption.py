"""Ctrl-C and its relatives at any moment, and ffmpeg that does not outlive the program."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import imageio_ffmpeg
import pytest

from renderer.common.interruption import SIGNALS
from tests.film_helpers import TINY

ROOT = Path(__file__).parents[1]
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not end a process with its parent")

_RENDER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from tests.fake_worker import FakeWorker

def on_frame(number):
    {on_frame}

sys.modules["renderer.jobs.local_worker"] = SimpleNamespace(LocalWorker=lambda settings: FakeWorker(settings, on_frame))
sys.argv[1:] = ["render", "quickstart", "-o", "run", {settings}]
from renderer.program import main
{before}
main()
"""
_SLEEP_AT_LAST = """if number == 30:
        print("dreaming", flush=True)
        time.sleep(60)"""


class Program:
    """A render in a process of its own, with a fake worker and an ffmpeg that hangs where a file `stuck` is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[str]] = []
        ffmpeg = folder / "ffmpeg"
        ffmpeg.write_text(f'#!/bin/sh\n[ -e "{folder}/stuck" ] && exec sleep 60\nexec "{real_ffmpeg()}" "$@"\n')
        ffmpeg.chmod(0o755)
        (folder / "tmp").mkdir()
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "IMAGEIO_FFMPEG_EXE": str(ffmpeg),
                            "TMPDIR": str(folder / "tmp"), "WHOSE": str(folder)}  # fmt: skip

    def start(self, on_frame: str = _SLEEP_AT_LAST, before: str = "", script: str = "") -> subprocess.Popen[str]:
        settings = ", ".join(f'"--set", {override!r}' for override in TINY)
        script = script or _RENDER.format(on_frame=on_frame, settings=settings, before=before)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe, text=True
        )
        self._running.append(process)
        return process

    def others(self) -> list[str]:
        """Command lines of the processes that these programs have left."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"WHOSE={self.folder}\0" in (process / "environ").read_text(errors="replace"):
                    found.append((process / "cmdline").read_text())
        return found

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.stop()


def real_ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    assert process.stdout.readline() == f"{line}\n"


def is_interrupted(process: subprocess.Popen[str]) -> bool:
    """Whether it ends as an interrupted program is to end."""
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert "Exception" not in said
    assert said.count("Interrupted.") == 1
    return process.returncode == 130


def test_an_ffmpeg_that_never_reads_does_not_keep_the_program(program: Program) -> None:
    process = program.start(
        'if number == 4:\n        time.sleep(1)  # until the lead-in is encoded\n        Path("stuck").touch()\n'
        '    if number == 19:\n        print("dreaming", flush=True)\n        time.sleep(60)'
    )
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGINT)
    assert is_interrupted(process)
    if sys.platform == "linux":
        assert program.others() == []


@pytest.mark.parametrize("second", SIGNALS)
def test_who_asks_again_need_not_wait_for_the_end(program: Program, second: int) -> None:
    """The index is still being written when the second signal comes."""
    slow = (
        "import renderer.jobs.commands as commands\n"
        'commands.write_results = lambda run: (print("ending", flush=True), time.sleep(60))'
    )
    process = program.start(before=slow)
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGINT)
    wait_for(process, "ending")
    time.sleep(1.1)
    process.send_signal(second)
    assert is_interrupted(process)


def test_two_signals_at_once_are_one_wish(program: Program) -> None:
    process = program.start()
    wait_for(process, "dreaming")
    for number in SIGNALS:
        process.send_signal(number)
    assert is_interrupted(process)
    assert not [path for path in (program.folder / "run").rglob("*") if ".tmp-" in path.name]
    assert (program.folder / "run" / "atlas.json").exists()


@pytest.mark.parametrize("swallowed", ["pass", "raise RuntimeError('from a library')"])
def test_a_library_that_swallows_it_does_not_keep_the_program(program: Program, swallowed: str) -> None:
    sleep = _SLEEP_AT_LAST.replace("\n", "\n    ")
    caught = f"try:\n        {sleep}\n    except BaseException:\n        {swallowed}\n"
    process = program.start(f"{caught}    if number > 30:\n        time.sleep(60)")
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGINT)
    assert is_interrupted(process)


def test_nothing_is_said_of_what_happens_in_a_callback(program: Program) -> None:
    waits = 'class Waits:\n    def __del__(self):\n        print("dreaming", flush=True)\n        time.sleep(5)\n'
    process = program.start("if number == 5:\n        Waits()\n    time.sleep(number > 5)", waits)
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGINT)
    assert is_interrupted(process)


def test_nothing_is_said_of_an_interruption_while_python_tells_of_another_error(program: Program) -> None:
    before = (
        "class Fails:\n    def __del__(self):\n        raise ValueError\n"
        'sys.unraisablehook = lambda _: (print("telling", flush=True), time.sleep(1), print("told", flush=True))\n'
    )
    process = program.start("if number == 5:\n        Fails()\n    time.sleep(number > 5)", before)
    wait_for(process, "telling")
    process.send_signal(signal.SIGINT)
    wait_for(process, "told")
    assert is_interrupted(process)


def test_while_modules_are_loaded(program: Program) -> None:
    (program.folder / "typer.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    process = program.start(script="import sys\nfrom renderer.program import main\nsys.path.insert(0, '')\nmain()")
    wait_for(process, "loading")
    process.send_signal(signal.SIGINT)
    assert is_interrupted(process)


def test_while_libraries_end(program: Program) -> None:
    process = program.start(
        before="import atexit\natexit.register(lambda: (print('leaving', flush=True), time.sleep(60)))"
    )
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGINT)
    assert process.stdout
    if process.stdout.readline() == "leaving\n":
        process.send_signal(signal.SIGINT)
    assert is_interrupted(process)


def test_nohup_holds(program: Program) -> None:
    before = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)"
    process = program.start('if number == 5:\n        print("dreaming", flush=True)\n        time.sleep(1)', before)
    wait_for(process, "dreaming")
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Interrupted" in said) == (0, False)


_ASSEMBLE = """
import sys
sys.argv[1:] = ["assemble", "run"]
from renderer.program import main
main()
"""


@_LINUX
def test_ffmpeg_ends_with_a_program_that_is_killed(program: Program) -> None:
    process = program.start("pass")
    process.communicate(timeout=60)
    assert process.returncode == 0
    (program.folder / "run" / "atlas.mp4").unlink()
    (program.folder / "stuck").touch()
    process = program.start(script=_ASSEMBLE)
    until(lambda: any("sleep" in line for line in program.others()))
    process.kill()
    process.communicate()
    until(lambda: program.others() == [])
    assert list((program.folder / "tmp").iterdir()) == []
    assert [path for path in (program.folder / "run").iterdir() if ".tmp-" in path.name]
    (program.folder / "stuck").unlink()
    process = program.start(script=_ASSEMBLE)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not [path for path in (program.folder / "run").rglob("*") if ".tmp-" in path.name]


@_LINUX
def test_ffmpeg_outlives_the_thread_that_asked_for_it(program: Program) -> None:
    """Linux ends a process with the thread that started it, which may be over long before the program is."""
    script = (
        "import subprocess, threading\nfrom pathlib import Path\nfrom renderer.common import ffmpeg\nstarted = []\n"
        "def begin():\n    block = ffmpeg.fed(['-f', 's16le', '-i', 'pipe:', '-f', 'null', '-'], 'reading')\n"
        "    started.append((block, block.__enter__()))\n"
        "thread = threading.Thread(target=begin)\nthread.start()\nthread.join()\n"
        "block, (process, pipe) = started[0]\npipe.write(bytes(100000))\nblock.__exit__(None, None, None)\n"
        "print(process.returncode)"
    )
    said, _ = program.start(script=script).communicate(timeout=60)
    assert said == "0\n"


def until(holds: object, seconds: float = 30) -> None:
    """Wait for what comes soon."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
