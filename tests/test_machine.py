"""Precision and threads: chosen where a run begins, written down, and kept when it goes on, on whatever machine."""

from pathlib import Path
from typing import Any

import pytest

from renderer.common.errors import UserError
from renderer.jobs import machine
from renderer.jobs.commands import render, render_stills
from renderer.jobs.preflight import preflight
from renderer.settings.chosen import Chosen
from renderer.store.paths import RunPaths
from renderer.store.run_file import read_run_file
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

CPU = "run.device=cpu"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    on_machine(monkeypatch, cores=2, fast=False)


def on_machine(monkeypatch: pytest.MonkeyPatch, *, cores: int, fast: bool) -> None:
    """Go on as if on another machine; `fast` says whether its processor multiplies in bfloat16."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(machine, "usable_cores", lambda: cores)
    monkeypatch.setattr(machine, "has_fast_bfloat16", lambda: fast)


def break_off(number: int) -> None:
    if number == 30:
        raise RuntimeError("broken off")


def begin(directory: Path, *overrides: str) -> None:
    """A film that ends in its middle."""
    with pytest.raises(RuntimeError, match="broken off"):
        render(request(directory, CPU, *overrides), Recorder(), lambda settings: FakeWorker(settings, break_off))


def recorded(directory: Path) -> Chosen | None:
    return read_run_file(RunPaths(directory).settings).chosen


def test_what_was_chosen_is_written_down_and_what_was_asked_for_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def make(settings: Any) -> FakeWorker:
        given.append((settings.run.precision, settings.run.threads))
        return FakeWorker(settings)

    on_machine(monkeypatch, cores=6, fast=True)
    render_stills(request(tmp_path, CPU), Recorder(), make)
    assert recorded(tmp_path) == Chosen(precision="bfloat16", threads=6)
    assert given == [("bfloat16", 6)]
    asked = read_run_file(RunPaths(tmp_path).settings).settings.run
    assert (asked.precision, asked.threads) == ("auto", "auto")


def test_a_run_goes_on_as_it_was_begun_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render(request(tmp_path / "whole", CPU), Recorder(), FakeWorker)
    begin(tmp_path / "run")
    on_machine(monkeypatch, cores=8, fast=True)
    recorder = Recorder()
    render(request(tmp_path / "run", CPU), recorder, FakeWorker)
    assert recorded(tmp_path / "run") == Chosen(precision="float32", threads=2)
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    notes = [note for note in recorder.notes if note.startswith("run.")]
    assert [note.split(":")[0] for note in notes] == ["run.precision", "run.threads"]
    assert "begun with float32 and goes on so" in notes[0] and "would have bfloat16" in notes[0]
    assert "begun with 2 and goes on so" in notes[1] and "would have 8" in notes[1]


def test_where_nothing_differs_nothing_is_noted(tmp_path: Path) -> None:
    begin(tmp_path)
    recorder = Recorder()
    render(request(tmp_path, CPU), recorder, FakeWorker)
    assert not [note for note in recorder.notes if note.startswith("run.")]


def test_more_threads_than_cores_are_remarked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_machine(monkeypatch, cores=2, fast=False)
    recorder = Recorder()
    render(request(tmp_path, CPU, "run.threads=64"), recorder, FakeWorker)
    said = "64 threads on 2 cores hinder one another: they follow from run.threads or OMP_NUM_THREADS"
    assert [note for note in recorder.notes if note.startswith(said)]
    found = {one.name: one for one in preflight(request(tmp_path, CPU, "run.threads=64"), film=True, quick=True)}
    assert found["machine"].state == "warning"
    assert found["machine"].text.startswith(f"float32, 64 threads; {said}")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("run.threads=3", "run.threads: was 2, is 3"),
        ("run.precision=bfloat16", 'run.precision: was "float32", is "bfloat16"'),
    ],
)
def test_a_run_in_progress_refuses_another_value(tmp_path: Path, override: str, said: str) -> None:
    begin(tmp_path)
    with pytest.raises(UserError, match=said):
        render(request(tmp_path, CPU, override), Recorder(), FakeWorker)
    render(request(tmp_path, CPU, "run.threads=2", "run.precision=float32"), Recorder(), FakeWorker)


def test_what_was_asked_for_at_first_stays_where_auto_is_asked_for_later(tmp_path: Path) -> None:
    begin(tmp_path, "run.threads=5", "run.precision=bfloat16")
    render(request(tmp_path, CPU), Recorder(), FakeWorker)
    assert recorded(tmp_path) == Chosen(precision="bfloat16", threads=5)


def test_a_run_that_begins_anew_chooses_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(tmp_path)
    on_machine(monkeypatch, cores=8, fast=True)
    render(request(tmp_path, CPU, restart=True), Recorder(), FakeWorker)
    assert recorded(tmp_path) == Chosen(precision="bfloat16", threads=8)


def test_openmp_may_say_how_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3,1")
    render_stills(request(tmp_path, CPU), Recorder(), FakeWorker)
    assert recorded(tmp_path) == Chosen(threads=3)


def test_check_says_what_would_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*overrides: str) -> str:
        found = preflight(request(tmp_path, CPU, *overrides), film=True, quick=True)
        return next(finding.text for finding in found if finding.name == "machine")

    assert said() == "float32, 2 threads"
    assert said("run.threads=1", "run.precision=bfloat16") == "bfloat16, 1 thread"
    begin(tmp_path)
    on_machine(monkeypatch, cores=8, fast=True)
    assert said() == "float32, 2 threads"
    found = {finding.name: finding for finding in preflight(request(tmp_path, CPU), film=True, quick=True)}
    assert found["output"].text.endswith("holds a run that can be continued")


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "2000"])
def test_threads_are_a_positive_whole_number(tmp_path: Path, value: str) -> None:
    with pytest.raises(UserError, match=r"run\.threads"):
        request(tmp_path, f"run.threads={value}")
