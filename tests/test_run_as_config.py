"""The settings that a run keeps, given as CONFIG: they make the same film elsewhere, and nothing by accident."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from renderer.cli import main
from renderer.store.config_files import load_config
from renderer.store.run_file import read_run_file
from tests.fake_worker import FakeWorker
from tests.film_helpers import TINY, frame_digests


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The `run.yaml` of a run that was given another directory than the one named after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "renderer.jobs.local_worker", SimpleNamespace(LocalWorker=FakeWorker))
    Path("tiny.yaml").write_text("dream: {preset: vivid, steps_per_frame: 2}\n")
    sets = [part for override in TINY for part in ("--set", override)]
    assert run("render", "tiny.yaml", *sets, "--output", "runs/first") == 0
    Path("tiny.yaml").unlink()
    return "runs/first/run.yaml"


def test_its_settings_are_those_of_the_run(stored: str) -> None:
    found = load_config(stored)
    assert (found.name, found.settings) == ("tiny", read_run_file(Path(stored)).settings)
    assert found.settings.dream.preset == "vivid" and found.settings.film.width == 24


def test_the_same_film_is_rendered_elsewhere(stored: str) -> None:
    assert run("render", stored, "--output", "runs/second") == 0
    assert frame_digests(Path("runs/second/atlas.mp4")) == frame_digests(Path("runs/first/atlas.mp4"))
    first, second = (read_run_file(Path(f"runs/{name}/run.yaml")) for name in ("first", "second"))
    assert first.fingerprints == second.fingerprints and first.name == second.name
    assert run("render", stored, "--set", "film.width=32", "--output", "runs/wide") == 0
    assert read_run_file(Path("runs/wide/run.yaml")).settings.film.width == 32
    assert read_run_file(Path(stored)).settings.film.width == 24


def test_without_another_place_the_run_itself_goes_on(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    film, page = Path("runs/first/atlas.mp4"), Path("runs/first/index.html")
    before = film.read_bytes()
    page.unlink()
    assert run("render", stored) == 0
    assert page.exists() and film.read_bytes() == before
    assert [path.name for path in Path("runs").iterdir()] == ["first"]


@pytest.mark.parametrize("command", ["render", "stills", "check"])
def test_a_changed_run_needs_a_place(stored: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    assert run(command, stored, "--set", "run.seed=1") == 2
    assert "say with --output where the changed run is to be" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == before


def test_check_classes_and_stills_take_it(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", stored, "--quick") == 0
    assert "runs/first holds a run that can be continued" in capsys.readouterr().out
    assert run("classes", stored, "--set", "classes.limit=2") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run("stills", stored, "--output", "runs/pictures") == 0
    assert len(list(Path("runs/pictures/stills").iterdir())) == 4


def test_a_copy_is_a_configuration_named_after_the_run(stored: str) -> None:
    shutil.copy(stored, "copy.yaml")
    assert run("render", "copy.yaml", "--set", "run.seed=1") == 0
    assert read_run_file(Path("runs/tiny/run.yaml")).settings.run.seed == 1


def test_what_was_changed_by_hand_is_refused(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(stored)
    path.write_text(path.read_text(encoding="utf-8").replace("width: 24", "width: 32"), encoding="utf-8")
    assert run("render", stored, "--output", "runs/second") == 2
    assert "was changed or damaged since a run wrote it" in capsys.readouterr().err
    assert run("render", "runs/first/state/run.yaml", "--output", "runs/second") == 0
    assert read_run_file(Path("runs/second/run.yaml")).settings.film.width == 24


def test_a_preset_that_would_change_nothing_is_refused(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", stored, "--set", "dream.preset=clean", "--output", "runs/second") == 2
    assert "before which a preset would come to nothing" in capsys.readouterr().err


def test_a_directory_is_told_how_its_settings_are_named(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", "runs/first") == 2
    assert f"runs/first is the directory of a run; give {Path(stored)}" in capsys.readouterr().err
