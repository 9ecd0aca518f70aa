"""Classes whose gradient cannot be followed: they are named, and their stills dreamed again from another seed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from renderer.dream.health import Health
from renderer.film.film_recipe import FilmRecipe
from renderer.film.tasks import Frame, Still
from renderer.jobs import local_worker as local
from renderer.jobs.commands import Outcome, render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.stills import attempt_seed
from renderer.jobs.worker import note_health
from renderer.networks.network import Preprocessing
from renderer.targets.target import Neuron, Target, class_target
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request
from tests.networks.tiny import network_of, tiny_network

SETTINGS = (
    "stills.steps=16",
    "classes.select=[0,1,2,3,4,5,6]",
    "dream.octaves=1",
    "dream.transforms={crop: [1, 1], scale: [1, 1], rotate: 0, jitter: 0, flip: 0, detail: 0}",
    "dream.regularizers.total_variation=0",
    "dream.optimizer={kind: adam, learning_rate: 0.05}",
)


class Rooted(nn.Module):
    """Seven patterns of colors, and a root whose gradient is not finite for pictures darker than gray."""

    def __init__(self) -> None:
        super().__init__()
        self.patterns = nn.Linear(48, 7, bias=False)
        weights = np.random.default_rng(0).standard_normal((7, 48), dtype=np.float32)
        # Patterns that make nothing darker as a whole.
        self.patterns.weight = nn.Parameter(torch.from_numpy(weights - weights.mean(1, keepdims=True)))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3))[:, None]
        answer: Tensor = self.patterns(adaptive_avg_pool2d(x, 4).flatten(1)) + (mean + mean.abs()).sqrt()
        return answer


@pytest.fixture(autouse=True)
def _rooted(monkeypatch: pytest.MonkeyPatch) -> None:
    gray = Preprocessing(32, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    monkeypatch.setattr(local, "load_network", lambda *_: network_of(Rooted(), tiny_network().classes, gray))


def dream(directory: Path, *overrides: str) -> tuple[Outcome, list[str]]:
    recorder = Recorder()
    outcome = render_stills(request(directory, *SETTINGS, *overrides), recorder, LocalWorker)
    return outcome, recorder.notes


def test_dead_stills_are_dreamed_again_from_another_seed_which_is_recorded(tmp_path: Path) -> None:
    once, notes = dream(tmp_path / "once", "stills.retries=0")
    dead = {int(note.split()[1]) for note in notes if note.endswith("the dream is dead")}
    assert 0 < len(dead) < 7
    again, notes = dream(tmp_path / "again", "stills.retries=8")
    assert {int(note.split()[1]) for note in notes if note.endswith(", and tried again with another seed")} >= dead
    assert not [note for note in notes if note.endswith("the dream is dead")]
    assert not again.unrecognized and {entry.index for entry in once.unrecognized} >= dead
    for before, after in zip(once.index.classes, again.index.classes, strict=True):
        assert before.seed == 0
        assert (after.seed != 0) == (before.index in dead or before.rank != 1)
    index = json.loads((tmp_path / "again" / "atlas.json").read_text())
    assert [entry["seed"] for entry in index["classes"]] == [entry.seed for entry in again.index.classes]


def test_only_classes_are_told_of_as_classes() -> None:
    recorder, lost = Recorder(), Health(steps=4, lost=4)
    note_health(recorder, class_target(7, "cock"), lost)
    note_health(recorder, Target("a.b-0007", Neuron("a.b", 7), 7, "a.b · 7"), lost)
    assert [note.split(":")[0] for note in recorder.notes] == ["class 7 cock", "a.b · 7"]


def test_a_still_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    by_three, _ = dream(tmp_path / "three", "stills.retries=8", "run.batch=3")
    alone, _ = dream(tmp_path / "one", "stills.retries=8", "run.batch=1")
    for one, other in zip(by_three.index.classes, alone.index.classes, strict=True):
        assert (one.index, one.seed, one.rank) == (other.index, other.seed, other.rank)
        assert one.still and other.still
        pictures = [Image.open(run.paths.root / one.still) for run in (by_three, alone)]
        assert np.abs(np.subtract(*(np.array(picture, float) for picture in pictures))).mean() < 2


class _Sickly(FakeWorker):
    """Class 1 is dead with the first seed, and class 2 in the film; class 5 has no gradient in the beginning."""

    def segments(self, recipe: FilmRecipe, *given: Any, **options: Any) -> Iterator[Frame]:
        for frame in super().segments(recipe, *given, **options):
            lost = int(recipe.aims[frame.segment.position].units[0][0] == 2)
            yield replace(frame, health=Health(3, lost=3 * lost))

    def stills(self, *given: Any) -> Iterator[Still]:
        for still in super().stills(*given):
            index = still.task.aim.units[0][0]
            dead = index == 1 and still.task.seed == 0
            score = replace(still.score, probability=1.0) if dead else still.score
            yield replace(still, score=score, health=Health(8, lost=8 * dead, redirected=2 * (index == 5)))


def test_a_dead_dream_is_named_and_tried_again(tmp_path: Path) -> None:
    recorder = Recorder()
    outcome = render_stills(request(tmp_path, "stills.retries=2"), recorder, _Sickly)
    seed = attempt_seed(0, 0, 1)
    assert [entry.seed for entry in outcome.index.classes[:2]] == [seed, 0]
    assert (tmp_path / "stills" / "0001-rolling-on-the-floor-laughing.png").is_file()
    announced, dead, *alive = recorder.notes
    assert announced == "4 stills of 20x16 pixels in 512 steps"
    assert dead.startswith(
        "class 1 rolling on the floor laughing: no usable gradient (0, or not finite) in 8 of 8 steps"
    )
    assert dead.endswith("the dream is dead, and tried again with another seed")
    # Once for each attempt.
    assert alive == ["class 5 zany face: no gradient in 2 of 8 steps (dead activations); redirected past them"] * 2
    again = render_stills(request(tmp_path, "stills.retries=2"), recorder, _Sickly)
    assert again.index == outcome.index


def test_a_dream_that_stays_dead_is_named_and_kept(tmp_path: Path) -> None:
    recorder = Recorder()
    outcome = render_stills(request(tmp_path, "stills.retries=0"), recorder, _Sickly)
    assert outcome.index.classes[0].seed == 0
    assert recorder.notes[1].endswith("the dream is dead")


def test_dead_classes_of_the_film_are_named(tmp_path: Path) -> None:
    recorder = Recorder()
    render(request(tmp_path), recorder, _Sickly)
    assert {note.split(":")[0] for note in recorder.notes} == {"class 2 melting face"}
    assert [note for note in recorder.notes if "in 24 of 24 steps" in note]
