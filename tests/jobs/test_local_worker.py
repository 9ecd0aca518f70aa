"""The local worker: what is asked for comes back, on one device or several, and with scores where they are due."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import mobilenetv2

from renderer.common.errors import UserError
from renderer.common.progress import unheard
from renderer.dream.dreaming import Dream
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import Frame, SegmentTask, StillTask, in_batches
from renderer.jobs import local_worker as local
from renderer.jobs.local_worker import LocalWorker
from renderer.networks.network import Network
from renderer.settings.sections import Film, Run, Settings, Stills
from tests.networks.tiny import CLASSES, aims, tiny_network

FILM = Film(width=48, height=32, fps=4.0, seconds_per_class=0.5, chains=3, lead_in_seconds=0.0)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "load_network", lambda *args: tiny_network())


def settings(**run: object) -> Settings:
    return Settings(
        film=FILM,
        dream=Dream(steps_per_frame=1, fresh_steps=2),
        stills=Stills(width=48, height=32, steps=2),
        run=Run(device="cpu", precision="float32", threads=1).model_copy(update=run),
    )


def recipe(given: Settings) -> FilmRecipe:
    return film_recipe(given, aims(0, 1, 2, 3, 4, 5), {})


def batches(given: Settings) -> list[list[SegmentTask]]:
    """The first round, as the plan divides it."""
    first_round = recipe(given).timeline.rounds[0]
    return in_batches([SegmentTask(segment, None) for segment in first_round], given.run.batch)


def worker(given: Settings) -> LocalWorker:
    return LocalWorker(given)


def frames(given: Settings, *, score_all: bool = False) -> dict[tuple[int, int], Frame]:
    made = worker(given)
    found = list(made.segments(recipe(given), batches(given), unheard, score_all=score_all))
    made.close()
    assert len({(frame.segment, frame.number) for frame in found}) == len(found)
    return {(frame.segment.chain, frame.number): frame for frame in found}


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("devices", [2, 4])
def test_the_number_of_devices_changes_no_pixel(batch: int, devices: int) -> None:
    one, several = frames(settings(batch=batch)), frames(settings(batch=batch, device=("cpu",) * devices))
    assert set(one) == set(several) == {(chain, number) for chain in range(3) for number in range(2)}
    for place, frame in one.items():
        assert np.array_equal(frame.picture, several[place].picture)


@pytest.mark.parametrize("transition", ["carry", "crossfade"])
def test_the_number_of_threads_changes_no_pixel_while_there_are_groups_enough(transition: str) -> None:
    film = FILM.model_copy(update={"chains": 6, "transition": transition})
    one, two, copied = (
        frames(settings(batch=16, **run).model_copy(update={"film": film}))
        for run in ({"threads": 1}, {"threads": 2}, {"threads": 2, "device": ("cpu", "cpu")})
    )
    assert len(one) == len(two) == 12
    for place, frame in one.items():
        assert np.array_equal(frame.picture, two[place].picture)
        assert np.array_equal(frame.picture, copied[place].picture)


def test_groups_are_computed_side_by_side_by_networks_that_share_their_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meeting, used = Barrier(2, timeout=60), dict[int, Network]()
    original = local.dream_segments

    def met(network: Network, *rest: object) -> Iterator[list[Frame]]:
        used[id(network)] = network
        meeting.wait()  # passed only if another group is being computed
        yield from original(network, *rest)

    monkeypatch.setattr(local, "dream_segments", met)
    given = settings(batch=16, threads=2).model_copy(update={"film": FILM.model_copy(update={"chains": 4})})
    assert len(frames(given)) == 8
    first, second = used.values()
    pairs = list(zip(first._module.parameters(), second._module.parameters(), strict=True))
    assert first._module is not second._module and all(one is other for one, other in pairs)


def test_a_module_that_cannot_be_copied_is_used_by_one_group_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = tiny_network()._module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.body(x)
            return answer

        def __deepcopy__(self, memo: object) -> None:
            raise TypeError("there can be only one")

    film = FILM.model_copy(update={"chains": 6})
    given = settings(batch=16, threads=2).model_copy(update={"film": film})
    usual = frames(given)
    with torch.random.fork_rng():
        monkeypatch.setattr(local, "load_network", lambda *_: tiny_network(module=Single()))
        assert {place: frame.picture.tobytes() for place, frame in frames(given).items()} == {
            place: frame.picture.tobytes() for place, frame in usual.items()
        }


SHARED: dict[str, torch.Tensor] = {}


def test_a_module_that_keeps_values_elsewhere_between_two_lines_is_used_by_one_group_after_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = tiny_network()._module

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            SHARED["x"] = x
            x = SHARED["x"] * 2
            answer: torch.Tensor = self.body(x)
            return answer

    given = settings(batch=16, threads=2).model_copy(update={"film": FILM.model_copy(update={"chains": 6})})
    with torch.random.fork_rng():
        monkeypatch.setattr(local, "load_network", lambda *_: tiny_network(module=Forgetful()))
        frames(given)
    assert "so groups take turns" in caplog.text


def test_batches_change_no_more_than_rounding() -> None:
    together, apart = frames(settings(batch=3)), frames(settings(batch=1))
    for place, frame in together.items():
        assert np.abs(frame.picture.astype(int) - apart[place].picture).mean() < 1.0


def test_the_last_frame_of_a_class_is_scored_and_others_on_request() -> None:
    assert {place for place, frame in frames(settings()).items() if frame.score} == {(0, 1), (1, 1), (2, 1)}
    scored = frames(settings(), score_all=True)
    assert all(frame.score for frame in scored.values())
    first = scored[0, 1].score
    assert first is not None and first.rank is not None and 1 <= first.rank <= CLASSES and len(first.top) == 5


def test_stills_come_with_their_task_and_score() -> None:
    four, five = aims(4, 5)
    wanted = [StillTask(four, seed=0), StillTask(five, seed=9)]
    found = list(
        worker(settings()).stills(still_recipe(settings(), [four, five], {}), [wanted[:1], wanted[1:]], unheard)
    )
    assert [still.task for still in found] == wanted
    assert all(still.picture.shape == (32, 48, 3) and still.score.rank for still in found)


def test_an_error_on_one_of_several_devices_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(local, "dream_segments", broken)
    given = settings(device=("cpu", "cpu"), batch=1)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(worker(given).segments(recipe(given), batches(given), unheard, score_all=False))


def test_work_on_several_devices_can_be_left_early() -> None:
    given = settings(device=("cpu", "cpu"), batch=1)
    stream = worker(given).segments(recipe(given), batches(given), unheard, score_all=False)
    next(stream)
    stream.close()


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this computer has one")
    with pytest.raises(UserError, match=r"run\.device.*cuda:3"):
        worker(settings(device="cuda:3"))


def test_the_default_device_is_found(tmp_path: Path) -> None:
    assert worker(settings(device="auto")).devices == 1


def test_the_output_weights_are_those_of_the_network() -> None:
    assert np.array_equal(worker(settings()).output_weights(), tiny_network().output_weights())


class Residual(nn.Module):
    """A network with a shortcut, which takes long enough for two to be at work at once."""

    def __init__(self) -> None:
        super().__init__()
        self.block = mobilenetv2.InvertedResidual(3, 3, 1, 6)
        self.body = nn.Sequential(nn.Conv2d(3, 48, 5), nn.SiLU(), nn.Conv2d(48, 48, 5), nn.SiLU())
        self.answer = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.answer(self.body(self.block(x)))
        return answer


def test_each_device_dreams_with_its_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Network] = []
    asked: set[Network] = set()
    original = Network.activations

    def seen(network: Network, *args: Any, **options: Any) -> Any:
        asked.add(network)
        return original(network, *args, **options)

    def load(*_: object) -> Network:
        made.append(residual_network())
        return made[-1]

    monkeypatch.setattr(local, "load_network", load)
    monkeypatch.setattr(Network, "activations", seen)
    dream = Dream(steps_per_frame=2, fresh_steps=2, residual_gradient=0.5)
    one, several = (
        frames(settings(batch=1, device=("cpu",) * count).model_copy(update={"dream": dream})) for count in (1, 3)
    )
    assert asked == set(made) and len(made) == 4
    for place, frame in one.items():
        assert np.array_equal(frame.picture, several[place].picture)


def residual_network(*_: object) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return tiny_network(module=Residual())


def test_twins_have_their_own_share_of_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    used = set[Network]()
    original = local.dream_segments

    def seen(network: Network, *rest: Any) -> Iterator[list[Frame]]:
        used.add(network)
        return original(network, *rest)

    monkeypatch.setattr(local, "load_network", residual_network)
    monkeypatch.setattr(local, "dream_segments", seen)
    film, dream = FILM.model_copy(update={"chains": 4}), Dream(steps_per_frame=2, fresh_steps=2)

    def dreamed(threads: int, share: float) -> dict[tuple[int, int], Frame]:
        own = {"film": film, "dream": dream.model_copy(update={"residual_gradient": share})}
        return frames(settings(batch=16, threads=threads).model_copy(update=own))

    whole, one, two = dreamed(1, 1.0), dreamed(1, 0.3), dreamed(2, 0.3)
    assert len(used) == 4
    for place, frame in one.items():
        assert np.array_equal(frame.picture, two[place].picture)
        assert not np.array_equal(frame.picture, whole[place].picture)


def test_devices_share_the_threads_and_keep_their_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, numbers = Barrier(3, timeout=60), dict[int, int]()

    def met(_network: Network, _recipe: object, tasks: list[SegmentTask], *_: object) -> Iterator[list[Frame]]:
        meeting.wait()  # all have been given their numbers, and none has computed
        torch.ones(200_000).exp()
        numbers[len(tasks)] = torch.get_num_threads()
        yield []

    monkeypatch.setattr(local, "dream_segments", met)
    given = settings(device=("cpu", "cpu"), threads=4)
    task = batches(given)[0][0]
    before = torch.get_num_threads()
    try:
        list(worker(given).segments(recipe(given), [[task] * 4, [task]], unheard, score_all=False))
    finally:
        torch.set_num_threads(before)
    assert numbers == {2: 1, 1: 2}  # two groups of two pictures, beside one of one picture


def test_it_computes_with_as_many_threads_and_in_the_precision_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[torch.dtype] = []

    def load(_settings: object, _device: torch.device, dtype: torch.dtype) -> Network:
        loaded.append(dtype)
        return tiny_network()

    monkeypatch.setattr(local, "load_network", load)
    before = torch.get_num_threads()
    try:
        for precision, threads in (("bfloat16", 3), ("float32", 1)):
            worker(settings(precision=precision, threads=threads))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert loaded == [torch.bfloat16, torch.float32]
