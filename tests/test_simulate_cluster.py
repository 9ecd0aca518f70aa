"""The simulation of many machines comes to what can be reckoned by hand, and nothing is lost in it."""

import json
import re
import shlex
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from renderer.settings.loading import parse_settings
from tests.film_helpers import tiny_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import simulate_cluster
from cluster.film import Round, Work, work_of
from cluster.machines import KINDS, Machines, interpolated, parse_times
from cluster.simulation import Case, Outcome, simulate

ROOT = Path(__file__).resolve().parents[1]

BATCH = Round(steps=((100, 4),), frames=80, segments=4, bytes=1e9, saved_bytes=1e8)
"""A hundred steps with four pictures."""

STEADY = Machines(step_ms=((4, 100.0),))
"""Ten seconds for it, and nothing else takes any time."""

WILD = Machines(
    step_ms=((4, 100.0),),
    start_seconds=5,
    lease_seconds=1,
    driver_gbit=40,
    write_ms=10,
    lost_an_hour=1 - 1e-13,
    notice_seconds=3,
    back_minutes=0.5,
    spread=0.3,
    slow_share=0.2,
    slow_factor=4,
)
"""Workers that live for two minutes, differ, and stumble."""


def work(strands: int, rounds: int = 6) -> Work:
    return Work(((BATCH,) * rounds,) * strands, frames=strands * rounds * 80, shown_passes=strands * rounds * 400)


def played(machines: Machines, films: list[Work], workers: int, **given: Any) -> Outcome:
    given = {"at_once": len(films), "most_workers": 1000, "save_seconds": 1e9, **given}
    return simulate(Case(films, machines, workers, **given))


@pytest.mark.parametrize(
    ("films", "strands", "workers", "waves"),
    [(1, 1, 1, 1), (1, 4, 4, 1), (1, 4, 2, 2), (1, 4, 9, 1), (8, 4, 16, 2), (5, 2, 10, 1), (3, 1, 1, 3)],
)
def test_without_losses_it_is_plain_arithmetic(films: int, strands: int, workers: int, waves: int) -> None:
    found = played(STEADY, [work(strands)] * films, workers)
    assert found.wall == pytest.approx(60 * waves)
    assert found.useful == pytest.approx(films * strands / (waves * workers))
    assert found.again == pytest.approx(0)
    assert found.waiting == pytest.approx(0)
    assert found.rounds == films * strands * 6


def test_strands_that_do_not_come_out_even_are_shared_in_slices() -> None:
    found = played(STEADY, [work(5, 60)], 4)
    assert found.wall <= 1.05 * found.bound  # and not twice the longest strand
    assert found.bound == 5 * 60 * 10 / 4


def test_what_surrounds_the_dreaming_is_added_up() -> None:
    machines = replace(STEADY, start_seconds=30, lease_seconds=2, write_ms=250, assemble_seconds=60)
    assert played(machines, [work(4)], 4).wall == pytest.approx(30 + 2 + 60 + 4 * 4 * 0.25 + 60)  # four write at once


def test_films_one_after_another_wait_for_each_other() -> None:
    found = played(replace(STEADY, assemble_seconds=40), [work(2)] * 3, 16, at_once=1)
    assert found.wall == pytest.approx(3 * (60 + 40))


def test_encoding_beside_the_dreaming_is_waited_for_where_it_takes_longer() -> None:
    quick = replace(STEADY, encode_ms=100, cores=1)  # eight seconds a round
    assert played(quick, [work(1)], 1).wall == pytest.approx(60)
    slow = replace(STEADY, encode_ms=200, cores=1)  # sixteen
    found = played(slow, [work(1)], 1)
    assert found.wall == pytest.approx(6 * 16, abs=10)
    assert found.waiting > 0.3
    same_cores = replace(STEADY, encode_ms=200, cores=2, encodes_beside=False)
    assert played(same_cores, [work(1)], 1).wall == pytest.approx(6 * (10 + 8))


def test_nobody_dreams_far_ahead_of_what_is_safe() -> None:
    machines = replace(STEADY, encode_ms=500, cores=1, lost_an_hour=1 - 1e-5)  # it is lost that was not safe
    found = played(machines, [work(4, 30)], 4)
    assert found.lost_workers > 5
    assert found.again * 4 * found.wall / found.lost_workers < 2.25 * 10


def test_a_network_that_is_full_sets_the_pace() -> None:
    found = played(replace(STEADY, driver_gbit=1), [work(4)], 4)
    assert found.wall == pytest.approx(24 * 8, rel=0.1)
    assert found.network > 0.9
    apart = played(replace(STEADY, driver_gbit=1, driver_machines=4), [work(1)] * 4, 4)
    assert apart.wall < 0.5 * found.wall


