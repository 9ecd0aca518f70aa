"""Killed at any instant and continued: the same frames and stills, and hardly anything computed twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.film.film_recipe import FilmRecipe
from renderer.film.tasks import Frame, Picture, SegmentTask
from renderer.jobs import segments
from renderer.jobs.commands import render, render_stills
from renderer.media.pictures import load_picture
from renderer.settings.sections import Settings
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.store.records import SegmentRecord
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, place_of, request, results

_ROUNDS = 5
"""A lead-in and four segments a chain."""


@pytest.fixture(scope="module")
def whole_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    directory = tmp_path_factory.mktemp("whole")
    render(request(directory), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def whole(whole_directory: Path) -> dict[str, object]:
    """Its results."""
    return results(whole_directory)


@pytest.fixture(scope="module")
def whole_stills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Results of fresh stills that nobody interrupted."""
    directory = tmp_path_factory.mktemp("stills")
    render_stills(request(directory), Recorder(), FakeWorker)
    return results(directory)


@pytest.fixture
def finished(whole_directory: Path, tmp_path: Path) -> Path:
    """A copy of a finished run."""
    return shutil.copytree(whole_directory, tmp_path / "run")


def _continue(directory: Path) -> FakeWorker:
    worker = FakeWorker(request(directory).settings)
    render(request(directory), Recorder(), lambda settings: worker)
    return worker


def _stop_at(frame: int) -> Callable[[int], None]:
    def stop(number: int) -> None:
        if number == frame:
            raise KeyboardInterrupt

    return stop


def test_stopped_again_and_again(tmp_path: Path, whole: dict[str, object]) -> None:
    asked: Counter[str] = Counter()
    for frame in (0, 3, 15, 30, 18):
        worker = FakeWorker(request(tmp_path).settings, _stop_at(frame))
        with pytest.raises(KeyboardInterrupt):
            render(request(tmp_path), Recorder(), lambda settings, worker=worker: worker)
        assert worker.closed
        assert not [path for path in tmp_path.rglob("*") if ".tmp-" in path.name]
        asked.update(name for names in worker.rounds for name in names)
    asked.update(name for names in _continue(tmp_path).rounds for name in names)
    assert results(tmp_path) == whole
    # Five interruptions, and each cost the segments of one round.
    assert sum(asked.values()) <= len(asked) + 5 * 2


_KILLED_IN_A_WRITE = """
import os, signal, sys
from pathlib import Path
from renderer.jobs.commands import render
from renderer.store import files
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

flush, left = files._flush, [int(sys.argv[2])]

def killing(path):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    flush(path)

files._flush = killing
render(request(Path(sys.argv[1])), Recorder(), FakeWorker)
"""


def _run_killed(script: str, directory: Path, moment: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script, str(directory), str(moment)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", [1, 4, 6, 8, 14])
def test_killed_in_the_middle_of_a_commit(tmp_path: Path, whole: dict[str, object], moment: int) -> None:
    _run_killed(_KILLED_IN_A_WRITE, tmp_path, moment)
    worker = _continue(tmp_path)
    assert results(tmp_path) == whole
    assert not [path for path in tmp_path.rglob("*") if ".tmp-" in path.name]
    assert len(worker.rounds) <= _ROUNDS


_KILLED_IN_A_FRAME = """
import os, signal, sys
from pathlib import Path
from renderer.jobs.commands import render
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

def kill(number):
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

render(request(Path(sys.argv[1])), Recorder(), lambda settings: FakeWorker(settings, kill))
"""


def test_killed_while_dreaming_costs_one_segment_a_chain(tmp_path: Path, whole: dict[str, object]) -> None:
    # 4 frames of the lead-in, 2 chains of 8 frames and of 2, and 6 frames more.
    _run_killed(_KILLED_IN_A_FRAME, tmp_path, 4 + 16 + 4 + 6)
    worker = _continue(tmp_path)
    assert worker.rounds == [["0001-000", "0003-000"], ["0001-001", "0003-001"]]
    assert results(tmp_path) == whole


def test_the_round_before_is_on_the_disk_once_a_round_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, missing = segments.write_record, list[int]()

    def write_slowly(path: Path, record: SegmentRecord) -> None:
        time.sleep(0.3)
        write(path, record)

    def look(number: int) -> None:
        # Four frames of the lead-in, and 16 of the first round; a quarter of the four frames of the second are given.
        if number > 4 + 16 and not all(located(tmp_path, f"state/000{chain}-000.json").exists() for chain in (0, 2)):
            missing.append(number)

    monkeypatch.setattr(segments, "write_record", write_slowly)
    render(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, look))
    assert missing == []


