"""A network of gray pictures dreams in gray: film, fresh pictures and stills, in every parameterization."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from tests.film_helpers import Recorder, request

MODULE = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 4))
"""
NETWORK = {"source": "python", "name": "gray_net:build", "input": {"size": 28, "channels": 1}, "classes": "four.csv"}
SHORT = (
    "film={width: 40, height: 24, fps: 8, seconds_per_class: 0.5, chains: 2, lead_in_seconds: 0.25}",
    "classes.select=all",
    "dream.fresh_steps=8",
    "stills={width: 40, height: 24, steps: 24}",
    "video.codec=ffv1",
    "overlay.lines=[]",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gray_net.py").write_text(MODULE)
    (tmp_path / "four.csv").write_text("index,title\n" + "".join(f"{number},digit {number}\n" for number in range(4)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "gray_net", raising=False)  # that of another test's folder
    return tmp_path


def test_a_film_of_a_gray_network_is_gray(folder: Path) -> None:
    wanted = request(folder / "run", f"network={json.dumps(NETWORK)}", *SHORT)
    render(wanted, Recorder(), LocalWorker)
    with av.open(str(folder / "run" / "atlas.mkv")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 16
    assert all(_is_gray(frame) and frame.std() > 2 for frame in frames)


@pytest.mark.parametrize("kind", ["fourier", "maco", "pixels"])
def test_its_stills_are_gray_and_show_something(folder: Path, kind: str) -> None:
    held = f"dream.parameterization={{kind: {kind}}}"
    wanted = request(folder / kind, f"network={json.dumps(NETWORK)}", held, *SHORT)
    render_stills(wanted, Recorder(), LocalWorker)
    for path in (folder / kind / "stills").glob("*.png"):
        picture = np.asarray(Image.open(path))
        assert _is_gray(picture)
        assert picture.std() > 2


def _is_gray(picture: np.ndarray) -> bool:
    return bool(np.ptp(picture.astype(int), axis=2).max() <= 1)
