"""A film and fresh stills in one directory: neither is in the way of the other."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from renderer.common.errors import UserError
from renderer.film.tasks import Still
from renderer.jobs import written_stills
from renderer.jobs.commands import make_page, render, render_stills
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

_STILL = "stills/0002-melting-face.png"
_FRESH, _FRAME = (20, 16), (24, 16)


def _render(directory: Path, *overrides: str) -> FakeWorker:
    worker = FakeWorker(request(directory, *overrides).settings)
    render(request(directory, *overrides), Recorder(), lambda settings: worker)
    return worker


def _stills(directory: Path, *overrides: str) -> FakeWorker:
    worker = FakeWorker(request(directory, *overrides).settings)
    render_stills(request(directory, *overrides), Recorder(), lambda settings: worker)
    return worker


def _size(directory: Path) -> tuple[int, int]:
    with Image.open(directory / _STILL) as picture:
        return picture.size


def test_a_film_goes_on_beside_stills_of_another_recipe(tmp_path: Path) -> None:
    _render(tmp_path)
    frames = results(tmp_path)["frames"]
    assert _size(tmp_path) == _FRAME
    assert _stills(tmp_path, "stills.steps=7").groups
    shown = results(tmp_path)
    assert _size(tmp_path) == _FRESH
    for overrides in ((), ("stills.width=40",)):
        worker = _render(tmp_path, *overrides)
        assert (worker.rounds, worker.groups) == ([], [])
        assert results(tmp_path) == shown
        worker = _stills(tmp_path, "stills.steps=7")
        assert (worker.rounds, worker.groups) == ([], [])
        assert results(tmp_path) == shown
    assert shown["frames"] == frames


def test_stills_come_first_and_a_film_follows(tmp_path: Path) -> None:
    _stills(tmp_path, "stills.steps=7")
    pictures = {name: data for name, data in results(tmp_path).items() if name.endswith(".png")}
    assert len(_render(tmp_path).rounds) == 5
    assert pictures.items() <= results(tmp_path).items()
    assert _stills(tmp_path, "stills.steps=7").groups == []
    make_page(tmp_path)
    assert pictures.items() <= results(tmp_path).items()


def test_fresh_stills_of_another_recipe_are_refused(tmp_path: Path) -> None:
    _stills(tmp_path, "stills.steps=7")
    with pytest.raises(UserError, match=r"stills\.steps: was 7, is 8"):
        _stills(tmp_path, "stills.steps=8")
    with pytest.raises(UserError, match=r"stills\.steps: was 7, is 8"):
        _render(tmp_path, "stills.steps=8", "stills.fresh=true")
    _render(tmp_path, "stills.steps=9")
    for steps in (8, 9):
        with pytest.raises(UserError, match="the stills of 4 of 4 classes would be dreamed anew"):
            _stills(tmp_path, f"stills.steps={steps}")
    assert _stills(tmp_path, "stills.steps=7").groups == []


def test_a_film_of_other_classes_leaves_all_stills(tmp_path: Path) -> None:
    _stills(tmp_path)
    pictures = {name: data for name, data in results(tmp_path).items() if name.endswith(".png")}
    _render(tmp_path, "film.chains=1", "classes.select=[1,2]")
    assert pictures.items() <= results(tmp_path).items()
    assert _stills(tmp_path, "film.chains=1").groups == []


def test_stills_do_not_take_a_films_settings_away_unasked(tmp_path: Path) -> None:
    _render(tmp_path)
    with pytest.raises(UserError, match=r"run\.seed: was 0, is 1"):
        _stills(tmp_path, "run.seed=1")
    assert _render(tmp_path).rounds == []


def test_the_film_steps_in_for_a_fresh_still_that_is_lost(tmp_path: Path) -> None:
    _render(tmp_path)
    whole = results(tmp_path)
    _stills(tmp_path)
    fresh = results(tmp_path)
    (tmp_path / _STILL).unlink()
    _render(tmp_path)
    assert results(tmp_path)[Path(_STILL).name] == whole[Path(_STILL).name]
    assert len(_stills(tmp_path).groups) == 1
    assert results(tmp_path) == fresh


class Unlucky(FakeWorker):
    """Fresh stills of class 2 are taken for another class."""

    def stills(self, *args: Any, **kwargs: Any) -> Iterator[Still]:
        for still in super().stills(*args, **kwargs):
            is_unlucky = still.task.aim.key == "0002"
            yield replace(still, score=replace(still.score, rank=7)) if is_unlucky else still


def test_the_still_of_a_film_is_not_replaced_by_a_worse_one(tmp_path: Path) -> None:
    _render(tmp_path)
    before = (tmp_path / _STILL).read_bytes()
    for expected in ([(1, 0), (2, 0)], []):
        worker = Unlucky(request(tmp_path).settings)
        render_stills(request(tmp_path), Recorder(), lambda settings, worker=worker: worker)
        assert (worker.groups[0] if worker.groups else []) == expected
        assert (tmp_path / _STILL).read_bytes() == before
    with Image.open(next((tmp_path / "stills").glob("0001-*.png"))) as picture:
        assert picture.size == _FRESH
    assert _render(tmp_path).rounds == []
    assert (tmp_path / _STILL).read_bytes() == before


def test_what_no_frame_is_takes_the_place_of_a_frame(tmp_path: Path) -> None:
    """Transparent, or several a class; and where the film's still stays, that is said."""
    for name, more in (("clear", "stills.alpha=true"), ("several", "stills.variants=2"), ("plain", "stills.steps=7")):
        told = Recorder()
        render(request(tmp_path / name, "stills.fresh=true", more), told, Unlucky)
        is_kept = name == "plain"
        assert _size(tmp_path / name) == (_FRAME if is_kept else _FRESH)
        said = "the still of the film stays, of which the network is surer: melting face"
        assert (said in told.notes) == is_kept


