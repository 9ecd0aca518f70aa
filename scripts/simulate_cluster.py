"""Simulates films that are rendered on many machines: how long it takes, how much is of use, and what limits it.

The schedule is the one that a render has; workers, network and losses are made up. It needs no torch, and no machines.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster.film import work_of
from cluster.machines import KINDS, Machines, parse_times
from cluster.report import COLUMNS, row, table
from cluster.simulation import Case, simulate

from renderer.common.errors import UserError
from renderer.film.timeline import chain_count
from renderer.jobs.preflight import foreseen_targets
from renderer.jobs.worker import SAVED_SHARE
from renderer.settings.loading import load_settings, parse_settings
from renderer.settings.sections import Settings

EXAMPLES = """
examples:
  %(prog)s                                         100 films of 1000 classes on 16, 64 and 256 workers
  %(prog)s --machines card-1080 --workers 1,8,64 --films 1 --chains auto,64,1000 --batch 16
  %(prog)s --machines card-512 --step 1:12,16:20,64:50 --start-seconds 45 --lost-an-hour 0.2
  %(prog)s my.yaml --classes 200 --films 10        a film of yours, with so many classes
  %(prog)s --set film.fps=50 --set film.seconds_per_class=4

columns:
  strands     of a film: what can be computed apart, one worker each; unseen: share of passes that no frame shows
  at least    the longest strand's time, or all work divided among all workers, whichever is longer
  efficiency  share of all workers' time that goes into what is in the films
  busy        share in which workers have something to do; that is what is useful, what is dreamed again after a loss,
              and waiting for encoders, network or driver
  network     share of the time in which the drivers' machine is receiving; TB: what it receives; lost: machines

machines:
"""
EXAMPLES += "\n".join(f"  {name:14}{kind.told}" for name, kind in KINDS.items())


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    answer.add_argument("config", nargs="?", help="a configuration; by default a film as that of the machines")
    answer.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of render")
    answer.add_argument("--classes", type=int, help="of each film; by default those of the configuration, or 1000")
    answer.add_argument("--films", type=int, default=100, help="default %(default)s")
    answer.add_argument("--at-once", type=int, help="so many films are rendered at the same time; by default all")
    answer.add_argument("--workers", type=_numbers, default=(16, 64, 256), help="default 16,64,256")
    answer.add_argument("--most-workers", type=int, default=1000, help="of one film, default %(default)s")
    answer.add_argument("--chains", type=_words, help="film.chains, as auto,64,1000; by default that of the settings")
    answer.add_argument("--batch", type=_numbers, help="run.batch, likewise")
    answer.add_argument("--seed", type=int, default=0)
    answer.add_argument("--density", type=float, default=0.6, help=_DENSITY)
    answer.add_argument("--columns", type=_columns, default=COLUMNS, metavar="A,B", help="of the table; default all")
    answer.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    return _with_machines(answer)


_DENSITY = "bytes of frames as a share of what `check` reckons with, which is rather too much; default %(default)s"


def _with_machines(answer: argparse.ArgumentParser) -> argparse.ArgumentParser:
    group = answer.add_argument_group(
        "machines", "By default they are those of --machines, with losses of 5 % an hour."
    )
    group.add_argument("--machines", choices=KINDS, default="cpu-1080", help="default %(default)s")
    group.add_argument("--step", type=parse_times, help="milliseconds of a step by pictures in it, as 1:20,16:32")
    for name, told in _NUMBERS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=float, help=told)
    group.add_argument("--driver-machines", type=int, help="on how many machines the drivers run")
    return answer


_NUMBERS = {
    "encode_ms": "processor time to encode a frame, with text and clean frames",
    "cores": "that encode, of each worker",
    "start_seconds": "until a new worker is ready",
    "lease_seconds": "from a lease to its first step",
    "worker_gbit": "what a worker sends in a second",
    "driver_gbit": "what the machine of the drivers takes in a second",
    "write_ms": "what a driver needs for the files of a segment",
    "assemble_seconds": "from a film's last segment to the film",
    "lost_an_hour": "share of the machines that are lost in an hour, default 0.05",
    "notice_seconds": "until that is noticed",
    "back_minutes": "until there is another machine in its place",
    "spread": "standard deviation of the logarithm of a round's time, default 0.1",
    "slow_share": "share of the machines that are slow",
    "slow_factor": "how many times as long these take",
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _columns(text: str) -> tuple[str, ...]:
    unknown = set(_words(text)) - set(COLUMNS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no column {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    return _words(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def machines_of(options: argparse.Namespace) -> Machines:
    """What is asked for."""
    given = {name: getattr(options, name) for name in (*_NUMBERS, "driver_machines")}
    values = {"lost_an_hour": 0.05, "spread": 0.1} | {name: value for name, value in given.items() if value is not None}
    kind = KINDS[options.machines].machines
    return replace(kind, step_ms=options.step or kind.step_ms, **values)


def settings_of(options: argparse.Namespace, *overrides: str) -> Settings:
    """The film's settings; raises UserError."""
    if options.config:
        return load_settings(options.config, [*options.set, *overrides]).settings
    return parse_settings("", "film", [*KINDS[options.machines].film, *options.set, *overrides])


def _classes_of(settings: Settings, options: argparse.Namespace) -> int:
    """How many classes the configuration selects; a thousand where there is none, or where only the network knows."""
    if not options.config or settings.network.needs_network:
        return 1000
    return len(foreseen_targets(settings, quick=True))


def rows(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """A row of the table for each case, and all figures of it; raises UserError."""
    machines = machines_of(options)
    for chains in options.chains or (None,):
        for batch in options.batch or (None,):
            asked = [f"film.chains={chains}"] * bool(chains) + [f"run.batch={batch}"] * bool(batch)
            settings = settings_of(options, *asked)
            classes = options.classes or _classes_of(settings, options)
            film = work_of(settings, classes, options.density)
            count = chain_count(settings.film, classes)
            for workers in options.workers:
                found = simulate(
                    Case(
                        films=[film] * options.films,
                        machines=machines,
                        workers=workers,
                        at_once=min(options.at_once or options.films, options.films),
                        most_workers=options.most_workers,
                        save_seconds=SAVED_SHARE * settings.run.lose_at_most,
                        seed=options.seed,
                    )
                )
                yield row(film, count, settings.run.batch, found), asdict(found)


def main() -> None:
    """Print the table."""
    options = parser().parse_args()
    try:
        found = list(rows(options))
    except UserError as error:
        sys.exit(f"Error: {error}")
    print(table([row for row, _ in found], options.columns))
    if options.json:
        told = {"machines": asdict(machines_of(options)), "cases": [row | figures for row, figures in found]}
        options.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
