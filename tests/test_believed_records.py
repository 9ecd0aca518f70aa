"""Records are believed of their own run's files only, whatever they say and whatever stands in their place."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from renderer.atlas.sheet import make_sheet
from renderer.common.errors import UserError
from renderer.jobs.commands import make_page, render
from renderer.jobs.status import run_status
from renderer.media.contact_sheet import SheetStyle
from renderer.store.files import digest, size
from renderer.store.lock import holder, locked
from renderer.store.paths import RunPaths
from renderer.store.records import FileRecord, SimilarityRecord, is_intact, read_record, write_record
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, request, results
from tests.record_forging import cut, forge, into_folder, nest


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("whole")
    render(request(directory), Recorder(), FakeWorker)
    return directory


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, beside which lies a file of somebody else."""
    (tmp_path / "victim.txt").write_text("mine")
    return shutil.copytree(whole, tmp_path / "run")


def _continue(directory: Path, *, restart: bool = False) -> tuple[FakeWorker, Recorder]:
    worker, recorder = FakeWorker(request(directory).settings), Recorder()
    render(request(directory, restart=restart), recorder, lambda settings: worker)
    return worker, recorder


def _everything(directory: Path) -> None:
    """All that reads records."""
    run_status(directory)
    make_page(directory, Recorder())
    make_sheet(directory, SheetStyle(columns=None, thumbnail=16, per_page=None, titles=False))
    _continue(directory)


@pytest.mark.parametrize("absolute", [False, True])
def test_a_restart_removes_nothing_outside(finished: Path, absolute: bool) -> None:
    victim = finished.parent / "victim.txt"
    written = str(victim) if absolute else "../victim.txt"
    forge(finished / "state" / "still-0002.json", lambda data: data["still"].update(path=written))
    _continue(finished, restart=True)
    assert victim.read_text() == "mine"


def test_a_restart_removes_nothing_of_the_users_inside(finished: Path) -> None:
    (finished / "stills" / "9999-mine.png").write_text("mine")
    forge(finished / "state" / "still-0002.json", lambda data: data["still"].update(path="stills/9999-mine.png"))
    _continue(finished, restart=True)
    assert (finished / "stills" / "9999-mine.png").read_text() == "mine"


def _files(record: dict[str, Any], part: str) -> dict[str, Any]:
    """What a record says of a file, or of the first of several."""
    told = record[part]
    found: dict[str, Any] = told[0] if isinstance(told, list) else told
    return found


def _speak_of_victim(directory: Path) -> dict[str, Any]:
    victim = directory.parent / "victim.txt"
    return {"path": "../victim.txt", "digest": digest(victim), "size": victim.stat().st_size}


@pytest.mark.parametrize(
    ("record", "part"),
    [
        ("0001-000", "clean"),
        ("0001-000", "picture"),
        ("lead-in-0001", "clean"),
        ("still-0002", "still"),
        ("film", "film"),
    ],
)
def test_a_record_that_speaks_of_another_file_counts_as_damaged(
    finished: Path, whole: Path, record: str, part: str
) -> None:
    path = located(finished, f"state/{record}.json")
    forge(path, lambda data: _files(data, part).update(_speak_of_victim(finished)))
    assert run_status(finished).damaged == (() if record in ("still-0002", "film") else (path.stem,))
    _everything(finished)
    assert results(finished) == results(whole)
    assert "victim" not in (finished / "atlas.json").read_text()


@pytest.mark.parametrize(
    ("record", "change"),
    [
        ("0001-000", {"frames": 7}),
        ("0001-000", {"frames": -8}),
        ("0001-000", {"seconds": float("nan")}),
        ("0001-000", {"seconds": float("inf")}),
        ("film", {"frames": 41}),
        ("film", {"segments": ["0000-000", "0000-000"]}),
        ("film", {"segments": ["nothing"]}),
    ],
)
def test_counts_agree_with_the_film(finished: Path, whole: Path, record: str, change: dict[str, Any]) -> None:
    path = located(finished, f"state/{record}.json")
    forge(path, lambda data: data.update(change))
    status = run_status(finished)
    assert path.stem in status.damaged or status.film_path is None
    _everything(finished)
    assert results(finished) == results(whole)


@pytest.mark.parametrize("target", ["../../victim.txt", "/dev/zero"])
@pytest.mark.parametrize(
    ("record", "part", "name"),
    [
        ("0001-000", "clean", "segments/0001-000.mkv"),
        ("0001-000", "picture", "state/0001-000.png"),
        ("lead-in-0001", "clean", "segments/lead-in-0001.mkv"),
        ("0001-000.part", "part", "parts/0001-000.mp4"),
        ("still-0002", "still", "stills/0002-melting-face.png"),
    ],
)
def test_a_link_is_not_followed(finished: Path, whole: Path, record: str, part: str, name: str, target: str) -> None:
    path, told = located(finished, name), located(finished, f"state/{record}.json")
    path.unlink()
    path.symlink_to(target)
    length = path.stat().st_size
    fitting = {"size": length, "digest": digest(path) if length else ""}
    forge(told, lambda data: _files(data, part).update(fitting))
    assert run_status(finished).damaged == (() if record in ("still-0002", "0001-000.part") else (told.stem,))
    _everything(finished)
    assert results(finished) == results(whole)
    assert path.is_file()
    assert not path.is_symlink()
    assert (finished.parent / "victim.txt").read_text() == "mine"


