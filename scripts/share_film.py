"""Renders one film in one process and in shards, kills shards at random, and compares what comes out.

Every frame that the films decode to, and every still, has to be the same. Run from a checkout:

    python scripts/share_film.py quickstart --shards 3 --kills 20 --output /tmp/shared

With --store the shards share no disk: whoever is started has an empty cache, and all that it needs is in the store.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from renderer.atlas.seen import look_at
from renderer.media.clean_frames import read_frames
from renderer.media.pictures import open_still
from renderer.store.place import CACHE_VARIABLE

PROGRAM = [sys.executable, "-c", "from renderer.program import main; main()"]
"""The command line, as it is in this checkout."""

_CACHES = tempfile.TemporaryDirectory()  # gone at the end


def main() -> None:
    """Render, kill, compare."""
    options = _options()
    one, shared = options.output / "one", options.output / "shared"
    place = options.store or str(shared)
    given = [options.config, *(f"--set={value}" for value in options.set or ())]
    print(f"in one process: {timed([*given, '--output', str(one)]):.1f} s")
    began = time.monotonic()
    chance = random.Random(options.seed)  # noqa: S311
    kills = _render_shards([*given, "--output", place], options.shards, options.kills, chance)
    subprocess.run([*PROGRAM, "assemble", place], check=True, capture_output=True, env=_own_cache())
    print(f"in {options.shards} shards, {kills} killed: {time.monotonic() - began:.1f} s")
    if options.store:
        subprocess.run([*PROGRAM, "fetch", place, str(shared)], check=True, capture_output=True)
    sys.exit(compare(one, shared))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a YAML file, or the name of a shipped configuration")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", help="set any setting; may be repeated")
    parser.add_argument("--shards", type=int, default=3, help="how many processes share the film")
    parser.add_argument("--kills", type=int, default=0, help="how many times one of them is killed")
    parser.add_argument("--seed", type=int, default=0, help="decides which is killed, and when")
    parser.add_argument(
        "--store", metavar="URL", help="where shards work: an empty folder of a store, s3://bucket/name"
    )
    parser.add_argument("--output", type=Path, required=True, help="an empty folder for both runs")
    return parser.parse_args()


def timed(arguments: Sequence[str]) -> float:
    """How long it takes to render, in seconds."""
    began = time.monotonic()
    subprocess.run([*PROGRAM, "render", *arguments], check=True, capture_output=True)
    return time.monotonic() - began


def _render_shards(arguments: Sequence[str], count: int, kills: int, chance: random.Random) -> int:
    """Render all shards side by side; whoever is killed is started again. Gives how many were killed."""
    running = {number: _start(arguments, number, count) for number in range(1, count + 1)}
    killed, due = 0, time.monotonic() + chance.uniform(1, 8)
    while running:
        time.sleep(0.05)
        for number, process in list(running.items()):
            if process.poll() == 0:
                del running[number]
            elif process.poll() is not None:
                raise SystemExit(f"shard {number} ended with code {process.returncode}:\n{process.communicate()[1]}")
        if running and killed < kills and time.monotonic() >= due:
            number = chance.choice(sorted(running))
            if _kill(running[number]):
                running[number] = _start(arguments, number, count)
                killed += 1
            due = time.monotonic() + chance.uniform(1, 8)
    return killed


def _start(arguments: Sequence[str], number: int, count: int) -> subprocess.Popen[str]:
    command = [*PROGRAM, "render", *arguments, "--shard", f"{number}/{count}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_own_cache())


def _own_cache() -> dict[str, str]:
    """The environment of a machine that has nothing yet of what lies in stores."""
    return {**os.environ, CACHE_VARIABLE: tempfile.mkdtemp(dir=_CACHES.name)}


def _kill(process: subprocess.Popen[str]) -> bool:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def compare(one: Path, other: Path) -> int:
    """Say what differs; gives the exit code."""
    frames, stills = [_frames(run) for run in (one, other)], [_stills(run) for run in (one, other)]
    same = sum(first == second for first, second in zip(*frames, strict=False))
    print(f"{same} of {len(frames[0])} decoded frames are the same (the other film has {len(frames[1])})")
    alike = [name for name in stills[0] if stills[0][name] == stills[1].get(name)]
    print(f"{len(alike)} of {len(stills[0])} stills are the same (the other run has {len(stills[1])})")
    return 0 if frames[0] == frames[1] and stills[0] == stills[1] else 1


def _frames(run: Path) -> list[str]:
    seen = look_at(run)
    film = seen.run.settings.film
    record = seen.film
    if record is None:
        raise SystemExit(f"{run} has no film")
    frames = read_frames(run / record.film.path, (film.width, film.height), record.frames)
    return [hashlib.sha256(frame.tobytes()).hexdigest() for frame in frames]


def _stills(run: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(open_still(path).tobytes()).hexdigest() for path in (run / "stills").iterdir()}


if __name__ == "__main__":
    main()
