"""Films that are directed: values over time and music, from the settings to decoded frames."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.preflight import preflight
from renderer.settings.loading import parse_settings
from renderer.store.index_file import read_index
from tests.fake_worker import FakeWorker
from tests.film_helpers import TINY, Recorder, frame_digests, request, results
from tests.sound.making import clicks, tone, write_wav

NO_DREAM = (
    "film={width: 480, height: 320, seconds_per_class: 3, clean_frames: lossless}",
    "start={kind: picture}",
    "dream={steps_per_frame: 0, fresh_steps: 0, level: {strength: 0}}",
    "classes.select=[3]",
    "overlay.lines=[]",
    "video.codec=ffv1",
)
MOVED = (
    'motion.zoom={0: 1.0, "50%": {value: 1.35, easing: smooth}, 3s: 1.1}',
    'motion.rotate="14 * sin(2 * t) + 5 * class_share"',
    'motion.pan=["0.06 * (t > 1)", {film: {0: 0, "100%": 0.05}}]',
)


def decoded(directory: Path) -> list[np.ndarray]:
    (film,) = directory.glob("atlas.m*")
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def measured(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float, float]:
    """By how much a picture grew, turned (in degrees) and moved on, found in the pixels alone."""
    gray = [cv2.cvtColor(cv2.resize(one, None, fx=2, fy=2), cv2.COLOR_RGB2GRAY) for one in (before, after)]
    points = cv2.goodFeaturesToTrack(gray[0], 400, 0.01, 7)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(*gray, points, None, winSize=(31, 31), maxLevel=4)
    good = found[:, 0] == 1
    (a, _, x), (b, _, y) = cv2.estimateAffinePartial2D(points[good], moved[good], ransacReprojThreshold=1.0)[0]
    return math.hypot(a, b), math.degrees(math.atan2(b, a)), x, y


def test_the_camera_does_the_same_at_12_and_at_50_frames_a_second(tmp_path: Path) -> None:
    grown: dict[int, list[tuple[float, float]]] = {}
    for fps in (12, 50):
        settings = parse_settings("", "film", [*NO_DREAM, *MOVED, f"film.fps={fps}"])
        render(Request("film", settings, tmp_path / str(fps)), Recorder())
        frames = decoded(tmp_path / str(fps))
        assert len(frames) == 3 * fps
        steps = [measured(frames[n * fps // 2], frames[(n + 1) * fps // 2]) for n in range(5)]
        grown[fps] = [(step[0], step[1]) for step in steps]
    for (zoom, turn), (other_zoom, other_turn) in zip(grown[12], grown[50], strict=True):
        assert zoom == pytest.approx(other_zoom, rel=0.01)
        assert turn == pytest.approx(other_turn, abs=0.07)  # of 7 degrees
    # What the curve says: the speeds of each half second, multiplied.
    assert [zoom for zoom, _ in grown[50]] == pytest.approx([1.016, 1.084, 1.148, 1.144, 1.107], abs=0.005)


KEYED = (
    'motion.zoom={0: 1.0, "100%": 1.5}',
    'motion.rotate="20 * sin(t)"',
    'dream.transforms.rotate={film: {0: 5, "100%": 60}}',
    "overlay.opacity={0: 0, 0.5s: {value: 1, easing: smooth}}",
)
_KILLED = """
import os, signal, sys
from pathlib import Path
from renderer.jobs.commands import Request, render
from renderer.settings.loading import parse_settings
from tests.film_helpers import Recorder

class Killing(Recorder):
    def advance(self, amount, showing):
        super().advance(amount, showing)
        if self.done.pictures >= int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

