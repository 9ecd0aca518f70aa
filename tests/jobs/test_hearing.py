"""Where the beats come from by which a film is divided: curves of the user's own, else the sound that goes with it."""

from itertools import pairwise
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.common.photographs import CAT
from renderer.jobs.commands import render
from renderer.jobs.hearing import beats_of
from renderer.store.run import load_run
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, tiny_settings

BEATS = "film.beats_per_class=2"


@pytest.fixture
def curves(tmp_path: Path) -> Path:
    """Four beats in two seconds."""
    path = tmp_path / "curves.csv"
    path.write_text("t,beats\n0,0\n1,2\n2,4\n")
    return path


def test_a_film_follows_the_beats_of_its_curves(tmp_path: Path, curves: Path) -> None:
    render(request(tmp_path / "run", BEATS, f"film.curves={curves}", "film.fps=10"), Recorder(), FakeWorker)
    curves.unlink()  # What is there is known without them.
    timeline = load_run(tmp_path / "run").timeline
    begins = {segment.position: segment.start_frame for segment in timeline.segments if segment.first_frame == 0}
    assert begins == {0: 0, 1: 10, 2: 20, 3: 30}
    assert timeline.frames == 40


def test_curves_go_before_the_sound(curves: Path) -> None:
    beats = beats_of(tiny_settings(BEATS, f"film.curves={curves}", f"video.audio={curves.parent / 'gone.wav'}"))
    assert list(beats(1.2)) == pytest.approx([0.0, 0.5, 1.0], abs=0.02)


def test_curves_without_beats_leave_them_to_the_sound(curves: Path) -> None:
    curves.write_text("t,curves.own\n0,0\n1,1\n")
    without = f"film.curves={curves}"
    with pytest.raises(UserError, match=r"curves\.csv has no column beats; name a sound as video\.audio"):
        beats_of(tiny_settings(BEATS, without))
    pytest.importorskip("librosa")
    beats = list(beats_of(tiny_settings(BEATS, without, f"video.audio={CAT.with_name('music.ogg')}"))(6))
    # The music that comes along has 100 beats a minute.
    assert [after - before for before, after in pairwise(beats)] == pytest.approx([0.6] * 9, abs=0.1)


def test_curves_that_cannot_be_read_are_named_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"film\.curves: .*gone\.csv"):
        beats_of(tiny_settings(BEATS, f"film.curves={tmp_path / 'gone.csv'}"))
