"""Out of memory halves what a card takes at once: nothing is lost or comes twice, and the pictures are the same."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from renderer.common.progress import Stepped, unheard
from renderer.jobs import local_worker as local
from renderer.jobs.lanes import Lanes
from renderer.jobs.turns import Turns
from renderer.networks.network import Network
from tests.jobs.test_local_worker import frames, settings
from tests.networks.tiny import tiny_network


class Card:
    """Has memory for so many pictures."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[list[int]] = []

    def __call__(self, network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        self.asked.append(list(tasks))
        if len(tasks) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        yield from tasks


def test_what_does_not_fit_is_taken_in_smaller_turns_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    card, turns = Card(room=3), Turns()
    assert sorted(turns.compute(card, tiny_network(), range(10), unheard)) == list(range(10))
    assert [len(group) for group in card.asked] == [10, 5, 3, 2, 3, 2]
    assert "does not hold 10 pictures at once: from now on it takes up to 5" in caplog.text
    card.asked.clear()
    assert sorted(turns.compute(card, tiny_network(), range(6), unheard)) == list(range(6))
    assert [len(group) for group in card.asked] == [3, 3]


def test_what_does_not_fit_alone_is_raised() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        list(Turns().compute(Card(room=0), tiny_network(), range(4), unheard))


def test_memory_that_runs_out_later_is_raised_for_nothing_is_to_come_twice() -> None:
    def dream(network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        yield tasks[0]
        raise torch.OutOfMemoryError("CUDA out of memory.")

    results = Turns().compute(dream, tiny_network(), range(4), unheard)
    assert next(results) == 0
    with pytest.raises(torch.OutOfMemoryError):
        next(results)


def test_other_errors_are_raised_at_once() -> None:
    def dream(network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        raise ZeroDivisionError
        yield

    with pytest.raises(ZeroDivisionError):
        list(Turns().compute(dream, tiny_network(), range(4), unheard))


def test_the_frames_are_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class CardLanes(Lanes):
        """Lanes of a processor that is taken for a card."""

        def __init__(self, network: Network, threads: int) -> None:
            super().__init__(network, threads)
            self._on_processor = False

    monkeypatch.setattr(local, "Lanes", CardLanes)
    whole = frames(settings(batch=16))
    original = local.dream_segments

    def narrow(network: Network, recipe: object, tasks: Sequence[object], *rest: object) -> Iterator[object]:
        if len(tasks) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return original(network, recipe, tasks, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(local, "dream_segments", narrow)
    halved = frames(settings(batch=16))
    assert halved.keys() == whole.keys() and len(whole) > 2
    for place, frame in whole.items():
        assert np.abs(frame.picture.astype(int) - halved[place].picture).mean() < 1.0
