"""The benchmark runs, and tells a figure of everything; how large the figures are is no matter of a test."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import benchmark
from benchmarking import stages
from benchmarking.beside import fair_share
from benchmarking.options import PARTS, Case, films, parse_cases
from benchmarking.subject import make_subject

TINY = ["--bare", "1", "--stills", "16x16:1", "--films", "16x16:1", "--render", "16x16:1"]
FEW = ["--precisions", "float32", "--classes", "2", "--projected", "2", "--beside", "1"]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a quick run of all parts says."""
    told = tmp_path_factory.mktemp("benchmark") / "figures.json"
    run("--network", "embedded", "--quick", *TINY, *FEW, "--json", str(told))
    return json.loads(told.read_text("utf-8"))


def run(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["benchmark.py", *arguments])
        benchmark.main()


def numbers(found: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from numbers(value, f"{name}.{key}")
    elif isinstance(found, list):
        for place, value in enumerate(found):
            yield from numbers(value, f"{name}[{place}]")
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield name, found


def test_every_part_has_positive_figures(figures) -> None:
    assert set(figures["parts"]) == {*PARTS, "beside"}
    may_be_0 = ("mended_steps", "motion", "children_bytes", "score", "8 bits", "encoding")
    for part, found in figures["parts"].items():
        told = dict(numbers(found))
        assert told or found["missing"], part
        for name, value in told.items():
            assert value > 0 or (value == 0 and name.endswith(may_be_0)), (part, name)


def test_it_says_what_it_was_measured_on(figures) -> None:
    machine = figures["machine"]
    assert machine["processor"]
    assert machine["versions"]["torch"]
    assert machine["threads"] >= 1
    assert figures["command"].startswith("benchmark.py --network embedded")
    assert figures["date"].startswith("20")


def test_stages_add_up_to_what_dreaming_takes(figures) -> None:
    film = next(row for row in figures["parts"]["stages"] if row["of"] == "film")
    assert set(film["milliseconds"]) == set(stages.STAGES)
    assert film["milliseconds"]["network"] > film["milliseconds"]["8 bits"]


def test_what_is_timed_is_left_as_it_was() -> None:
    places = [stages._found(place) for places in stages.FUNCTIONS.values() for place in places]
    before = [getattr(owner, name) for owner, name in places]
    with stages.watched():
        assert all(getattr(owner, name) is not was for (owner, name), was in zip(places, before, strict=True))
    assert [getattr(owner, name) for owner, name in places] == before


def test_an_inner_stage_counts_alone() -> None:
    watch = stages.Stopwatch()
    with watch.stage("step"), watch.stage("network"):
        sum(range(100_000))
    assert watch.seconds["network"] > watch.seconds["step"]


def test_random_weights_are_the_same_each_time(tmp_path: Path) -> None:
    options = benchmark.parser().parse_args(["--quick"])
    written = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        subject = make_subject(options, folder)
        assert subject.network.weights_path.parent == folder
        written.append(subject.network.weights_path.read_bytes())
    assert written[0] == written[1]


def test_a_share_is_fair_where_all_get_as_much() -> None:
    assert fair_share(cores=2, threads=2, spinners=2) == 0.5
    assert fair_share(cores=4, threads=2, spinners=2) == 1
    assert fair_share(cores=2, threads=4, spinners=4) == 0.5


def test_sizes_and_batches_are_read() -> None:
    assert parse_cases("512x256:1,8") == (Case(512, 256, 1), Case(512, 256, 8))
    options = benchmark.parser().parse_args(["--films", "32x32:1", "48x48:2"])
    assert [str(case) for case in films(options)] == ["32x32, batch 1", "48x48, batch 2"]
    assert len(films(benchmark.parser().parse_args([]))) == 5


@pytest.mark.parametrize("wrong", [["--only", "bare,speed"], ["--films", "512"]])
def test_what_it_does_not_know_is_refused(wrong, capsys) -> None:
    with pytest.raises(SystemExit):
        benchmark.parser().parse_args(wrong)
    assert wrong[1].split(",")[-1] in capsys.readouterr().err


def test_memory_is_tuned_before_torch_is_loaded() -> None:
    code = "import sys, benchmark; benchmark.parser().parse_args([]); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(benchmark.__file__).parent, check=True)
