"""The scripts that make a film, and measure how much a dreamed one flickers."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from renderer.common.photographs import CAT
from renderer.common.source_film import film_facts
from tests.starts.film_making import drifting, make_film

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(name: str, *arguments: object) -> None:
    sys.argv = [name, *map(str, arguments)]
    runpy.run_path(str(SCRIPTS / name), run_name="__main__")


@pytest.fixture(autouse=True)
def _own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_a_film_is_made_of_photographs(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    run("make_film.py", CAT, film, "--over", CAT, "--size", "64x48", "--seconds", "0.5")
    facts = film_facts(film)
    assert (facts.width, facts.height, facts.frames(20), facts.has_sound) == (64, 48, 10, True)


def test_noise_is_measured_as_flicker_and_motion_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures, rng = drifting(8), np.random.default_rng(0)
    noisy = [(one + rng.integers(-30, 31, one.shape)).clip(0, 255).astype(np.uint8) for one in pictures]
    source, film = make_film(tmp_path / "source.mp4", pictures), make_film(tmp_path / "film.mp4", noisy)
    run("measure_flicker.py", film, "--source", source)
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    dreamed, own = (float(said[name].split()[2].rstrip(",")) for name in ("film", "source"))
    assert own < 0.02 and dreamed > 0.06