render(Request("tiny", parse_settings("", "tiny", sys.argv[3:]), Path(sys.argv[1])), Killing())
"""


def keyed(sound: Path) -> list[str]:
    own = (f"video.audio={sound}", 'dream.level.contrast="0.1 + 0.1 * audio.level"', "film.fps=6")
    return [*TINY, *KEYED, *own]


def test_killed_and_continued_a_keyframed_film_is_the_same(tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "clicks.wav", clicks(120, 4.0)[0])
    settings = parse_settings("", "tiny", keyed(sound))
    render(Request("tiny", settings, tmp_path / "whole"), Recorder())
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "killed"), "11", *keyed(sound)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    render(Request("tiny", settings, tmp_path / "killed"), Recorder())
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


@pytest.mark.parametrize("tempo", [97, 120])
def test_classes_begin_on_the_beats_of_clicks(tmp_path: Path, tempo: int) -> None:
    sound, times = clicks(tempo, 12.0)
    audio = write_wav(tmp_path / "clicks.wav", sound)
    wanted = request(tmp_path / "run", f"video.audio={audio}", "film.beats_per_class=4", "film.fps=25")
    render(wanted, Recorder(), FakeWorker)
    begins = [entry.start_seconds for entry in read_index(tmp_path / "run" / "atlas.json").classes]
    assert begins[0] == 0
    for begin in begins[1:]:
        nearest = min(times, key=lambda beat: abs(beat - begin))
        assert abs(begin - nearest) <= 1 / 25
    spans = np.diff(begins[1:])
    assert spans == pytest.approx([4 * 60 / tempo] * len(spans), abs=1 / 25)


def test_what_is_heard_can_be_seen(tmp_path: Path) -> None:
    loud, quiet = tone(80, 1.5), np.zeros(round(1.5 * 22_050))
    audio = write_wav(tmp_path / "halves.wav", np.concatenate([quiet, loud]))
    hearing = ('motion.zoom="1 + 2 * audio.low"', "motion.rotate=0", f"video.audio={audio}", "film.fps=12")
    settings = parse_settings("", "film", [*NO_DREAM, *hearing])
    render(Request("film", settings, tmp_path / "run"), Recorder())
    frames = decoded(tmp_path / "run")
    assert measured(frames[2], frames[14])[0] == pytest.approx(1.0, abs=0.01)
    assert measured(frames[24], frames[28])[0] > 1.3


def test_text_follows_its_curve_without_dreaming_again(tmp_path: Path) -> None:
    plain = ("video.codec=ffv1", "overlay.lines=[]")
    render(request(tmp_path / "plain", *plain), Recorder(), FakeWorker)
    shown = ("video.codec=ffv1", "overlay.fade_seconds=0", 'overlay.opacity={0: 0, "50%": {value: 1, easing: hold}}')
    worker = FakeWorker(request(tmp_path / "plain").settings)
    small = ("overlay.small_opacity=0", "overlay.size=0.4")
    render(request(tmp_path / "plain", *shown, *small), Recorder(), lambda settings: worker)
    assert worker.rounds == []
    bare = request(tmp_path / "bare", *plain)
    render(bare, Recorder(), FakeWorker)
    texted, without = (frame_digests(tmp_path / name / "atlas.mkv") for name in ("plain", "bare"))
    assert [n for n in range(10) if texted[n] == without[n]] == [0, 1, 2, 3, 4]


WRONG = {
    'motion.zoom="1 + t"': r"motion\.zoom: 4\.\d\d s into the film, in '.*' is 5\.0.*; it must be from 0\.2 to 5",
    'overlay.opacity="1 / (t - t)"': r"overlay\.opacity: 0\.00 s into the film, .* divides by 0",
    'motion.zoom="1 + audio.low"': r"motion\.zoom: nothing gives audio\.low; name a sound as video\.audio",
    'dream.level.contrast="curves.glow"': r"dream\.level\.contrast: nothing gives curves\.glow; give film\.curves",
}


@pytest.mark.parametrize(("override", "said"), WRONG.items())
def test_a_curve_that_fails_somewhere_in_the_film_is_refused_before_it_begins(
    tmp_path: Path, override: str, said: str
) -> None:
    begun = time.perf_counter()
    with pytest.raises(UserError, match=said):
        render(request(tmp_path / "run", override), Recorder(), FakeWorker)
    assert time.perf_counter() - begun < 5
    assert not (tmp_path / "run").exists()


def test_a_file_of_curves_is_followed_and_a_changed_one_is_noticed(tmp_path: Path) -> None:
    curves = tmp_path / "curves.csv"
    curves.write_text("t,curves.glow\n0,0\n5,1\n")
    wanted = request(tmp_path / "run", f"film.curves={curves}", 'motion.zoom="1 + curves.glow"')
    render(wanted, Recorder(), FakeWorker)
    before = results(tmp_path / "run")
    curves.write_text("t,curves.glow\n0,0\n5,0.5\n")
    with pytest.raises(UserError, match=r"curves\.glow: what is heard is other than when the run was begun"):
        render(wanted, Recorder(), FakeWorker)
    curves.write_text("t,curves.glow\n0,0\n5,1\n")
    render(wanted, Recorder(), lambda settings: pytest.fail("nothing is left to dream"))
    assert results(tmp_path / "run") == before


def test_stills_go_through_the_time_of_their_class(tmp_path: Path) -> None:
    small = ("stills.width=32", "stills.height=24", "stills.steps=6", "stills.retries=0", "classes.select=[3]")
    made = {}
    for name, value in {
        "plain": "0.05",
        "keyed": '{0: 0.05, "100%": 0.05}',
        "late": '{0: 0.05, "80%": 0.05, "90%": 0.5}',
    }.items():
        render_stills(request(tmp_path / name, *small, f"dream.optimizer.learning_rate={value}"), Recorder())
        (still,) = (tmp_path / name / "stills").glob("*.png")
        made[name] = still.read_bytes()
    assert made["plain"] == made["keyed"] != made["late"]


def test_a_class_may_be_shown_for_beats(tmp_path: Path) -> None:
    sound, times = clicks(120, 8.0, first=0.5)
    audio = write_wav(tmp_path / "clicks.wav", sound)
    entries = "classes={order: listed, select: [{select: 1, beats: 3}, {select: 2, beats: 2}, 3]}"
    render(request(tmp_path / "run", f"video.audio={audio}", entries, "film.fps=25"), Recorder(), FakeWorker)
    begins = [entry.start_seconds for entry in read_index(tmp_path / "run" / "atlas.json").classes]
    assert begins == pytest.approx([0, times[2], times[4]], abs=1 / 25)
    with pytest.raises(UserError, match=r"classes\.select: beats: nothing gives beats; name a sound as video\.audio"):
        render(request(tmp_path / "silent", entries), Recorder(), FakeWorker)


def test_a_keyframe_that_no_class_reaches_is_told(tmp_path: Path) -> None:
    def found(zoom: str) -> list[tuple[str, str]]:
        asked = request(tmp_path / "run", f"motion.zoom={zoom}")
        told = preflight(asked, film=True, quick=True, make_worker=FakeWorker)
        return [(finding.state, finding.text) for finding in told if finding.name == "curves"]

    ((state, text),) = found("{0: 1.0, 50: 1.4}")
    assert (
        state == "warning" and "motion.zoom: 50 lies after the end of every class (1.25 s); did you mean 50%?" in text
    )
    ((state, _),) = found('{0: 1.0, "50%": 1.4}')
    assert state == "ok"
