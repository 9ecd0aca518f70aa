"""The schedule gives out every round, loses none when workers are lost, lets nobody wait, and helps stragglers."""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest

from renderer.jobs.schedule import Lease, Schedule


class Played:
    """Workers that take what a schedule gives them, with a clock of their own.

    Attributes:
        now: What time it is.
        rounds: How often each round of each task was reported.
        computed: How often it was computed, also by those who were too late.
        leases: All leases that were given.
        idle: Workers that wait.
    """

    def __init__(
        self,
        schedule: Schedule,
        costs: Sequence[Sequence[float]],
        workers: int,
        seconds: Callable[[int, Lease, int], float] = lambda worker, lease, place: 1.0,
    ) -> None:
        self.schedule, self.costs, self._seconds = schedule, costs, seconds
        self.now, self.rounds, self.computed = 0.0, Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        self.leases: list[Lease] = []
        self.idle: list[int] = []
        self._events: list[tuple[float, int, int, Lease, int]] = []
        self._has: dict[int, Lease] = {}
        self._count = 0
        for worker in range(workers):
            self.ask(worker)

    @property
    def busy(self) -> list[int]:
        return list(self._has)

    def ask(self, worker: int) -> None:
        lease = self.schedule.ask(worker, self.now)
        if lease is None:
            self.idle.append(worker)
            return
        self.leases.append(lease)
        self._has[worker] = lease
        self._begin(worker, lease, lease.first)

    def step(self) -> bool:
        """Let the next round be done; gives whether there was one."""
        if not self._events:
            return False
        self.now, _, worker, lease, place = heapq.heappop(self._events)
        if self._has.get(worker) != lease:
            return True
        self.computed[lease.task, place] += 1
        self.rounds[lease.task, place] += place == self.schedule.done(lease.task)
        goes_on = self.schedule.advanced(lease, self.now)
        if not goes_on:
            self._free([lease])
        elif place + 1 < lease.first + lease.rounds:
            self._begin(worker, lease, place + 1)
        else:
            self._free([lease, *self.schedule.ended(lease, self.now)])
        return True

    def play(self) -> float:
        while self.step():
            assert self.schedule.is_finished or not self.idle or not self.free_tasks()
        return self.now

    def free_tasks(self) -> list[int]:
        open_tasks = {lease.task for lease in self.schedule.open_leases}
        left = [task for task, rounds in enumerate(self.costs) if self.schedule.done(task) < len(rounds)]
        return [task for task in left if task not in open_tasks]

    def kill(self, worker: int) -> Lease | None:
        self.schedule.lost(worker)
        self.idle = [one for one in self.idle if one != worker]
        lease = self._has.pop(worker, None)
        self._wake()
        return lease

    def _begin(self, worker: int, lease: Lease, place: int) -> None:
        self._count += 1
        seconds = self.costs[lease.task][place] * self._seconds(worker, lease, place)
        heapq.heappush(self._events, (self.now + seconds, self._count, worker, lease, place))

    def _free(self, leases: list[Lease]) -> None:
        for lease in leases:
            del self._has[lease.worker]  # type: ignore[arg-type]
        self.idle += [lease.worker for lease in leases]  # type: ignore[misc]
        self._wake()

    def _wake(self) -> None:
        waiting, self.idle = self.idle, []
        for worker in waiting:
            self.ask(worker)


def _random_costs(random: Random, tasks: int, most: int) -> list[list[float]]:
    return [[random.uniform(0.5, 2) for _ in range(random.randint(1, most))] for _ in range(tasks)]


def _bound(costs: Sequence[Sequence[float]], workers: int) -> float:
    return max(*map(sum, costs), sum(map(sum, costs)) / workers)


