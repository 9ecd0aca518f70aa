"""Whole runs of panoramas: stopped and continued they are the same, players know them, and their text stands ahead."""

from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.media.overlay import CaptionWriter
from renderer.media.standing_text import window_size
from renderer.settings.loading import parse_settings
from renderer.settings.sections import Overlay
from tests.film_helpers import Recorder, request, results
from tests.media.test_spherical import told
from tests.test_saved import Stop, stopping

PANORAMA = (
    "film.projection=equirectangular",
    "film.width=48",
    "film.height=24",
    "film.seconds_per_class=0.5",
    "film.chains=1",
    "classes.select=[1,2]",
    "film.transition=crossfade",
    "dream.octaves=2",
    "dream.fresh_steps=4",
    "dream.steps_per_frame=1",
    "motion.pan=[0.1, 0.2]",
    "run.lose_at_most=0",
)


def test_stopped_and_continued_it_is_the_same_panorama(tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    film = render(request(whole, *PANORAMA), Recorder()).film
    for limit in (3, 7):
        with pytest.raises(Stop):
            render(request(stopped, *PANORAMA), Recorder(), stopping(limit))
    render(request(stopped, *PANORAMA), Recorder())
    assert results(stopped) == results(whole)
    assert film is not None and "Spherical Mapping: equirectangular" in told(film)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("film: {projection: equirectangular, width: 640, height: 480}", ["f.yaml:1: film: ", "640x480", "to 320"]),
        ("film: {projection: equirectangular, width: 641, height: 480}", ["film: ", "width to 960"]),
        ("film: {projection: equirectangular, width: 64, height: 32}\ndream: {preset: maco}", ["dream: ", "fourier"]),
        ("film: {projection: round}", ["f.yaml:1: film.projection: ", "'equirectangular'"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse_settings(text, "f.yaml")
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)


def test_text_stands_straight_ahead() -> None:
    size, overlay = (1024, 512), Overlay(lines=("{title}",), color="#ffffff", outline_width=0)
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    written = CaptionWriter(overlay, size, "equirectangular").write(frame, ("I" * 30,))
    rows, columns = np.nonzero(written[..., 0] > 25)
    latitude, longitude = (rows + 0.5) / 512 * 180 - 90, (columns + 0.5) / 1024 * 360 - 180
    assert latitude.min() > 10 and latitude.max() < 30  # at the bottom of what a player shows at once
    assert longitude.max() == pytest.approx(-longitude.min(), abs=2) and longitude.max() < 45
    # The feet of the letters stand on a straight line of the plane, which is bent in the frame.
    feet = np.degrees(np.arctan(np.tan(np.radians(latitude)) / np.cos(np.radians(longitude))))
    lowest = [feet[columns == column].max() for column in np.unique(columns) if (rows[columns == column]).size > 5]
    assert np.ptp(lowest) < 0.6
    assert window_size(size)[0] > window_size(size)[1] > 100
