"""All parts, one after the other."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarking import rendering, report, stages
from benchmarking.bare import DTYPES, Bare
from benchmarking.beside import fair_share, spinning
from benchmarking.dreaming import Film, Stills
from benchmarking.machine import describe_machine
from benchmarking.options import Case, films
from benchmarking.rivals import Lucent, why_not
from benchmarking.subject import Subject, make_subject
from benchmarking.turns import fitting, race, ratios, spread, timed
from renderer.common.processor import usable_cores
from renderer.jobs.local_worker import LocalWorker
from renderer.settings.chosen import Chosen

Rows = list[dict[str, Any]]
Dreamer = type[Film] | type[Stills]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measures what is asked for, shows each part when it is done, and gives all figures."""
    with TemporaryDirectory() as folder:
        subject = make_subject(options, Path(folder))
        chosen = Chosen.of(subject.settings())
        found = {
            "command": shlex.join(sys.argv),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "network": subject.network.label,
            "weights": options.weights or "random, or those of the package",
            "machine": describe_machine(subject.place, chosen.threads),
            "quick": options.quick,
            "parts": {},
        }
        report.show_machine(found)
        for name in [*options.only, *(["beside"] if options.beside else [])]:
            found["parts"][name] = MEASURES[name](subject, options)
            report.show(name, found["parts"][name])
    return found


def _bare(subject: Subject, options: argparse.Namespace) -> Rows:
    ways = (False, True) if options.compile else (False,)
    wanted = list(product(options.precisions or DTYPES, ways, options.bare))
    contenders = {str(each): Bare(subject, each[0], each[2], compiled=each[1]) for each in wanted}
    times = race(contenders, subject.turns, subject.seconds / 2)
    return [
        {"precision": precision, "compiled": compiled, "batch": batch, "milliseconds": spread(times[str(each)])}
        for each in wanted
        for precision, compiled, batch in [each]
    ]


def _beside_bare(kind: Dreamer, subject: Subject, cases: Sequence[Case], options: argparse.Namespace) -> Rows:
    """What dreaming costs beside the bare network, in the precisions that are asked for."""
    rows = []
    for precision in options.precisions or (Chosen.of(subject.settings()).precision,):
        worker = subject.worker(precision)
        rows += [_against_bare(kind, subject, worker, case, precision) for case in cases]
        worker.close()
    return rows


def _against_bare(kind: Dreamer, subject: Subject, worker: LocalWorker, case: Case, precision: str) -> dict[str, Any]:
    ours = kind(subject, worker, case, precision)
    times = race({"bare": Bare(subject, precision, case.batch), "ours": ours}, subject.turns, subject.seconds)
    return {
        "case": str(case),
        "precision": precision,
        "bare": spread(times["bare"]),
        "ours": spread(times["ours"]),
        "share_of_bare_speed": ratios(times["bare"], times["ours"]),
        "mended_steps": ours.mended,
    }


def _lucent(subject: Subject, options: argparse.Namespace) -> dict[str, Any]:
    missing = why_not(subject)
    if missing:
        return {"missing": missing, "rows": []}
    return {"missing": None, "rows": [_against_lucent(subject, case) for case in options.stills]}


def _against_lucent(subject: Subject, case: Case) -> dict[str, Any]:
    worker = subject.worker("float32")
    contenders = {"lucent": Lucent(subject, case), "ours": Stills(subject, worker, case, "float32")}
    times = race(contenders, subject.turns, subject.seconds)
    return {
        "case": str(case),
        "lucent": spread(times["lucent"]),
        "ours": spread(times["ours"]),
        "times_as_fast": ratios(times["lucent"], times["ours"]),
    }


def _stages(subject: Subject, options: argparse.Namespace) -> Rows:
    sizes = {case.size: case for case in films(options)}
    of_stills = [stages.stages_of_stills(subject, case) for case in options.stills]
    return of_stills + [stages.stages_of_film(subject, case) for case in sizes.values()]


def _beside(subject: Subject, options: argparse.Namespace) -> Rows:
    worker, threads = subject.worker(), Chosen.of(subject.settings()).threads
    share = fair_share(usable_cores(), threads, options.beside)
    rows = []
    for kind, cases in ((Stills, options.stills), (Film, films(options))):
        for case in cases:
            quiet, busy = _quiet_and_busy(kind(subject, worker, case, None), subject, options.beside)
            found = {"of": kind.__name__.lower(), "case": str(case), "spinners": options.beside, "fair_share": share}
            rows.append(found | {"quiet": spread(quiet), "beside": spread(busy), "share": ratios(quiet, busy)})
    return rows


def _quiet_and_busy(ours: Film | Stills, subject: Subject, spinners: int) -> tuple[list[float], list[float]]:
    quiet, busy = [], []
    amount = fitting(ours, subject.seconds)
    for _ in range(max(2, subject.turns // 2)):  # those beside others are long
        quiet.append(timed(ours, amount))
        with spinning(spinners):
            busy.append(timed(ours, amount))
    return quiet, busy


def _memory(subject: Subject, options: argparse.Namespace) -> Rows:
    return [rendering.memory(subject, classes) for classes in options.classes]


MEASURES: dict[str, Callable[[Subject, argparse.Namespace], Any]] = {
    "bare": _bare,
    "stills": lambda subject, options: _beside_bare(Stills, subject, options.stills, options),
    "film": lambda subject, options: _beside_bare(Film, subject, films(options), options),
    "lucent": _lucent,
    "stages": _stages,
    "render": lambda subject, options: [
        rendering.whole_render(subject, case, quick=options.quick) for case in options.render
    ],
    "memory": _memory,
    "projection": lambda subject, options: rendering.projection(subject, options.projected, quick=options.quick),
    "beside": _beside,
}
