"""The figures of a film, on pictures whose figures are known."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from renderer.common.errors import UserError
from renderer.film.motion import Move, move_between
from renderer.film.warp import apply_moves
from renderer.jobs.commands import render
from renderer.settings.sections import Motion, Video
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request
from tests.media.reading import encode, moving_frames

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import measure_film
from measure_film import Shot, difference, find_film, measure, measure_frame, read_frames, trend

HEIGHT, WIDTH = 48, 64


def plain(*color: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), color, np.uint8)


def zoom_film(frames: int, motion: Motion) -> list[np.ndarray]:
    """A texture under the camera's moves at eight frames per second."""
    coarse = torch.rand(1, 3, HEIGHT // 4, WIDTH // 4, generator=torch.Generator().manual_seed(0))
    shown = [torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)]
    for number in range(1, frames):
        shown.append(apply_moves(shown[-1], [move_between(lambda _: motion, (number - 1) / 8, number / 8, frames / 8)]))
    return [(one[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy() for one in shown]


def test_figures_of_a_plain_color() -> None:
    found = measure_frame(plain(200, 100, 50))
    assert found.luminance == pytest.approx((0.2126 * 200 + 0.7152 * 100 + 0.0722 * 50) / 255, abs=1e-5)
    assert found.contrast == pytest.approx(0, abs=1e-5)
    assert found.saturation == pytest.approx(150 / 255, abs=1e-5)
    assert (found.clipped_values, found.clipped_pixels) == (0, 0)


def test_figures_of_black_and_white() -> None:
    frame = plain(0)
    frame[:, : WIDTH // 4] = 255
    found = measure_frame(frame)
    assert found.luminance == pytest.approx(0.25, abs=1e-5)
    assert found.contrast == pytest.approx(np.sqrt(0.25 * 0.75), abs=1e-5)
    assert (found.saturation, found.clipped_values, found.clipped_pixels) == (0, 1, 1)


@pytest.mark.parametrize(
    ("value", "clipped"), [(0, True), (1, True), (2, False), (253, False), (254, True), (255, True)]
)
def test_clipping_counts_values_and_pixels(value: int, clipped: bool) -> None:
    frame = plain(128)
    frame[: HEIGHT // 2, :, 1] = value
    found = measure_frame(frame)
    assert found.clipped_values == pytest.approx(clipped / 6)
    assert found.clipped_pixels == pytest.approx(clipped / 2)


def test_the_trend_is_that_of_a_line() -> None:
    exact = trend([0.2 + 0.001 * place for place in range(101)])
    assert exact.per_100_classes == pytest.approx(0.1 / 0.25)
    assert exact.standard_error == pytest.approx(0, abs=1e-9)
    values = 0.5 + 0.05 * np.random.default_rng(0).standard_normal(200)
    level = trend(list(values))
    expected, covariance = np.polyfit(np.arange(200), values, 1, cov=True)
    assert level.per_100_classes == pytest.approx(100 * expected[0] / values.mean())
    assert level.standard_error == pytest.approx(100 * np.sqrt(covariance[0, 0]) / values.mean())


@pytest.mark.parametrize("motion", [Motion(zoom=1.6, rotate=20), Motion(zoom=0.7), Motion(pan=(0.3, -0.2))])
def test_what_only_moves_with_the_camera_differs_little_when_moved_back(motion: Motion) -> None:
    move = move_between(lambda _: motion, 0, 1 / 8, 1.0)
    for before, after in pairwise(zoom_film(6, motion)):
        assert difference(before, after, move) < 0.1 * difference(before, after)
        assert difference(before, after) > 0.01


def test_differences_are_shares_of_the_range_and_leave_the_border_out() -> None:
    frame = plain(100)
    frame[: HEIGHT // 8], frame[:, -WIDTH // 8 :] = 250, 0
    assert difference(plain(151), frame) == pytest.approx(0.2, abs=1e-4)
    assert difference(plain(151), frame, Move()) == pytest.approx(0.2, abs=1e-4)


def test_classes_are_measured_in_their_second_half() -> None:
    frames = [plain(level) for level in (10, 20, 60, 80, 200, 100, 102)]
    shots = [Shot("a", 0, (None,) * 4), Shot("b", 4, (None,) * 3)]
    found = measure(iter(frames), shots)
    assert [entry["title"] for entry in found["classes"]] == ["a", "b"]
    assert [round(255 * entry["luminance"]) for entry in found["classes"]] == [70, 101]
    assert found["extremes"]["luminance"]["min_frame"] == 0
    assert found["extremes"]["luminance"]["max_frame"] == 4
    assert found["extremes"]["luminance"]["max"] == pytest.approx(200 / 255, abs=1e-4)
    assert found["motion"] == []


def test_class_20_is_compared_with_class_2() -> None:
    frames = [plain(100 + place) for place in range(25)]
    found = measure(iter(frames), [Shot(str(place), place, (None,)) for place in range(25)])
    assert (found["comparison"]["early"], found["comparison"]["late"]) == (2, 20)
    assert found["comparison"]["change"]["luminance"] == pytest.approx(119 / 101 - 1, abs=1e-4)
    assert found["comparison"]["change"]["saturation"] is None
    assert found["trends"]["luminance"]["per_100_classes"] == pytest.approx(100 / 112, abs=1e-3)
    short = measure(iter(frames), [Shot(str(place), place, (None,)) for place in range(5)])
    assert short["comparison"]["late"] == 5


def test_a_film_without_a_run_is_decoded_and_measured(tmp_path: Path) -> None:
    frames = moving_frames(5)
    piece = encode(tmp_path / "film.mkv", frames, 8, Video(codec="ffv1"))
    assert all((a == b).all() for a, b in zip(read_frames(piece.path), frames, strict=True))
    film, shots, has_text = find_film(piece.path)
    assert (film, shots, has_text) == (piece.path, [], False)
    found = measure(read_frames(film), shots)
    assert len(found["frames"]) == 5
    assert found["classes"] == []
    assert found["frames"][3]["contrast"] == pytest.approx(measure_frame(frames[3]).contrast)


@pytest.mark.parametrize(("transition", "pairs"), [("carry", 39), ("reset", 36)])
def test_a_run_is_measured_class_by_class_under_its_own_motion(tmp_path: Path, transition: str, pairs: int) -> None:
    wanted = request(tmp_path, f"film.transition={transition}", "motion.zoom=1.5", "motion.easing=smooth")
    render(wanted, Recorder(), FakeWorker)
    for given in (tmp_path, tmp_path / "atlas.mp4"):
        film, shots, has_text = find_film(given)
        assert film == tmp_path / "atlas.mp4"
        assert has_text
        assert [(shot.start, len(shot.moves)) for shot in shots] == [(0, 10), (10, 10), (20, 10), (30, 10)]
    assert shots[1].moves[3] == move_between(lambda _: wanted.settings.motion, 2 / 8, 3 / 8, 10 / 8)
    found = measure(read_frames(film), shots)
    assert len(found["frames"]) == 40
    assert len(found["motion"]) == pairs
    assert found["motion_summary"]["compensated"]["p95"] >= found["motion_summary"]["compensated"]["mean"] > 0


def test_the_script_prints_and_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    render(request(tmp_path / "run", "overlay.lines=[]"), Recorder(), FakeWorker)
    arguments = ["measure_film.py", str(tmp_path / "run"), "--json", str(tmp_path / "measured.json")]
    monkeypatch.setattr(sys, "argv", arguments)
    measure_film.main()
    said = capsys.readouterr().out
    assert "40 frames, 4 classes" in said
    assert "class 4 against class 2: luminance" in said
    assert "The text over the frames" not in said
    assert len(json.loads((tmp_path / "measured.json").read_text())["frames"]) == 40


def test_a_folder_without_a_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a film nor the directory of a run"):
        find_film(tmp_path)
    with pytest.raises(UserError, match=r"missing\.mp4 is neither"):
        find_film(tmp_path / "missing.mp4")