def test_a_device_is_no_file_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in ("zero", "/dev/zero", "../../../../../../dev/zero", ""):
        assert not is_intact(RunPaths(tmp_path), FileRecord(path=path, digest="", size=0))


def test_the_frames_of_a_film_are_files(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    render(request(directory, "video.codec=png"), Recorder(), FakeWorker)
    frame = directory / "atlas" / "000003.png"
    frame.unlink()
    frame.symlink_to("/dev/zero")
    forge(directory / "state" / "film.json", lambda data: data["film"].update(size=size(frame.parent)))
    assert run_status(directory).film_path is None
    render(request(directory, "video.codec=png"), Recorder(), FakeWorker)
    assert not frame.is_symlink()


@pytest.mark.parametrize("folder", ["stills", "segments", "parts", "state", "thumbs"])
def test_a_folder_that_leads_out_of_the_run_is_refused(finished: Path, folder: str) -> None:
    elsewhere = shutil.copytree(finished / folder, finished.parent / "elsewhere")
    shutil.rmtree(finished / folder)
    (finished / folder).symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())
    for restart in (False, True):
        with pytest.raises(UserError, match="link"):
            _continue(finished, restart=restart)
    with pytest.raises(UserError, match="link"):
        run_status(finished)
    assert sorted(path.name for path in elsewhere.iterdir()) == before


def test_a_link_to_the_run_itself_is_fine(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(finished)
    worker, _ = _continue(tmp_path / "link")
    assert worker.rounds == []
    _continue(tmp_path / "link", restart=True)
    assert results(finished)


@pytest.mark.parametrize("damage", [nest, into_folder, cut])
@pytest.mark.parametrize("record", ["0001-000", "lead-in-0001", "0001-000.part", "still-0002", "film", "similarity"])
def test_what_is_no_record_is_made_again(
    finished: Path, whole: Path, record: str, damage: Callable[[Path], None]
) -> None:
    damage(located(finished, f"state/{record}.json"))
    _everything(finished)
    assert results(finished) == results(whole)


@pytest.mark.parametrize("damage", [nest, into_folder, cut])
def test_a_damaged_record_of_failures_is_ignored(finished: Path, damage: Callable[[Path], None]) -> None:
    failures = finished / "state" / "failures.json"
    failures.write_text("{}")
    damage(failures)
    make_page(finished)
    _continue(finished)
    assert read_record(failures, SimilarityRecord) is None


@pytest.mark.parametrize("damage", [nest, into_folder, cut])
def test_a_page_does_without_a_damaged_evaluation(finished: Path, damage: Callable[[Path], None]) -> None:
    (finished / "evaluation.json").write_text('{"version": 1}')
    damage(finished / "evaluation.json")
    make_page(finished)
    assert "evaluation.json is damaged" in (finished / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [{"network": {}}, {"network": {"source": "torchvision", "name": ["x"]}}])
def test_an_evaluation_that_cannot_be_shown_counts_as_damaged(finished: Path, change: dict[str, Any]) -> None:
    judge = {"network": {"source": "embedded", "name": "x", "weights": None}, "contents": "", "unknown": []}
    judge |= {"figures": [], "pictures": []}
    evaluation = {"version": 1, "network": judge, "judges": [judge | change]}
    (finished / "evaluation.json").write_text(json.dumps(evaluation))
    make_page(finished)
    assert "evaluation.json is damaged" in (finished / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("keys", ["1 2 3", "1 2 3 4", "1 2 3 5 5", ""])
def test_similarity_of_other_classes_is_found_anew(finished: Path, whole: Path, keys: str) -> None:
    good = read_record(whole / "state" / "similarity.json", SimilarityRecord)
    path = finished / "state" / "similarity.json"
    write_record(path, SimilarityRecord(keys=tuple(f"000{key}" for key in keys.split())))
    make_page(finished)
    assert '"similarity":' not in (finished / "index.html").read_text(encoding="utf-8").split("<body", 1)[1]
    located(finished, "segments/0000-000.mkv").unlink()
    _continue(finished)
    assert read_record(path, SimilarityRecord) == good


def test_a_lock_that_is_a_folder_is_the_users_to_mend(finished: Path) -> None:
    into_folder(finished / "state" / "lock")
    with pytest.raises(UserError, match="lock is to be a file"):
        _continue(finished)
    assert run_status(finished).is_finished


def test_a_lock_that_is_a_link_empties_nothing(tmp_path: Path) -> None:
    (tmp_path / "victim.txt").write_text("mine")
    (tmp_path / "state").mkdir()
    lock = tmp_path / "state" / "lock"
    lock.symlink_to("../victim.txt")
    with pytest.raises(UserError, match="lock is to be a file"), locked(lock):
        pass
    assert holder(lock) is None
    assert (tmp_path / "victim.txt").read_text() == "mine"
