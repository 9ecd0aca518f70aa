"""The local worker: what is asked for comes back, on one device or several, and with scores where they are due."""

from pathlib import Path

import numpy as np
import pytest
import torch

from renderer.common.errors import UserError
from renderer.dream.dreaming import Dream
from renderer.film.timeline import build_timeline
from renderer.jobs import local_worker as local
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.worker import Frame, SegmentTask, StillTask
from renderer.settings.sections import Film, Run, Settings, Stills
from tests.networks.tiny import CLASSES, tiny_network

FILM = Film(width=48, height=32, fps=4.0, seconds_per_class=0.5, chains=3, lead_in_seconds=0.0)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "load_network", lambda *args: tiny_network())


def settings(**run: object) -> Settings:
    return Settings(
        film=FILM,
        dream=Dream(steps_per_frame=1, fresh_steps=2),
        stills=Stills(width=48, height=32, steps=2),
        run=Run(device="cpu").model_copy(update=run),
    )


def tasks() -> list[SegmentTask]:
    first_round = build_timeline(FILM, [0, 1, 2, 3, 4, 5], 10.0).rounds[0]
    return [SegmentTask(segment, None) for segment in first_round]


def frames(given: Settings, *, score_all: bool = False) -> dict[tuple[int, int], Frame]:
    worker = LocalWorker(given)
    found = list(worker.segments(tasks(), score_all=score_all))
    worker.close()
    assert len({(frame.task, frame.number) for frame in found}) == len(found)
    return {(frame.task, frame.number): frame for frame in found}


@pytest.mark.parametrize("run", [{"device": ("cpu", "cpu")}, {"batch": 1}, {"device": ("cpu", "cpu", "cpu", "cpu")}])
def test_devices_and_batches_share_the_tasks_and_change_nothing(run: dict[str, object]) -> None:
    expected, shared = frames(settings()), frames(settings(**run))
    assert set(expected) == set(shared) == {(task, number) for task in range(3) for number in range(2)}
    for place, frame in expected.items():
        assert np.abs(frame.picture.astype(int) - shared[place].picture).mean() < 1.0


def test_the_last_frame_of_a_class_is_scored_and_others_on_request() -> None:
    assert {place for place, frame in frames(settings()).items() if frame.score} == {(0, 1), (1, 1), (2, 1)}
    scored = frames(settings(), score_all=True)
    assert all(frame.score for frame in scored.values())
    first = scored[0, 1].score
    assert first is not None and 1 <= first.rank <= CLASSES and len(first.top) == 5


def test_stills_come_with_their_task_and_score() -> None:
    wanted = [StillTask(4, seed=0), StillTask(5, seed=9)]
    found = list(LocalWorker(settings()).stills(wanted))
    assert [still.task for still in found] == wanted
    assert all(still.picture.shape == (32, 48, 3) and still.score.rank >= 1 for still in found)


def test_an_error_on_one_of_several_devices_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(local, "dream_segments", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(LocalWorker(settings(device=("cpu", "cpu"))).segments(tasks(), score_all=False))


def test_work_on_several_devices_can_be_left_early() -> None:
    stream = LocalWorker(settings(device=("cpu", "cpu"))).segments(tasks(), score_all=False)
    next(stream)
    stream.close()


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this computer has one")
    with pytest.raises(UserError, match=r"run\.device.*cuda:3"):
        LocalWorker(settings(device="cuda:3"))


def test_the_default_device_is_found(tmp_path: Path) -> None:
    assert LocalWorker(settings(device="auto"))._networks


def test_the_output_weights_are_those_of_the_network() -> None:
    assert np.array_equal(LocalWorker(settings()).output_weights(), tiny_network().output_weights())
