"""What tests of the Python interface share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

import renderer

TINY_STILLS = {"width": 32, "height": 24, "steps": 4, "retries": 0}
TINY_FILM = {
    "film": {"width": 32, "height": 24, "fps": 4, "seconds_per_class": 1},
    "dream": {"steps_per_frame": 1, "fresh_steps": 2},
    "run": {"segment_seconds": 0.5, "threads": 1},
}


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a folder of its own to be in, and no network that another one has loaded."""
    monkeypatch.chdir(tmp_path)
    yield
    renderer.unload()


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """IPython's shell, which displays things as a notebook does."""
    yield InteractiveShell()
    InteractiveShell.clear_instance()
