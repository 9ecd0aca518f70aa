"""Text is drawn and frames are encoded beside the dreaming, which waits for neither."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from renderer.film.tasks import Picture
from renderer.jobs.commands import render
from renderer.media.overlay import CaptionWriter
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


def render_tiny(directory: Path, on_frame: Callable[[int], None] = lambda number: None) -> None:
    render(request(directory), Recorder(), lambda settings: FakeWorker(settings, on_frame))


def test_the_dreaming_goes_on_while_text_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, dreamed = CaptionWriter.write, threading.Event()

    def wait(self: CaptionWriter, picture: Picture, *text: Any) -> Picture:
        assert dreamed.wait(30)
        return write(self, picture, *text)

    monkeypatch.setattr(CaptionWriter, "write", wait)
    render_tiny(tmp_path, lambda number: dreamed.set() if number == 9 else None)
    assert dreamed.is_set()


def test_text_that_cannot_be_drawn_ends_the_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Picture:
        raise ArithmeticError("no such letter")

    monkeypatch.setattr(CaptionWriter, "write", fail)
    with pytest.raises(ArithmeticError, match="no such letter"):
        render_tiny(tmp_path)
    assert list((tmp_path / "parts").iterdir()) == []
