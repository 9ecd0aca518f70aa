"""Where dreaming ends early, nothing goes on behind: no encoder, and no worker."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from renderer.film.tasks import Picture, Still
from renderer.jobs import segments, stills
from renderer.jobs.commands import render, render_stills
from renderer.media.encoding import SegmentEncoder
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


class ClosedWorker(FakeWorker):
    """Tells when what it gives is left."""

    closings = 0

    def segments(self, *args: object, **kwargs: object) -> Iterator[object]:  # type: ignore[override]
        return self._told(super().segments(*args, **kwargs))  # type: ignore[arg-type]

    def stills(self, *args: object) -> Iterator[Still]:
        return self._told(super().stills(*args))  # type: ignore[arg-type]

    def _told(self, results: Iterator[object]) -> Iterator[object]:
        try:
            yield from results
        finally:
            self.closings += 1


def encoders() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("encode")]


def left_behind(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if ".tmp-" in path.name]


def test_an_interruption_while_the_last_frame_is_handed_over_leaves_no_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = SegmentEncoder.write, list[SegmentEncoder]()

    def interrupted(self: SegmentEncoder, frame: Picture | Callable[[], Picture]) -> None:
        write(self, frame)
        written.append(self)
        if written.count(self) == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(SegmentEncoder, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path), Recorder(), FakeWorker)
    assert encoders() == [] and left_behind(tmp_path) == []


def test_a_commit_that_has_failed_leaves_no_encoder_of_a_later_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise OSError("no space left")

    def wait(number: int) -> None:
        if number == 15:  # the last of the second segment; the first one is being committed
            assert failed.wait(30)
            time.sleep(0.2)

    monkeypatch.setattr(segments, "save_still", fail)
    with pytest.raises(OSError, match="no space left"):
        render(request(tmp_path, "film.lead_in_seconds=0"), Recorder(), lambda settings: FakeWorker(settings, wait))
    assert encoders() == [] and left_behind(tmp_path) == []


@pytest.mark.parametrize("film", [True, False])
def test_a_worker_dreams_no_further_where_its_results_cannot_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: bool
) -> None:
    worker = ClosedWorker(request(tmp_path).settings)
    seen: list[int] = []

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(segments.SegmentSink, "add", fail)
    monkeypatch.setattr(stills, "note_health", fail)
    monkeypatch.setattr(segments.Commits, "__exit__", lambda *_: seen.append(worker.closings))
    make = render if film else render_stills
    with pytest.raises(OSError, match="no space left") as caught:
        make(request(tmp_path), Recorder(), lambda settings: worker)
    assert caught.tb is not None  # which would keep what runs
    assert worker.closings == 1 and seen == [1] * 2 * film
