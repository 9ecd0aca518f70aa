"""A render as its user sees it: from the command to the last file, with its memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import renderer
from benchmarking.options import Case
from benchmarking.subject import Subject, Tree
from renderer.common.errors import UserError
from renderer.store.paths import RunPaths

_PROGRAM = "from renderer.program import main; main()"
_ALONE = Path(__file__).with_name("alone.py")
_SECONDS_BETWEEN_LOOKS = 0.02
_WORKED = "of the work"
_FEW_STEPS: dict[str, object] = {"fresh_steps": 1, "steps_per_frame": 1}


@dataclass
class Watched:
    """What was seen of a process, in seconds since it began, and bytes; None for what was not seen."""

    seconds: float = 0.0
    first_line: float | None = None
    first_progress: float | None = None
    first_frame: float | None = None
    own_bytes: int | None = None
    children_bytes: int | None = None
    lines: list[str] = field(default_factory=list)


def render(config: Path, output: Path) -> Watched:
    """Renders, and watches.

    Raises:
        UserError: The render failed.
    """
    command, began, seen = [sys.executable, "-c", _PROGRAM, "render", str(config)], time.perf_counter(), Watched()
    errors = subprocess.PIPE
    with subprocess.Popen(
        [*command, "--output", str(output)], stdout=subprocess.DEVNULL, stderr=errors, text=True, env=_environment()
    ) as process:
        reading = Thread(target=_read, args=(process.stderr, seen, began))
        reading.start()
        while process.poll() is None:
            _look(process.pid, RunPaths(output).preview, seen, began)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        seen.seconds = time.perf_counter() - began
        reading.join()
    if process.returncode:
        raise UserError("the render failed:\n" + "".join(seen.lines[-10:]))
    return seen


def _read(stream: Iterable[str], seen: Watched, began: float) -> None:
    for line in stream:
        now = time.perf_counter() - began
        seen.lines.append(line)
        seen.first_line = seen.first_line or now
        if _WORKED in line:
            seen.first_progress = seen.first_progress or now


def _look(process: int, preview: Path, seen: Watched, began: float) -> None:
    if seen.first_frame is None and preview.exists():
        seen.first_frame = time.perf_counter() - began
    own = _memory(process, "VmHWM")
    if own:
        # A child that is not yet what it is to be still has its parent's memory, which counts once.
        others = [child for child in _children(process) if _program(child) != _program(process)]
        together = sum(_memory(child, "VmRSS") or 0 for child in others)
        seen.own_bytes = max(own, seen.own_bytes or 0)
        seen.children_bytes = max(together, seen.children_bytes or 0)


def _memory(process: int, key: str) -> int | None:
    """Bytes that a process has in memory, or had at most; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), None)


def _program(process: int) -> str | None:
    try:
        return str(Path(f"/proc/{process}/exe").readlink())
    except OSError:
        return None


def _children(process: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    try:
        for path in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, path.read_text("utf-8").split())
    except OSError:  # it has ended, or the system does not tell
        return found
    return found + [below for child in found for below in _children(child)]


def _environment() -> dict[str, str]:
    """Ours, but the program is the one that is measured here."""
    here = str(Path(renderer.__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}


def _config(subject: Subject, name: str, tree: Tree) -> Path:
    path = subject.folder / f"{name}.yaml"
    path.write_text(json.dumps(tree), "utf-8")  # JSON is YAML
    return path


def _in_process(config: Path, wanted: str) -> dict[str, Any]:
    command = [sys.executable, str(_ALONE), str(config), wanted]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise UserError(f"{wanted} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole_render(subject: Subject, case: Case, *, quick: bool) -> dict[str, Any]:
    """A render of two classes a chain, and its dreaming alone."""
    frames, dream = (3, _FEW_STEPS) if quick else (25, {})
    film = {"width": case.width, "height": case.height, "chains": case.batch, "seconds_per_class": frames / 25}
    tree = subject.tree(film=film, dream=dream, classes={"limit": 2 * case.batch})
    config = _config(subject, "render", tree)
    with TemporaryDirectory(dir=subject.folder) as output:
        seen = render(config, Path(output) / "run")
    alone = _in_process(config, "dream")
    return {
        "case": f"{case.size}, {case.batch} chains, {2 * case.batch} classes of {frames} frames",
        "passes": alone["passes"],
        "wall_seconds": seen.seconds,
        "dreaming_seconds": alone["seconds"],
        "ratio": seen.seconds / alone["seconds"],
        "seconds_to_begin": alone["seconds_to_begin"],
        "first_line_seconds": seen.first_line,
        "first_progress_seconds": seen.first_progress,
        "first_frame_seconds": seen.first_frame,
    }


def memory(subject: Subject, classes: int) -> dict[str, Any]:
    """Peak memory of a film of small pictures, one frame a class; always as many chains, which take memory too."""
    film = {"width": 64, "height": 64, "chains": 4, "seconds_per_class": 1 / 25, "lead_in_seconds": 1 / 25}
    config = _config(subject, "memory", subject.tree(film=film, dream=_FEW_STEPS, classes={"limit": classes}))
    with TemporaryDirectory(dir=subject.folder) as output:
        seen = render(config, Path(output) / "run")
    return {
        "classes": min(classes, len(subject.network.known_targets())),
        "own_bytes": seen.own_bytes,
        "children_bytes": seen.children_bytes,
        "wall_seconds": seen.seconds,
    }


def projection(subject: Subject, classes: int, *, quick: bool) -> dict[str, Any]:
    """How long a film at the defaults is said to take; a quick one is of small pictures and few steps."""
    small = {"film": {"width": 64, "height": 64, "seconds_per_class": 0.12}, "dream": _FEW_STEPS}
    tree = subject.tree(classes={"limit": classes}, **(small if quick else {}))
    found = _in_process(_config(subject, "projection", tree), "project")
    return {
        "of": "small pictures, few steps" if quick else "at the defaults",
        "classes": found["classes"],
        "frames": found["frames"],
        "seconds": found["film"],
    }
