"""Lanes: errors are told, nobody works for nothing, threads are divided, and only proved copies are used."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from queue import Queue
from threading import Barrier, Event
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from renderer.common.progress import Stepped, unheard
from renderer.jobs import lanes as lanes_module
from renderer.jobs.lanes import Lanes, Together
from renderer.networks.network import Network
from tests.networks.tiny import tiny_network

TASKS = list(range(6))
GROUPS = 3  # of TASKS


@pytest.fixture(autouse=True)
def _threads_stay() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Endless:
    """Groups that give their tasks and then step until they are stopped, or nearly so."""

    def __init__(self, first: Callable[[Sequence[int]], None] = lambda _: None) -> None:
        self.begun: list[Sequence[int]] = []
        self.ended: list[Sequence[int]] = []
        self._first = first

    def __call__(self, network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        self.begun.append(tasks)
        self._first(tasks)
        yield from tasks
        for _ in range(5_000):
            stepped(len(tasks))
            Event().wait(0.001)
        self.ended.append(tasks)


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """The steps that are told; in the end all threads have gone, and none is told any more."""
    before, told = set(threading.enumerate()), list[int]()
    yield told
    assert set(threading.enumerate()) == before
    number = len(told)
    Event().wait(0.05)
    assert len(told) == number


def test_an_error_in_a_lane_ends_the_others_and_is_raised(steps: list[int]) -> None:
    meeting = Barrier(GROUPS, timeout=60)

    def fail(tasks: Sequence[int]) -> None:
        meeting.wait()
        if 1 in tasks:
            raise MemoryError("the second lane")

    dream = Endless(fail)
    with pytest.raises(MemoryError, match="the second lane"):
        list(Lanes(tiny_network(), GROUPS).compute(dream, TASKS, Together(steps.append)))
    assert len(dream.begun) == GROUPS and not dream.ended


def test_work_in_lanes_can_be_left_early(steps: list[int]) -> None:
    dream = Endless()
    stream = Lanes(tiny_network(), GROUPS).compute(dream, TASKS, Together(steps.append))
    assert next(stream) in TASKS
    stream.close()
    assert dream.begun and not dream.ended


def test_a_consumer_that_fails_ends_all_lanes(steps: list[int]) -> None:
    dream = Endless()
    with pytest.raises(OSError, match="the disk is full"):
        for _ in Lanes(tiny_network(), GROUPS).compute(dream, TASKS, Together(steps.append)):
            raise OSError("the disk is full")
    assert dream.begun and not dream.ended


def devices(dream: Any, batches: Sequence[Sequence[int]], together: Together) -> Iterator[int]:
    """Each of several processors computes batches, in two lanes; as the local worker does it."""
    each = [Lanes(tiny_network(), 2) for _ in range(2)]

    def stream(lanes: Lanes) -> Any:
        for batch in batches:
            yield from lanes.compute(dream, batch, together)

    return together.results([stream(one) for one in each])


def test_no_device_begins_another_batch_when_the_work_is_left(steps: list[int]) -> None:
    dream = Endless()
    stream: Any = devices(dream, [TASKS[:4], TASKS[4:], TASKS[4:]], Together(steps.append))
    next(stream)
    stream.close()
    assert [4, 5] not in dream.begun and not dream.ended


def test_an_error_in_a_lane_is_not_lost_behind_results_of_others(steps: list[int]) -> None:
    meeting = Barrier(4, timeout=60)

    def dream(network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        if meeting.wait() == 0:
            raise MemoryError("one of four")
        try:
            for _ in range(5_000):
                stepped(1)
                Event().wait(0.001)
        finally:
            yield from tasks  # after the stop, before the error is seen

    with pytest.raises(MemoryError, match="one of four"):
        list(devices(dream, [TASKS[:4]], Together(steps.append)))


def test_waiting_for_the_others_to_end_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count()

    class Counted(Queue[Any]):
        def get(self, *args: Any, **options: Any) -> Any:
            next(asked)
            return super().get(*args, **options)

        def empty(self) -> bool:
            next(asked)
            return super().empty()

    def dream(network: Network, tasks: Sequence[int], stepped: Stepped) -> Iterator[int]:
        yield from tasks
        Event().wait(0.5)  # a long step
        stepped(1)

    monkeypatch.setattr(lanes_module, "Queue", Counted)
    stream = Lanes(tiny_network(), 2).compute(dream, TASKS, Together(unheard))
    next(stream)
    stream.close()
    assert next(asked) < 50


def used(lanes: Lanes, tasks: Sequence[int]) -> tuple[set[int], set[Network]]:
    """The numbers of threads of the groups, and the networks."""
    numbers, networks = set[int](), set[Network]()

    def dream(network: Network, own: Sequence[int], stepped: Stepped) -> Iterator[int]:
        torch.ones(200_000).exp()
        numbers.add(torch.get_num_threads())
        networks.add(network)
        yield from own

    assert sorted(lanes.compute(dream, tasks, Together(unheard))) == sorted(tasks)
    return numbers, networks


@pytest.mark.parametrize(
    ("threads", "pictures", "each", "side_by_side"),
    [(12, 16, 1, 8), (4, 6, 1, 3), (4, 4, 2, 2), (3, 2, 3, 1), (2, 16, 1, 2), (1, 6, 1, 1)],
)
def test_no_more_threads_compute_than_there_are(threads: int, pictures: int, each: int, side_by_side: int) -> None:
    numbers, networks = used(Lanes(tiny_network(), threads), range(pictures))
    assert numbers == {each} and len(networks) == side_by_side


class Remembering(nn.Module):
    """Answers with what it remembers of its body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = tiny_network()._module
        self.last: Any = None
        self.body.register_forward_hook(self.remembers())

    def remembers(self) -> Any:
        return self.remember  # a method is copied with its module

    def remember(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self.last = output

    def forward(self, x: Tensor) -> Tensor:
        self.body(x)
        answer: Tensor = self.last
        return answer


class NamesItself(Remembering):
    def remembers(self) -> Any:
        return lambda _module, _inputs, output: setattr(self, "last", output)


class Patched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = tiny_network()._module
        self.forward = lambda x: self.body(x).clone()


class SharesNotes(Remembering):
    notes: dict[str, Tensor] = {}  # noqa: RUF012  that is what is wrong with it

    def remember(self, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        self.notes["last"] = output

    def forward(self, x: Tensor) -> Tensor:
        self.body(x)
        return self.notes["last"]


class Uncopied(Remembering):
    def __deepcopy__(self, memo: object) -> None:
        raise TypeError("there can be only one")


@pytest.mark.parametrize("module", [NamesItself, Patched, SharesNotes, Uncopied])
def test_a_network_whose_copy_is_wrong_is_used_alone_and_has_the_threads_of_a_lane(
    module: type[nn.Module], caplog: pytest.LogCaptureFixture
) -> None:
    network = tiny_network(module=module())
    lanes = Lanes(network, 2)
    for _ in range(2):
        assert used(lanes, TASKS) == ({1}, {network})
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_network_that_remembers_is_copied_before_it_remembers(caplog: pytest.LogCaptureFixture) -> None:
    lanes = Lanes(tiny_network(module=Remembering()), 2)
    assert [len(used(lanes, tasks)[1]) for tasks in (TASKS[:2], TASKS)] == [1, 2]
    assert not caplog.records