@pytest.mark.parametrize("seed", range(40))
def test_each_round_is_computed_once_where_nobody_is_lost(seed: int) -> None:
    random = Random(seed)
    costs = _random_costs(random, random.randint(1, 40), 12)
    played = Played(Schedule(costs), costs, random.randint(1, 50))
    played.play()
    assert played.schedule.is_finished
    everything = {(task, place): 1 for task, rounds in enumerate(costs) for place in range(len(rounds))}
    assert played.rounds == played.computed == everything


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_with_workers_that_die_and_come_at_any_moment(seed: int) -> None:
    random = Random(seed)
    costs = _random_costs(random, random.randint(1, 20), 10)
    schedule = Schedule(costs, losses=10**6, start_seconds=random.choice([0, 30]))
    played = Played(schedule, costs, random.randint(1, 25), lambda *_: random.expovariate(1))
    number = 100
    while not schedule.is_finished:
        alive = [*played.busy, *played.idle]
        if alive and random.random() < 0.2:
            stale = played.kill(random.choice(alive))
            if stale:  # what it still reports counts for nothing
                done = schedule.done(stale.task)
                assert not schedule.advanced(stale, played.now)
                assert schedule.ended(stale, played.now) == []
                schedule.failed(stale, "killed")
                assert schedule.done(stale.task) == done
        if random.random() < 0.2 or not (played.busy or played.idle):
            number += 1
            played.ask(number)
        assert not played.idle or not played.free_tasks()
        played.step()
    assert not schedule.hopeless
    assert set(played.rounds.values()) == {1}
    assert len(played.rounds) == sum(map(len, costs))


@pytest.mark.parametrize("seed", range(40))
def test_known_durations_take_hardly_longer_than_they_must(seed: int) -> None:
    random = Random(seed)
    workers = random.randint(2, 20)
    costs = _random_costs(random, random.randint(2, 60), 60)
    longest_round = max(max(rounds) for rounds in costs)
    took = Played(Schedule(costs, workers=workers), costs, workers).play()
    assert _bound(costs, workers) <= took + 1e-9
    assert took <= _bound(costs, workers) * 1.02 + 3 * longest_round


def test_five_strands_on_four_workers_end_together() -> None:
    costs = [[1.0] * 100] * 5
    assert Played(Schedule(costs, workers=4), costs, 4).play() <= 125 + 3  # and not 200


def test_a_task_is_leased_whole_where_there_are_workers_enough() -> None:
    schedule = Schedule([10, 7, 0], workers=2)
    assert schedule.ask("first", 0) == Lease(0, 0, 0, 10, "first")
    assert schedule.ask("second", 0) == Lease(1, 1, 0, 7, "second")
    assert schedule.ask("third", 0) is None


def test_a_task_is_leased_in_slices_where_there_are_more_tasks() -> None:
    schedule = Schedule([100] * 5, workers=4)
    first = schedule.ask("first", 0)
    assert first
    assert first.rounds < 50
    schedule.ended(first, 10)
    second = schedule.ask("first", 10)
    assert second
    assert second.task != first.task  # the longest remainder goes first


def test_what_was_reported_is_not_computed_again() -> None:
    schedule = Schedule([5])
    lease = schedule.ask("first", 0)
    assert lease
    assert schedule.advanced(lease, 1)
    assert schedule.advanced(lease, 2)
    schedule.lost("first")
    assert schedule.ask("second", 3) == Lease(1, 0, 2, 3, "second")


def test_a_whole_lease_is_over_when_workers_are_lost_and_others_would_wait_for_it() -> None:
    costs = [[1.0] * 100] * 4
    played = Played(Schedule(costs, workers=4), costs, 4)
    for _ in range(4 * 20):
        played.step()
    played.kill(3)
    assert played.play() <= 20 + 320 / 3 + 5  # and not 180


def test_who_is_far_behind_is_helped_and_the_loser_called_off() -> None:
    schedule = Schedule([10, 10, 10], workers=3, start_seconds=1)
    quick, other, slow = (schedule.ask(name, 0) for name in ("quick", "other", "slow"))
    assert quick
    assert other
    assert slow
    for second in range(1, 11):
        schedule.advanced(quick, second)
        schedule.advanced(other, second)
    schedule.advanced(slow, 10)
    assert schedule.ended(quick, 10) == []
    helping = schedule.ask("quick", 50)
    assert helping == Lease(3, 2, 1, 9, "quick")
    assert schedule.ended(other, 50) == []
    assert schedule.ask("other", 51) is None  # one is enough
    schedule.advanced(slow, 52)
    assert schedule.ended(helping, 60) == [slow]
    assert schedule.is_finished
    assert not schedule.advanced(slow, 61)