class OtherMachine(FakeWorker):
    """Gives slightly other pictures, and keeps from where it went on."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.starts: dict[str, Picture | None] = {}

    def _batch(self, recipe: FilmRecipe, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        for frame in super()._batch(recipe, tasks, score_all=score_all):
            yield replace(frame, picture=frame.picture ^ 1)

    def _start(self, task: SegmentTask, height: int, width: int) -> Picture:
        self.starts[place_of(task.segment)] = task.start
        return super()._start(task, height, width)


def test_on_another_machine_a_chain_goes_on_from_what_the_film_shows(finished: Path) -> None:
    for name in ("0002-000", "0000-001", "0002-001"):
        located(finished, f"state/{name}.json").unlink()
    worker = OtherMachine(request(finished).settings)
    render(request(finished), Recorder(), lambda settings: worker)
    assert worker.rounds == [["0000-000", "0002-000"], ["0000-001", "0002-001"]]
    for name in ("0000", "0002"):
        start = worker.starts[f"{name}-001"]
        assert start is not None and np.array_equal(start, load_picture(located(finished, f"state/{name}-000.png")))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [_flip, _cut, Path.unlink])
@pytest.mark.parametrize(
    ("file", "rounds"),
    [
        ("segments/0001-000.mkv", [["0001-000", "0003-000"]]),
        ("parts/0001-000.mp4", []),
        ("state/0001-000.part.json", []),
        ("state/0002-001.png", [["0000-001", "0002-001"]]),
        ("state/0002-001.json", [["0000-001", "0002-001"]]),
        ("segments/lead-in-0001.mkv", [["lead-in-0001"]]),
        ("state/still-0002.json", []),
        ("stills/0002-melting-face.png", []),
        ("atlas.mp4", []),
        ("atlas.vtt", []),
        ("atlas.json", []),
    ],
)
def test_damage_is_found_and_made_good(
    finished: Path, whole: dict[str, object], damage: Callable[[Path], None], file: str, rounds: list[list[str]]
) -> None:
    damage(located(finished, file))
    worker = _continue(finished)
    assert worker.rounds == rounds
    assert results(finished) == whole


def test_a_missing_state_picture_brings_back_the_round_that_made_it_too(
    finished: Path, whole: dict[str, object]
) -> None:
    located(finished, "state/0000-000.png").unlink()
    located(finished, "segments/0000-001.mkv").unlink()
    worker = _continue(finished)
    assert worker.rounds == [["0000-000", "0002-000"], ["0000-001", "0002-001"]]
    assert results(finished) == whole


@pytest.mark.parametrize("damage", [_flip, _cut, Path.unlink])
def test_a_damaged_fresh_still_brings_back_its_group(
    tmp_path: Path, whole_stills: dict[str, object], damage: Callable[[Path], None]
) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    damage(tmp_path / "stills" / "0002-melting-face.png")
    worker = FakeWorker(request(tmp_path).settings)
    render_stills(request(tmp_path), Recorder(), lambda settings: worker)
    assert worker.groups == [[(1, 0), (2, 0)]]
    assert results(tmp_path) == whole_stills


def test_stills_that_are_stopped_go_on(tmp_path: Path, whole_stills: dict[str, object]) -> None:
    worker = FakeWorker(request(tmp_path).settings, _stop_at(3))
    with pytest.raises(KeyboardInterrupt):
        render_stills(request(tmp_path), Recorder(), lambda settings: worker)
    worker = FakeWorker(request(tmp_path).settings)
    render_stills(request(tmp_path), Recorder(), lambda settings: worker)
    assert [group[0][0] for group in worker.groups] == [3, 3]
    assert results(tmp_path) == whole_stills


def test_a_second_process_is_refused(finished: Path) -> None:
    with locked(RunPaths(finished).lock), pytest.raises(UserError, match=f"process {os.getpid()}"):
        _continue(finished)


@pytest.mark.parametrize("what", ["record", "segment", "picture"])
def test_a_film_is_not_made_shorter_by_what_is_removed_while_it_is_rendered(
    tmp_path: Path, whole: dict[str, object], what: str
) -> None:
    paths = RunPaths(tmp_path)
    removed: list[Path] = []

    def remove(_number: int) -> None:
        for record in [path for path in paths.segment_records() if "lead" not in path.name][: 1 - len(removed)]:
            files = {"segment": paths.clean(record.stem), "picture": paths.picture(record.stem)}
            path = files.get(what, record)
            path.unlink()
            removed.append(path)

    with pytest.raises(UserError, match=r"000\d-00\d-.*removed or damaged while the film was rendered.*run the same"):
        render(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, remove))
    assert not paths.film_record.exists()
    render(request(tmp_path), Recorder(), FakeWorker)
    assert results(tmp_path) == whole
