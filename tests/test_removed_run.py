"""A run whose directory is removed while it works: it stops, says why, and leaves nothing in the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from renderer.endings import describe_error
from renderer.jobs.commands import render, render_stills
from renderer.store.held_run import RunRemovedError
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

_ANOTHER = """
import sys
from pathlib import Path
from renderer.jobs.commands import render
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

render(request(Path(sys.argv[1]), "run.seed=4"), Recorder(), FakeWorker)
"""


def _remove(directory: Path) -> None:
    """As `rm -rf` does, again and again where a file has just been written."""
    while directory.exists():
        shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("moment", [0, 3, 11, 22, 30, 39])
def test_it_stops_and_the_same_command_begins_anew(tmp_path: Path, moment: int) -> None:
    directory = tmp_path / "run"

    def remove(number: int) -> None:
        if number == moment:
            _remove(directory)

    with pytest.raises(RunRemovedError, match="removed or moved away") as caught:
        render(request(directory), Recorder(), lambda settings: FakeWorker(settings, remove))
    assert str(directory) in describe_error(caught.value, [])
    assert not directory.exists()
    render(request(directory), Recorder(), FakeWorker)
    assert results(directory)["frames"]


def test_stills_stop_too(tmp_path: Path) -> None:
    directory = tmp_path / "run"

    def remove(number: int) -> None:
        if number == 2:
            _remove(directory)

    with pytest.raises(RunRemovedError):
        render_stills(request(directory), Recorder(), lambda settings: FakeWorker(settings, remove))
    assert not directory.exists()


def test_one_that_was_moved_goes_on_elsewhere(tmp_path: Path) -> None:
    directory, moved = tmp_path / "run", tmp_path / "moved"

    def move(number: int) -> None:
        if number == 30:
            directory.rename(moved)

    with pytest.raises(RunRemovedError):
        render(request(directory), Recorder(), lambda settings: FakeWorker(settings, move))
    assert not directory.exists()
    worker = FakeWorker(request(moved).settings)
    render(request(moved), Recorder(), lambda settings: worker)
    assert worker.rounds == [["0001-000", "0003-000"], ["0001-001", "0003-001"]]


def test_what_was_written_while_it_was_being_removed_is_not_in_the_way(tmp_path: Path) -> None:
    directory = tmp_path / "run"

    def remove(number: int) -> None:
        if number == 30:
            # As if the removal had passed the segments when the first two were committed, and could not go on.
            for path in (directory / "run.yaml", *directory.glob("*.*"), *(directory / "state").iterdir()):
                path.unlink(missing_ok=True)
            (directory / "state").rmdir()

    with pytest.raises(RunRemovedError):
        render(request(directory), Recorder(), lambda settings: FakeWorker(settings, remove))
    assert not directory.exists()


def test_the_run_of_somebody_else_who_began_there_is_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    others: list[dict[str, object]] = []

    def replace(number: int) -> None:
        if number == 30:
            _remove(directory)
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
            subprocess.run([sys.executable, "-c", _ANOTHER, str(directory)], env=environment, check=True)
            others.append(results(directory))

    with pytest.raises(RunRemovedError):
        render(request(directory), Recorder(), lambda settings: FakeWorker(settings, replace))
    assert [results(directory)] == others
