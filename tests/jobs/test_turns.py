"""Out of memory halves what a card takes at once: nothing is lost or comes twice, and the pictures are the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Result:
    place: tuple[int, int]


class Card:
    """Has memory for so many pictures; each takes three steps for each of its two results."""

    def __init__(self, room: int, *, fails_at: int = 0) -> None:
        self.room, self._fails_at = room, fails_at
        self.asked: list[list[int]] = []

    def __call__(self, network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[Result]:
        self.asked.append(list(tasks))
        for number in range(2):
            for step in range(3):
                if len(tasks) > self.room and 3 * number + step == self._fails_at:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
                stepped(len(tasks))
            yield from (Result((task, number)) for task in tasks)


def dreamed(turns: Turns, card: Card, count: int) -> tuple[list[tuple[int, int]], int]:
    """The places of all results, and how many steps were told."""
    steps: list[int] = []
    places = [result.place for result in turns.compute(card, tiny_network(), range(count), steps.append)]
    return places, sum(steps)


@pytest.mark.parametrize("fails_at", [0, 2, 3, 5])
def test_what_does_not_fit_is_taken_in_smaller_turns_from_then_on(
    fails_at: int, caplog: pytest.LogCaptureFixture
) -> None:
    card, turns = Card(room=3, fails_at=fails_at), Turns()
    places, steps = dreamed(turns, card, 10)
    assert sorted(places) == [(task, number) for task in range(10) for number in range(2)]
    assert steps == 60
    assert [len(group) for group in card.asked] == [10, 5, 3, 2, 3, 2]
    assert "does not hold 10 pictures at once: from now on it takes up to 5" in caplog.text
    for task in range(10):
        assert places.index((task, 0)) < places.index((task, 1))
    card.asked.clear()
    assert len(dreamed(turns, card, 6)[0]) == 12
    assert [len(group) for group in card.asked] == [3, 3]


def test_what_does_not_fit_alone_is_raised() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        dreamed(Turns(), Card(room=0), 4)


def test_other_errors_are_raised_at_once() -> None:
    def dream(network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[Result]:
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

    def narrow(
        network: Network, recipe: object, tasks: Sequence[object], stepped: Stepped, *rest: object
    ) -> Iterator[object]:
        for number, dreamed_frames in enumerate(original(network, recipe, tasks, stepped, *rest)):  # type: ignore[arg-type]
            if len(tasks) > 1 and number == 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            yield dreamed_frames

    monkeypatch.setattr(local, "dream_segments", narrow)
    halved = frames(settings(batch=16))
    assert halved.keys() == whole.keys() and len(whole) > 2
    for place, frame in whole.items():
        assert np.abs(frame.picture.astype(int) - halved[place].picture).mean() < 1.0
