"""The estimate of the room that a run takes, against runs whose pictures are as full of detail as dreams."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.film.tasks import Frame, Picture, Still
from renderer.jobs.commands import render, render_stills
from renderer.jobs.disk_space import estimate_bytes
from renderer.store.run import load_run
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

_BLOCK = 4096


class DetailedWorker(FakeWorker):
    """Adds grain, which takes as much room as the details of a dream do."""

    def segments(self, *given: Any, **options: Any) -> Iterator[Frame]:
        for frame in super().segments(*given, **options):
            yield replace(frame, picture=_grainy(frame.picture))

    def stills(self, *given: Any) -> Iterator[Still]:
        for still in super().stills(*given):
            yield replace(still, picture=_grainy(still.picture))


def _grainy(picture: Picture) -> Picture:
    grain = np.random.default_rng(0).normal(0, 8.5, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def _taken(directory: Path) -> int:
    """Bytes on a disk of blocks."""
    sizes = [path.stat().st_size for path in directory.rglob("*") if path.is_file()]
    return sum(-(-size // _BLOCK) * _BLOCK for size in sizes)


@pytest.mark.parametrize(
    "overrides",
    [
        ("film.width=256", "film.height=256", "film.seconds_per_class=1"),
        ("film.width=64", "film.height=48", "classes.select=['0-19']"),
        ("film.width=320", "film.height=180", "film.seconds_per_class=3", "film.chains=1"),
        ("film.width=192", "film.height=192", "video.quality=28"),
        ("film.width=192", "film.height=192", "stills.fresh=true", "stills.width=400", "stills.height=300"),
        *[("film.width=192", "film.height=192", f"video.codec={codec}")
          for codec in ("h265", "av1", "vp9", "prores", "ffv1", "gif", "webp", "png")],
    ],
)  # fmt: skip
def test_a_film_takes_what_was_estimated(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    render(request(tmp_path, *overrides), Recorder(), DetailedWorker)
    taken = _taken(tmp_path)
    assert taken <= estimate_bytes(load_run(tmp_path)) <= 2 * taken


def test_stills_take_what_was_estimated(tmp_path: Path) -> None:
    overrides = ("stills.width=300", "stills.height=400", "classes.select=['0-9']")
    render_stills(request(tmp_path, *overrides), Recorder(), DetailedWorker)
    taken = _taken(tmp_path)
    assert taken <= estimate_bytes(load_run(tmp_path)) <= 2 * taken