def test_the_double_can_lose() -> None:
    schedule = Schedule([3, 3], workers=2, start_seconds=0)
    quick, slow = schedule.ask("quick", 0), schedule.ask("slow", 0)
    assert quick
    assert slow
    for second in (1, 2, 3):
        schedule.advanced(quick, second)
    schedule.ended(quick, 3)
    double = schedule.ask("quick", 30)
    assert double
    assert schedule.ended(slow, 31) == [double]
    assert schedule.is_finished


def test_a_usual_worker_is_not_doubled() -> None:
    schedule = Schedule([10, 20], workers=2, start_seconds=1)
    long, short = schedule.ask("long", 0), schedule.ask("short", 0)
    assert short
    assert long
    for second in range(1, 11):
        schedule.advanced(short, second)
        schedule.advanced(long, second)
    schedule.ended(short, 10)
    assert schedule.ask("short", 10) is None
    assert schedule.useful_workers(10) == 1


def test_who_stands_still_is_a_straggler_as_time_passes() -> None:
    schedule = Schedule([2, 2], workers=2, start_seconds=0)
    lease, _ = schedule.ask("moves", 0), schedule.ask("stands", 0)
    assert lease
    schedule.advanced(lease, 1)
    schedule.advanced(lease, 2)
    schedule.ended(lease, 2)
    assert schedule.ask("moves", 2) is None
    assert schedule.useful_workers(2) == 1
    assert schedule.useful_workers(60) == 2
    assert schedule.ask("moves", 60)
    assert schedule.useful_workers(60) == 2


def test_it_is_hopeless_when_workers_are_lost_again_and_again_and_nothing_comes() -> None:
    schedule = Schedule([5, 5], losses=3)
    for worker in range(3):
        assert not schedule.hopeless
        assert schedule.ask(worker, 0)
        schedule.lost(worker)
    assert "lost again and again" in schedule.hopeless
    assert schedule.ask(4, 2) is None
    assert schedule.useful_workers(2) == 0


def test_a_file_that_came_gives_hope() -> None:
    schedule = Schedule([5], losses=2)
    for worker in range(10):
        lease = schedule.ask(worker, 0)
        assert lease
        schedule.brought(lease)
        schedule.lost(worker)
    assert not schedule.hopeless


def test_an_error_is_tried_again_elsewhere_and_believed_the_second_time() -> None:
    schedule = Schedule([5, 3], workers=2)
    lease = schedule.ask("first", 0)
    assert lease
    schedule.failed(lease, "boom")
    assert not schedule.hopeless
    other = schedule.ask("first", 1)
    assert other
    assert other.task == 1
    again = schedule.ask("second", 1)
    assert again
    assert again.task == 0
    schedule.failed(again, "boom")
    assert schedule.hopeless == "boom"


def test_an_error_that_passed_is_forgotten() -> None:
    schedule = Schedule([5])
    for _ in range(4):
        lease = schedule.ask("first", 0)
        assert lease
        schedule.advanced(lease, 1)
        schedule.failed(lease, "out of memory")
    assert not schedule.hopeless


def test_nobody_has_two_leases() -> None:
    schedule = Schedule([5, 5])
    schedule.ask("first", 0)
    with pytest.raises(ValueError, match="has a lease"):
        schedule.ask("first", 0)


def test_a_small_batch_that_takes_as_long_as_a_large_one_is_no_straggler() -> None:
    costs = [[16.0] * 20, [16.0] * 10, [1.0] * 20]
    schedule = Schedule(costs, workers=3, start_seconds=0)
    played = Played(schedule, costs, 3, lambda _, lease, place: 1 / costs[lease.task][place])
    assert played.play() == pytest.approx(20)
    assert len(played.leases) == 3
