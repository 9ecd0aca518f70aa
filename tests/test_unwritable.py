"""Outputs that cannot be written: one message that names the path and the remedy, before anything is dreamed."""

import errno
from pathlib import Path

import pytest

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.endings import describe_error
from renderer.jobs.commands import render_stills
from renderer.store import outputs
from renderer.store.outputs import refuse_unwritable
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs of stills in the current folder, and a file that stands in the way."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        render_stills(request(tmp_path / name), Recorder(), FakeWorker)
    (tmp_path / "file").touch()
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "render quickstart --output file/run",
        "stills quickstart --output file/run",
        "sheet a --output file/sheet.png",
        "compare a b --output file/both",
    ],
)
def test_a_place_below_a_file_is_refused(runs: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("Error: file") and f"{runs / 'file'} is a file; choose another place with --output" in said
    assert said.count("\n") == 1


def test_check_finds_it_too(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "quickstart", "--quick", "--output", "file/run"])
    assert "failed   output    file/run cannot be made" in capsys.readouterr().out


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOENT])
def test_what_the_system_refuses_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(**_: object) -> str:
        raise OSError(number, "as it is")

    monkeypatch.setattr(outputs, "mkdtemp", refuse)
    with pytest.raises(UserError) as error:
        refuse_unwritable(tmp_path / "new" / "run")
    said = str(error.value)
    assert f"{tmp_path / 'new' / 'run'}: nothing can be written to {tmp_path} (as it is)" in said
    assert "--output" in said and "Errno" not in said


def test_nothing_is_left_where_something_can_be_written(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "a" / "b")
    refuse_unwritable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_system_name_the_file_and_no_number() -> None:
    said = describe_error(PermissionError(errno.EACCES, "Permission denied", "runs/a/atlas.mp4"), [])
    assert said.startswith("Error: runs/a/atlas.mp4: permission denied; ") and "Errno" not in said
