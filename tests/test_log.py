"""The log of a run, and `--verbose`."""
# ruff: noqa: F401, F811  a fixture

import logging
import os
from pathlib import Path

import pytest

from tests.fake_worker import FakeWorker
from tests.film_helpers import names
from tests.test_cli import config, run, use_worker

LOG = Path("runs/tiny/state/log.txt")


def test_the_log_tells_what_was_done(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", config) == 0
    said, log = capsys.readouterr(), LOG.read_text()
    for text in ("render tiny.yaml", '"seconds_per_class": 1.25', "torch ", "machine: ",
                 f"segment {names(LOG.parents[1])['0003-001']} is whole",
                 "round begins: 0001-000-", "round ends", "still 0002-melting-face.png is whole",
                 "the film is whole: atlas.mp4", "exit code 0"):  # fmt: skip
        assert text in log
    assert "is whole" not in said.err
    assert run("assemble", "runs/tiny", "--verbose") == 0
    assert "neuron-atlas assemble runs/tiny" in capsys.readouterr().err
    assert LOG.read_text().startswith(log)


def test_an_error_has_its_traceback_in_the_log_alone(
    config: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(number: int) -> None:
        raise ZeroDivisionError("a bug")

    use_worker(monkeypatch, lambda settings: FakeWorker(settings, fail))
    assert run("--verbose", "render", config) == 1
    said = capsys.readouterr().err
    assert said.count("a bug") == 1
    assert "Traceback" not in said
    assert "ZeroDivisionError: a bug" in LOG.read_text().split("Traceback")[1]


def test_warnings_are_said_once(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(number: int) -> None:
        if number == 1:
            logging.getLogger("renderer.networks.twins").warning("groups take turns")

    use_worker(monkeypatch, lambda settings: FakeWorker(settings, warn))
    assert run("render", config) == 0
    assert capsys.readouterr().err.count("groups take turns") == 1
    (Path("runs/tiny") / "index.html").write_text("broken")
    assert run("render", config) == 0
    said = capsys.readouterr().err
    assert said.count("damaged or missing: the page") == 1
    assert "groups take turns" in LOG.read_text() and "the page index.html" in LOG.read_text()


def test_the_log_is_bounded(config: str) -> None:
    assert run("render", config) == 0
    for letter in "ab":
        LOG.write_text(letter * 1_100_000)
        assert run("render", config) == 0
        assert LOG.stat().st_size < 100_000
        assert LOG.with_name("log-old.txt").read_text() == letter * 1_100_000


def test_restart_removes_the_log(config: str) -> None:
    assert run("render", config) == 0
    LOG.with_name("log-old.txt").write_text("old")
    LOG.write_text("before\n" + LOG.read_text())
    assert run("render", config, "--restart") == 0
    assert not LOG.with_name("log-old.txt").exists()
    assert "before" not in LOG.read_text()


def test_a_log_is_no_foreign_file(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A render that ends before it has begun leaves nothing else."""
    with monkeypatch.context() as patch:
        patch.setattr("renderer.media.joining._LONGEST_ENTRY", 10)
        assert run("render", config, "--set", "video.comment=much too long") == 2
    assert LOG.exists()
    assert run("render", config) == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a link")
@pytest.mark.parametrize("target", ["/dev/full", "nowhere/at/all"])
def test_a_log_that_cannot_be_written_stops_nothing(config: str, target: str) -> None:
    LOG.parent.mkdir(parents=True)
    LOG.symlink_to(target)
    assert run("render", config) == 0
    LOG.unlink()
    LOG.mkdir()
    assert run("render", config) == 0


def test_a_folder_of_somebody_elses_gets_no_log(config: str) -> None:
    Path("photos/state").mkdir(parents=True)
    Path("photos/state/mine.txt").touch()
    assert run("render", config, "-o", "photos") == 2
    assert [path.name for path in Path("photos").rglob("*")] == ["state", "mine.txt"]
