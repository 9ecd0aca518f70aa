"""A damaged, lost or changed run.yaml costs nothing while its copy is there, and the other way round."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.display import describe_status
from renderer.jobs.commands import assemble, make_page, render
from renderer.jobs.status import run_status
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results
from tests.record_forging import cut, into_folder


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _nest(path: Path) -> None:
    path.write_bytes(b"a: " + b"[" * 200_000)


def _edit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("fps: 8") == 1
    path.write_text(text.replace("fps: 8", "fps: 7"), encoding="utf-8")


DAMAGES = [
    (_empty, "is empty"),
    (os.unlink, "is gone"),
    (cut, "is damaged"),
    (_nest, "is damaged"),
    (_edit, "was changed by hand; changes there have no effect"),
]


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    render(request(directory), Recorder(), FakeWorker)
    return directory


def _continue(directory: Path, *, restart: bool = False) -> list[str]:
    worker, recorder = FakeWorker(request(directory).settings), Recorder()
    render(request(directory, restart=restart), recorder, lambda settings: worker)
    assert restart or worker.rounds == []
    return recorder.notes


@pytest.mark.parametrize(("damage", "problem"), DAMAGES)
def test_the_copy_takes_its_place_and_mends_it(finished: Path, damage: Callable[[Path], None], problem: str) -> None:
    before, whole = (finished / "run.yaml").read_bytes(), results(finished)
    damage(finished / "run.yaml")
    assert any(f"run.yaml {problem}" in line for line in describe_status(run_status(finished), finished))
    notes = _continue(finished)
    assert [note for note in notes if problem in note]
    assert (finished / "run.yaml").read_bytes() == before
    assert results(finished) == whole
    assert not [note for note in _continue(finished) if "run.yaml" in note]


@pytest.mark.parametrize(("damage", "problem"), DAMAGES)
def test_assemble_and_page_mend_it_too(finished: Path, damage: Callable[[Path], None], problem: str) -> None:
    before, whole = (finished / "run.yaml").read_bytes(), results(finished)
    for command in (assemble, make_page):
        damage(finished / "run.yaml")
        recorder = Recorder()
        command(finished, recorder)
        assert [note for note in recorder.notes if problem in note]
        assert (finished / "run.yaml").read_bytes() == before
        assert results(finished) == whole


@pytest.mark.parametrize(("damage", "problem"), DAMAGES)
def test_the_copy_is_mended_from_the_first(finished: Path, damage: Callable[[Path], None], problem: str) -> None:
    before = (finished / "run.yaml").read_bytes()
    damage(finished / "state" / "run.yaml")
    _continue(finished)
    assert (finished / "run.yaml").read_bytes() == (finished / "state" / "run.yaml").read_bytes() == before


@pytest.mark.parametrize("damage", [_empty, os.unlink])
def test_without_both_it_is_said_what_can_be_done(finished: Path, damage: Callable[[Path], None]) -> None:
    whole = results(finished)
    damage(finished / "run.yaml")
    damage(finished / "state" / "run.yaml")
    for restart in (False, True):
        with pytest.raises(UserError, match=r"without its run\.yaml.*backup"):
            _continue(finished, restart=restart)
    with pytest.raises(UserError, match="holds no run"):
        run_status(finished)
    assert results(finished) == whole


@pytest.mark.parametrize("damage", [cut, _edit])
def test_damage_to_both_leaves_the_restart(finished: Path, damage: Callable[[Path], None]) -> None:
    damage(finished / "run.yaml")
    damage(finished / "state" / "run.yaml")
    for command in (_continue, run_status, make_page):
        with pytest.raises(UserError, match="--restart"):
            command(finished)
    _continue(finished, restart=True)
    assert run_status(finished).is_finished


def test_a_folder_in_its_place_is_the_users_to_move(finished: Path) -> None:
    into_folder(finished / "run.yaml")
    for command in (_continue, run_status, make_page):
        with pytest.raises(UserError, match=r"run\.yaml is to be a file"):
            command(finished)
    with pytest.raises(UserError, match=r"run\.yaml is to be a file"):
        _continue(finished, restart=True)
    (finished / "run.yaml").rmdir()
    assert [note for note in _continue(finished) if "is gone" in note]


def test_a_restart_leaves_no_copy_of_the_run_before(finished: Path) -> None:
    render(request(finished, "film.fps=4", restart=True), Recorder(), FakeWorker)
    (finished / "run.yaml").unlink()
    assert "\n    fps: 4" in (finished / "state" / "run.yaml").read_text(encoding="utf-8")
