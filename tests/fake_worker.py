"""A worker without a network: its pictures follow from everything that a real one's may follow from."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float

from renderer.dream.health import Health
from renderer.jobs.worker import Frame, Picture, SegmentTask, Still, StillTask
from renderer.settings.sections import Settings
from renderer.targets.target import Guess, Score


class FakeWorker:
    """Deterministic pictures that depend on the start, the class, the frame and the company in the batch.

    Attributes:
        rounds: Names of the segments that were asked for, a list for each call.
        groups: Class indices and seeds of the stills that were asked for, a list for each call.
        frames: How many frames have been given.
        on_frame: Called before each frame with its number in the worker's life, and before each still.
    """

    def __init__(self, settings: Settings, on_frame: Callable[[int], None] = lambda number: None) -> None:
        self._settings = settings
        self.on_frame = on_frame
        self.rounds: list[list[str]] = []
        self.groups: list[list[tuple[int, int]]] = []
        self.frames = 0
        self.closed = False

    def segments(self, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        self.rounds.append([task.segment.name for task in tasks])
        company = [task.segment.class_index for task in tasks]
        film = self._settings.film
        pictures = [self._start(task, film.height, film.width) for task in tasks]
        for number in range(max(task.segment.frames for task in tasks)):
            for place, task in enumerate(tasks):
                segment = task.segment
                if number >= segment.frames:
                    continue
                key = (self._settings.run.seed, segment.class_index, segment.first_frame + number, company)
                pictures[place] = _blend(pictures[place], _noise(key, film.height, film.width))
                self._count()
                ends = segment.ends_class and number + 1 == segment.frames
                score = fake_score(segment.class_index, 0) if ends or score_all else None
                yield Frame(place, number, pictures[place], score, Health(steps=1))

    def stills(self, tasks: Sequence[StillTask]) -> Iterator[Still]:
        self.groups.append([(task.class_index, task.seed) for task in tasks])
        company = [task.class_index for task in tasks]
        settings = self._settings.stills
        for task in tasks:
            self._count()
            picture = _noise((task.seed, task.class_index, company), settings.height, settings.width)
            yield Still(task, picture, fake_score(task.class_index, task.seed), Health(steps=1))

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


def fake_score(class_index: int, seed: int) -> Score:
    """Class 3 is never recognized, class 5 only with a further seed."""
    recognized = class_index not in {3, 5} or (class_index == 5 and seed != 0)
    probability = 0.5 + (seed % 1000) / 10000
    top = (Guess(class_index, probability), Guess(class_index + 1, 0.1))
    return Score(logit=10.0 + class_index, probability=probability, rank=1 if recognized else 2, top=top)


def _noise(key: object, height: int, width: int) -> Picture:
    seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "big")
    coarse = np.random.default_rng(seed).integers(0, 256, (-(-height // 4), -(-width // 4), 3), dtype=np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]


def _blend(old: Picture, new: Picture) -> Picture:
    return ((old.astype(np.uint16) * 3 + new) // 4).astype(np.uint8)