def test_a_lost_still_does_not_change_which_one_a_film_keeps(tmp_path: Path) -> None:
    def whole() -> dict[str, bytes]:
        asked = request(tmp_path, "stills.fresh=true")
        render(asked, Recorder(), Unlucky)
        return results(tmp_path)

    before = whole()
    for path in (tmp_path / _STILL, tmp_path / "state" / "still-0002.json"):
        path.unlink()
    assert whole() == before


def test_stills_of_another_network_are_asked_for(tmp_path: Path) -> None:
    one, other = ((f"network={{source: torchvision, name: {name}}}",) for name in ("alexnet", "squeezenet1_1"))
    _stills(tmp_path, *one)
    still = tmp_path / "stills" / "0002-great-white-shark.png"
    before = still.read_bytes()
    with pytest.raises(UserError, match="the stills of 4 of 4 classes would be dreamed anew"):
        _render(tmp_path, *other)
    assert still.read_bytes() == before
    render(replace(request(tmp_path, *other), agree=lambda _text: True), Recorder(), FakeWorker)
    with Image.open(still) as picture:
        assert picture.size == _FRAME


def test_text_comes_on_stills_that_a_film_keeps(tmp_path: Path) -> None:
    _stills(tmp_path, "stills.width=64", "stills.height=64")
    before = (tmp_path / _STILL).read_bytes()
    _render(tmp_path, "stills.overlay=true")
    written = (tmp_path / _STILL).read_bytes()
    assert written != before
    _render(tmp_path)
    assert (tmp_path / _STILL).read_bytes() == before


def test_what_takes_the_place_of_stills_from_the_film_is_said(tmp_path: Path) -> None:
    _render(tmp_path)
    recorder = Recorder()
    render_stills(request(tmp_path), recorder, FakeWorker)
    assert any("4 of them take the place of stills from the film" in note for note in recorder.notes)


def test_what_a_fresh_still_did_not_reach_is_not_tried_again_for_another_text(tmp_path: Path) -> None:
    workers: list[Unlucky] = []

    def whole(*overrides: str) -> None:
        def make(settings: Any) -> Unlucky:
            workers.append(Unlucky(settings))
            return workers[-1]

        render(request(tmp_path, "stills.fresh=true", "stills.overlay=true", *overrides), Recorder(), make)

    whole()
    assert workers.pop().groups
    whole("overlay.position=top")
    assert workers == []


def test_an_interruption_while_text_is_written_loses_no_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stills(tmp_path / "run")
    _stills(tmp_path / "whole", "stills.overlay=true")

    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    # Between the pictures and their record.
    monkeypatch.setattr(written_stills, "remove_facets", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _stills(tmp_path / "run", "stills.overlay=true")
    monkeypatch.undo()
    assert _stills(tmp_path / "run", "stills.overlay=true").groups == []
    assert results(tmp_path / "run") == results(tmp_path / "whole")
