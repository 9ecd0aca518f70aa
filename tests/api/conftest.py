"""What tests of the Python interface share."""

import logging
import signal
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


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C is answered, also where the tests run in the background of a shell, which ignores it there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def logging_of_a_caller() -> Iterator[None]:
    """Nobody has asked for our log, also where tests of the command line came before in the same process."""
    logger = logging.getLogger("renderer")
    before = logger.level, logger.propagate, logger.handlers[:]
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.handlers[:] = True, []
    yield
    logger.setLevel(before[0])
    logger.propagate, logger.handlers[:] = before[1], before[2]


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """IPython's shell, which displays things as a notebook does."""
    yield InteractiveShell()
    InteractiveShell.clear_instance()
