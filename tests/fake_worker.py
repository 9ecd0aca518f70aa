"""A worker without a network: its pictures follow from everything that a real one's may follow from."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from renderer.common.progress import Stepped
from renderer.dream.health import Health
from renderer.film.film_recipe import FilmRecipe
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import NOT_SAVING, Frame, Picture, Saving, SegmentTask, Still, StillTask
from renderer.settings.sections import Settings
from renderer.targets.target import Aim, Guess, Score
from tests.film_helpers import place_of


class FakeWorker:
    """Deterministic pictures that depend on the recipe, the start, the target, the frame and the rest of the batch.

    Attributes:
        rounds: Places of the segments that were asked for, a list for each batch.
        groups: Target numbers and seeds of the stills that were asked for, a list for each batch.
        frames: How many frames have been given.
        looked: How many pictures' outputs have been asked for.
        on_frame: Called before each frame with its number in the worker's life, and before each still.
    """

    devices = 1

    def __init__(self, settings: Settings, on_frame: Callable[[int], None] = lambda number: None) -> None:
        del settings  # Pixels follow from the recipe alone.
        self.on_frame = on_frame
        self.rounds: list[list[str]] = []
        self.groups: list[list[tuple[int, int]]] = []
        self.frames = 0
        self.looked = 0
        self.closed = False

    def segments(
        self,
        recipe: FilmRecipe,
        batches: Sequence[Sequence[SegmentTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
        *,
        score_all: bool,
    ) -> Iterator[Frame]:
        for tasks in batches:
            wanted = {task.segment: task for task in tasks if task.is_wanted}
            begun = [task for task in wanted.values() if not task.begun]
            fresh = [recipe.begins_fresh(task.segment, follows=task.start is not None) for task in begun]
            _climb(recipe.dream.fresh_steps, sum(fresh), stepped)
            for frame in self._batch(recipe, tasks, score_all=score_all):
                _climb(recipe.dream.steps_per_frame, int(frame.segment in wanted), stepped)
                yield frame

    def _batch(self, recipe: FilmRecipe, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        self.rounds.append([place_of(task.segment) for task in tasks])
        aims = [recipe.aims[task.segment.position] for task in tasks]
        others = [aim.key for aim in aims]
        pictures = [self._start(task, *recipe.size) for task in tasks]
        for number in range(max(task.segment.frames for task in tasks)):
            for place, (task, aim) in enumerate(zip(tasks, aims, strict=True)):
                segment = task.segment
                if number < task.begun or number >= segment.frames:
                    continue
                key = (segment.name, segment.first_frame + number, others)
                pictures[place] = _blend(pictures[place], _noise(key, *recipe.size))
                self._count()
                ends = segment.ends_class and number + 1 == segment.frames
                score = fake_score(aim.units[0][0], 0) if ends or score_all else None
                yield Frame(segment, number, pictures[place], Health(steps=1), score)

    def stills(
        self,
        recipe: StillRecipe,
        batches: Sequence[Sequence[StillTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
    ) -> Iterator[Still]:
        for tasks in batches:
            self.groups.append([(task.aim.units[0][0], task.seed) for task in tasks])
            _climb(recipe.stills.steps, len(tasks), stepped)
            others = [task.aim.key for task in tasks]
            for task in tasks:
                self._count()
                apart = [hashlib.sha256(other).hexdigest() for other in task.others]
                picture = _noise((recipe.common_digest, task.seed, task.aim.key, others, apart), *recipe.size)
                score = fake_score(task.aim.units[0][0], task.seed)
                opacity = picture[..., 0] if recipe.stills.alpha else None
                yield Still(task, picture, score, Health(steps=1), score.probability, opacity)

    def score(self, aim: Aim, picture: Picture) -> Score:
        return fake_score(aim.units[0][0], 0)

    def outputs(self, picture: Picture) -> Float[np.ndarray, " outputs"]:
        self.looked += 1
        return np.random.default_rng(int(picture.sum(dtype=np.int64))).standard_normal(1000).astype(np.float32)

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        return np.random.default_rng(0).standard_normal((1000, 4)).astype(np.float32)

    def close(self) -> None:
        self.closed = True

    def _count(self) -> None:
        self.frames += 1
        self.on_frame(self.frames - 1)

    def _start(self, task: SegmentTask, height: int, width: int) -> Picture:
        if task.start is None:
            return np.full((height, width, 3), 128, np.uint8)
        assert task.start.shape == (height, width, 3)
        return task.start


def _climb(steps: int, pictures: int, stepped: Stepped) -> None:
    for _ in range(steps if pictures else 0):
        stepped(pictures)


def fake_score(unit: int, seed: int) -> Score:
    """Class 3 is never recognized, class 5 only with a further seed."""
    recognized = unit not in {3, 5} or (unit == 5 and seed != 0)
    probability = 0.5 + (seed % 1000) / 10000
    top = (Guess(unit, probability), Guess(unit + 1, 0.1))
    return Score(activation=10.0 + unit, probability=probability, rank=1 if recognized else 2, top=top)


def _noise(key: object, height: int, width: int) -> Picture:
    seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big")
    coarse = np.random.default_rng(seed).integers(0, 256, (-(-height // 4), -(-width // 4), 3), dtype=np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]


def _blend(old: Picture, new: Picture) -> Picture:
    return ((old.astype(np.uint16) * 3 + new) // 4).astype(np.uint8)
