"""What a running render shows: nothing is lost of it, and nobody waits for it to be shown."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from renderer.common.progress import Amount
from renderer.jobs import live as live_module
from renderer.jobs.live import Live
from renderer.store.paths import RunPaths
from tests.film_helpers import Recorder

TOTAL = Amount(3, 1, 60)


def in_thread(live: Live, amount: Amount) -> threading.Thread:
    thread = threading.Thread(target=live.advance, args=(amount, ["tench"]), daemon=True)
    thread.start()
    return thread


def is_over(thread: threading.Thread) -> bool:
    thread.join(30)
    return not thread.is_alive()


class SlowBar(Recorder):
    """Shows the first step only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.shows, self.may = threading.Event(), threading.Event()

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        self.shows.set()
        assert self.may.wait(60)
        super().advance(amount, showing)


def test_nobody_waits_for_a_bar_and_it_is_told_of_everything(tmp_path: Path) -> None:
    bar = SlowBar()
    with Live(RunPaths(tmp_path), bar) as live:
        live.begin("frames", total=TOTAL, done=Amount(0, 0))
        showing = in_thread(live, Amount(0, 0, 20))
        assert bar.shows.wait(30)
        assert is_over(in_thread(live, Amount(2, 0, 30)))
        assert bar.done == Amount(0, 0)
        bar.may.set()
        assert is_over(showing)
        assert is_over(in_thread(live, Amount(1, 1, 10)))
        assert bar.told == [Amount(0, 0, 20), Amount(3, 1, 40)]
        live.end()


def test_nobody_waits_for_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes, may, recorder = threading.Event(), threading.Event(), Recorder()

    def write(*_: object, durable: bool) -> None:
        writes.set()
        assert may.wait(60)

    with Live(RunPaths(tmp_path), recorder) as live:
        live.begin("frames", total=TOTAL, done=Amount(0, 0))
        monkeypatch.setattr(live_module, "write_whole", write)
        monkeypatch.setattr(live_module, "_SECONDS_BETWEEN", 0.0)
        writing = in_thread(live, Amount(0, 0, 20))
        assert writes.wait(30)
        assert is_over(in_thread(live, Amount(3, 1, 40)))
        may.set()
        assert is_over(writing)
        live.end()
    assert recorder.done == TOTAL
