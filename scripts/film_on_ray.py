"""Renders one film in one process and on a Ray cluster of this machine, kills workers at random, and compares.

Every frame that the films decode to, and every still, has to be the same. The film of one process is not rendered again
if it is in the folder already. Run from a checkout:

    python scripts/film_on_ray.py quickstart --workers 2 --kills 20 --output /tmp/on-ray
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from share_film import PROGRAM, compare, timed


def main() -> None:
    """Render, kill, compare."""
    options = _options()
    one, shared = options.output / "one", options.output / f"{options.workers}-workers-{options.kills}-kills"
    given = [options.config, *(f"--set={value}" for value in options.set or ())]
    print(f"in one process: {timed([*given, '--output', str(one)]):.1f} s")
    began = time.monotonic()
    chance = random.Random(options.seed)  # noqa: S311
    killed = _render([*given, "--output", str(shared)], options, chance)
    print(f"on Ray with {options.workers} workers, {killed} killed: {time.monotonic() - began:.1f} s")
    sys.exit(compare(one, shared))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="path of a YAML file, or the name of a shipped configuration")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", help="set any setting; may be repeated")
    parser.add_argument("--workers", type=int, default=1, help="most workers at a time")
    parser.add_argument("--kills", type=int, default=0, help="how many times one of them is killed")
    parser.add_argument("--kill-every", type=float, default=15.0, metavar="SECONDS", help="how often, on the average")
    parser.add_argument("--seed", type=int, default=0, help="decides which is killed, and when")
    parser.add_argument("--output", type=Path, required=True, help="a folder for both runs")
    return parser.parse_args()


def _render(arguments: Sequence[str], options: argparse.Namespace, chance: random.Random) -> int:
    """Render, and kill a worker every now and then; gives how many were killed."""
    killed, due = 0, time.monotonic() + chance.uniform(0.2, 1.8) * options.kill_every
    with tempfile.TemporaryFile("w+") as said:
        command = [*PROGRAM, "render", *arguments, "--ray", "--ray-workers", str(options.workers)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            time.sleep(0.05)
            if killed < options.kills and time.monotonic() >= due:
                killed += _kill_one(process.pid, chance)
                due = time.monotonic() + chance.uniform(0.2, 1.8) * options.kill_every
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"it ended with code {process.returncode}:\n{said.read()}")
    return killed


def _kill_one(command: int, chance: random.Random) -> bool:
    """Kill one of the workers of a command; gives whether there was any."""
    listed = subprocess.run(["ps", "--no-headers", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    parents = {int(number): int(parent) for number, parent, _ in rows}

    def is_of_command(number: int) -> bool:
        while number and number != command:
            number = parents.get(number, 0)
        return number == command

    workers = [int(number) for number, _, name in rows if name.startswith("ray::Hand") and is_of_command(int(number))]
    if workers:
        os.kill(chance.choice(workers), signal.SIGKILL)
    return bool(workers)


if __name__ == "__main__":
    main()