@pytest.mark.parametrize("seed", range(8))
def test_every_round_is_done_once_whoever_is_lost(seed: int) -> None:
    films = [work(3), work(7, 4), work(1, 12), work(12, 2)]
    found = played(WILD, films, 5, seed=seed, save_seconds=4, at_once=3)
    assert found.rounds == sum(len(strand) for film in films for strand in film.strands)
    assert found.lost_workers > 3
    assert found.again > 0
    assert found.wall >= found.bound
    assert sum(found.states.values()) == pytest.approx(1)


def test_what_is_saved_is_not_dreamed_again() -> None:
    long = Work(((replace(BATCH, steps=((3000, 4),)),) * 4,) * 4, 1, 1)  # five minutes a round
    machines = replace(STEADY, lost_an_hour=0.99, back_minutes=1)
    often, never = (played(machines, [long] * 4, 8, save_seconds=seconds).again for seconds in (10, 1e9))
    assert never > 0.1
    assert often < 0.2 * never


def test_stragglers_are_helped() -> None:
    machines = replace(STEADY, slow_share=0.1, slow_factor=10)
    assert played(machines, [work(9, 30)], 10).wall < 2.5 * 300  # and not ten times


@pytest.mark.parametrize("machines", [STEADY, WILD])
def test_more_workers_are_not_slower(machines: Machines) -> None:
    films = [work(3, 20)] * 6
    times = [played(machines, films, workers, save_seconds=4).wall for workers in (1, 2, 4, 8, 16, 32)]
    assert all(more <= 1.05 * fewer for fewer, more in pairwise(times))
    assert times[-1] < 0.2 * times[0]


def test_the_seed_decides() -> None:
    first, again, other = (asdict(played(WILD, [work(6)] * 3, 4, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_film_is_divided_as_a_render_divides_it() -> None:
    film = work_of(parse_settings("", "film", KINDS["cpu-512"].film), 1000)
    assert film.frames == 50_000
    assert film.passes == 50_000 * 5 + 40 * 96 + 39 * 25 * 5  # with fresh pictures and lead-ins
    assert [len(strand) for strand in film.strands] == [26, 26, 26]
    assert film.strands[0][0].steps == ((96, 13), (25 * 5, 13))
    assert film.strands[0][-1].steps == ((50 * 5, 14),)


def test_shorter_segments_end_earlier() -> None:
    film = work_of(tiny_settings("film.fps=9", "film.seconds_per_class=0.5", "film.chains=4", "run.batch=4"), 4)
    (strand,) = film.strands
    assert strand[-1].steps == ((4 * 5, 4),) or strand[-1].steps[-1][1] < 4
    assert sum(one.frames for one in strand) == film.frames + 3 * 4


def test_the_time_of_a_step_is_read_and_interpolated() -> None:
    times = parse_times("1:20,16:32,64:80")
    assert [interpolated(times, pictures) for pictures in (1, 16, 40, 64, 128)] == [20, 32, 56, 80, 160]
    with pytest.raises(ValueError, match="16:20,1:10"):
        parse_times("16:20,1:10")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["simulate_cluster.py", *arguments])
    simulate_cluster.main()


def test_the_script_prints_a_row_for_each_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = tmp_path / "figures.json"
    given = ("--classes", "20", "--films", "2", "--workers", "1,2", "--chains", "auto,4", "--batch", "2")
    run(monkeypatch, *given, "--machines", "card-512", "--start-seconds", "7", "--json", str(told))
    heading, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split(" | ")[:4] for row in rows] == [
        ["| 1", "1", "2", "1"], ["| 2", "1", "2", "1"], ["| 1", "4", "2", "2"], ["| 2", "4", "2", "2"]
    ]  # fmt: skip
    assert heading.count("|") == rows[0].count("|")
    figures = json.loads(told.read_text("utf-8"))
    assert figures["machines"]["start_seconds"] == 7
    assert len(figures["cases"]) == 4


def test_wrong_settings_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"Error: .*film\.chains"):
        run(monkeypatch, "--chains", "many")


def test_the_document_has_what_the_script_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "docs").glob("many-machines*.md")]
    found = [part for text in texts for part in re.findall(COMMAND_WITH_TABLE, text)]
    (command, table) = next(one for one in found if "card-1080 --films 1" in one[0])
    run(monkeypatch, *shlex.split(command))
    printed = capsys.readouterr().out.splitlines()
    assert set(table.splitlines()) <= set(printed)
    assert len(table.splitlines()) > 5


COMMAND_WITH_TABLE = r"```console\npython scripts/simulate_cluster.py (.*)\n```\n\n((?:\|.*\n)+)"
