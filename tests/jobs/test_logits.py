"""All outputs for each still: whole, in order, of the network that dreamed, and without any change of a picture."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.store.run import load_run
from renderer.targets.class_lists import load_emoji_classes
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

LOGITS = "stills.logits=true"
SHORT = ("film.seconds_per_class=0.25", "dream.steps_per_frame=1", "dream.fresh_steps=4", "stills.steps=4")


def names_in(directory: Path) -> dict[str, Any]:
    return dict(json.loads((directory / "logits.json").read_text(encoding="utf-8")))


def outputs_in(directory: Path) -> np.ndarray:
    found: np.ndarray = np.load(directory / "logits.npy", allow_pickle=False)
    return found


@pytest.mark.parametrize("make", [render, render_stills])
def test_outputs_are_those_that_the_stills_were_scored_by(tmp_path: Path, make: Any) -> None:
    make(request(tmp_path, *SHORT, LOGITS), Recorder())
    outputs, names = outputs_in(tmp_path), names_in(tmp_path)
    assert (outputs.dtype, outputs.shape) == (np.float32, (4, 1000))
    assert [column["title"] for column in names["columns"]] == [one.title for one in load_emoji_classes()]
    index = json.loads((tmp_path / "atlas.json").read_text(encoding="utf-8"))["classes"]
    for row, name, entry in zip(outputs, names["rows"], index, strict=True):
        assert (name["index"], name["title"], name["still"]) == (entry["index"], entry["title"], entry["still"])
        assert row[entry["index"]] == pytest.approx(entry["logit"], abs=1e-3)
        assert int((row >= row[entry["index"]]).sum()) == entry["rank"]


def test_all_else_is_as_without_them(tmp_path: Path) -> None:
    for name, more in (("with", (LOGITS,)), ("without", ())):
        render(request(tmp_path / name, *more, "stills.fresh=true"), Recorder(), FakeWorker)
    assert results(tmp_path / "with") == results(tmp_path / "without")
    first, second = (load_run(tmp_path / name) for name in ("with", "without"))
    assert first.film_recipe.digest == second.film_recipe.digest
    assert first.still_recipe.digest == second.still_recipe.digest
    assert not (tmp_path / "without" / "logits.npy").exists()


def test_outputs_of_other_stills_do_not_stay(tmp_path: Path) -> None:
    render_stills(request(tmp_path, LOGITS, "stills.steps=2"), Recorder(), FakeWorker)
    render_stills(request(tmp_path, "stills.steps=2"), Recorder(), FakeWorker)
    assert len(outputs_in(tmp_path)) == 4
    told = Recorder()
    render_stills(replace(request(tmp_path, "stills.steps=3"), agree=lambda _text: True), told, FakeWorker)
    assert not (tmp_path / "logits.npy").exists() and not (tmp_path / "logits.json").exists()
    assert any("logits.npy was of other stills, and is removed" in note for note in told.notes)


def test_each_variant_has_a_row_and_is_looked_at_once(tmp_path: Path) -> None:
    worker = FakeWorker(request(tmp_path).settings)
    render_stills(request(tmp_path, LOGITS, "stills.variants=3"), Recorder(), lambda settings: worker)
    rows = names_in(tmp_path)["rows"]
    assert [(row["index"], row["variant"]) for row in rows] == [(i, v) for i in (1, 2, 3, 5) for v in (1, 2, 3)]
    assert worker.looked == len({row["still"] for row in rows}) == 12


def test_a_finished_run_gets_them_later_and_is_asked_no_more(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    worker = FakeWorker(request(tmp_path).settings)
    render(request(tmp_path, LOGITS), Recorder(), lambda settings: worker)
    assert (worker.frames, worker.looked) == (0, 4)
    before = (tmp_path / "logits.npy").read_bytes()

    def refuse(settings: object) -> FakeWorker:
        raise AssertionError("nothing is left to do")

    render(request(tmp_path, LOGITS), Recorder(), refuse)
    assert (tmp_path / "logits.npy").read_bytes() == before


def test_an_interrupted_run_goes_on_to_all_rows(tmp_path: Path) -> None:
    def interrupt(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    render_stills(request(tmp_path / "whole", LOGITS), Recorder(), FakeWorker)
    with pytest.raises(KeyboardInterrupt):
        wanted = request(tmp_path / "run", LOGITS)
        render_stills(wanted, Recorder(), lambda settings: FakeWorker(settings, interrupt))
    render_stills(request(tmp_path / "run", LOGITS), Recorder(), FakeWorker)
    for name in ("logits.npy", "logits.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("lost", ["logits.npy", "logits.json"])
def test_what_is_damaged_or_lost_is_made_again(tmp_path: Path, lost: str) -> None:
    render(request(tmp_path, LOGITS), Recorder(), FakeWorker)
    before = {name: (tmp_path / name).read_bytes() for name in ("logits.npy", "logits.json")}
    (tmp_path / lost).write_bytes(before[lost][:-9])
    render(request(tmp_path, LOGITS), Recorder(), FakeWorker)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_row_goes_with_its_still(tmp_path: Path) -> None:
    render_stills(request(tmp_path, LOGITS, "run.batch=1", "run.seed=1"), Recorder(), FakeWorker)
    rows = names_in(tmp_path)["rows"]
    # As if another still had been dreamed since: only that row is of no use.
    names = json.loads((tmp_path / "logits.json").read_text(encoding="utf-8"))
    names["rows"][2]["digest"] = "0" * 64
    (tmp_path / "logits.json").write_text(json.dumps(names), encoding="utf-8")
    worker = FakeWorker(request(tmp_path).settings)
    wanted = request(tmp_path, LOGITS, "run.batch=1", "run.seed=1")
    render_stills(wanted, Recorder(), lambda settings: worker)
    assert (worker.looked, names_in(tmp_path)["rows"]) == (1, rows)


def test_restart_takes_them_away(tmp_path: Path) -> None:
    render_stills(request(tmp_path, LOGITS), Recorder(), FakeWorker)
    render_stills(request(tmp_path, restart=True), Recorder(), FakeWorker)
    assert not list(tmp_path.glob("logits*"))


def test_text_on_the_stills_and_outputs_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape("logits and overlay")):
        request(tmp_path, LOGITS, "stills.overlay=true")
