"""What the film's last step would refuse is known before the network is asked for anything."""

import wave
from dataclasses import replace
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.common.ffmpeg import EncodingError
from renderer.jobs.commands import render
from renderer.jobs.preflight import preflight
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

_TOO_LONG = "video.comment=" + "x" * 200


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes less text for the film's metadata than the settings allow."""
    monkeypatch.setattr("renderer.media.joining._LONGEST_ENTRY", 150)


@pytest.mark.usefixtures("short")
def test_a_text_that_is_too_long_is_refused_before_anything_is_dreamed(tmp_path: Path) -> None:
    worker = FakeWorker(request(tmp_path).settings)
    with pytest.raises(UserError, match=r"video\.comment"):
        render(request(tmp_path, _TOO_LONG), Recorder(), lambda settings: worker)
    assert worker.frames == 0
    assert not list(tmp_path.rglob("*.tmp-*"))
    render(request(tmp_path), Recorder(), FakeWorker)


def test_a_join_that_fails_is_known_before_anything_is_dreamed_or_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    before = results(tmp_path)
    worker = FakeWorker(request(tmp_path).settings)
    monkeypatch.setattr("renderer.media.joining._Assembly._uniform_timestamps", lambda film: "no_such_filter")
    with pytest.raises(EncodingError, match="no_such_filter"):
        render(request(tmp_path, restart=True), Recorder(), lambda settings: worker)
    assert worker.frames == 0
    assert results(tmp_path) == before


@pytest.mark.parametrize("name", ["it's", "two\nlines", "no\udcffUTF-8", "100%d #?:"])
def test_a_film_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    outcome = render(request(tmp_path / name), Recorder(), FakeWorker)
    assert outcome.film
    assert outcome.film.exists()
    again = FakeWorker(request(tmp_path).settings)
    render(request(tmp_path / name), Recorder(), lambda settings: again)
    assert again.frames == 0


def test_a_path_that_cannot_be_written_down_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "no\udcffUTF-8"
    folder.mkdir()
    with wave.open(str(folder / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    monkeypatch.chdir(folder)
    wanted = request(Path("run"), "video.audio=sound.wav")
    with pytest.raises(UserError, match=r"video\.audio"):
        render(wanted, Recorder(), FakeWorker)
    found = {finding.name: finding for finding in preflight(wanted, film=True, quick=True)}
    assert found["encoder"].state == "failed"
    with pytest.raises(UserError, match="rename"):
        render(replace(wanted, name="no\udcff"), Recorder(), FakeWorker)
    assert not Path("run").exists()


@pytest.mark.usefixtures("short")
def test_check_tries_the_join_with_the_runs_own_texts(tmp_path: Path) -> None:
    found = {finding.name: finding for finding in preflight(request(tmp_path / "a", _TOO_LONG), film=True, quick=True)}
    assert found["encoder"].state == "failed"
    assert "video.comment" in found["encoder"].text
    found = {finding.name: finding for finding in preflight(request(tmp_path / "no\udcff"), film=True, quick=True)}
    assert found["encoder"].state == "ok"
    assert list(tmp_path.iterdir()) == []
