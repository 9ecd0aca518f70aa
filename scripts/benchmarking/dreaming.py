"""Stills and films through the worker of a render: all up to 8 bits, but no text and no files."""

from collections import deque

import numpy as np

from benchmarking.options import Case
from benchmarking.subject import Subject
from renderer.dream.health import Health
from renderer.dream.randomness import PictureKey
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import Picture, SegmentTask, StillTask
from renderer.jobs.local_worker import LocalWorker
from renderer.settings.sections import Settings

_FPS = 25
_KEPT = 16
_LEAST_FRAMES = 3  # a segment is not shorter than a tenth of a second


class _Counted:
    """Counts passes, and those steps whose gradient had to be mended, which cost more."""

    def __init__(self, views: int) -> None:
        self._views, self.passes = views, 0
        self.health = Health()

    def stepped(self, pictures: int) -> None:
        self.passes += pictures * self._views

    def add(self, health: Health) -> None:
        self.health = self.health + health

    @property
    def mended(self) -> float:
        """Share of the steps."""
        health = self.health
        return (health.redirected + health.recomputed + health.lost) / max(1, health.steps)


class Film(_Counted):
    """Frames of as many chains as the batch has; each turn goes on where the one before has ended."""

    least = _LEAST_FRAMES

    def __init__(self, subject: Subject, worker: LocalWorker, case: Case, precision: str | None) -> None:
        self._subject, self._worker, self._case, self._precision = subject, worker, case, precision
        self.settings, recipe = self.settings_for(self.least), self.recipe(self.least)
        super().__init__(recipe.dream.transforms.views)
        self.pictures = [_first_picture(recipe, position) for position in range(case.batch)]
        self.shown = deque([self.pictures[0]], maxlen=_KEPT)  # the last frames of the first chain

    def recipe(self, frames: int) -> FilmRecipe:
        """What those frames are made from."""
        return film_recipe(self.settings_for(frames), self._subject.targets(self._case.batch), {})

    def settings_for(self, frames: int) -> Settings:
        """A film whose first segments have so many frames; no class ends with them, since that is seldom."""
        case, seconds = self._case, frames / _FPS
        film = {"width": case.width, "height": case.height, "chains": case.batch, "fps": _FPS}
        length = {"seconds_per_class": 2 * seconds, "lead_in_seconds": 0.0}
        run = {"batch": case.batch, "segment_seconds": seconds}
        return self._subject.settings(self._precision, film=film | length, run=run)

    def make(self, amount: int) -> int:
        """Dreams so many frames of each chain."""
        recipe, before = self.recipe(amount), self.passes
        tasks = [
            SegmentTask(segment, picture)
            for segment, picture in zip(recipe.timeline.rounds[0], self.pictures, strict=True)
        ]
        for frame in self._worker.segments(recipe, [tasks], self.stepped, score_all=False):
            self.pictures[frame.segment.chain] = frame.picture
            if not frame.segment.chain:
                self.shown.append(frame.picture)
            self.add(frame.health)
        return self.passes - before


class Stills(_Counted):
    """A batch of stills, dreamed from the beginning in each turn; what ends a still is done once a turn."""

    def __init__(self, subject: Subject, worker: LocalWorker, case: Case, precision: str | None) -> None:
        self._worker, self.least = worker, subject.still_steps
        size = {"width": case.width, "height": case.height}
        settings = subject.settings(precision, stills=size, run={"batch": case.batch})
        self._recipe = still_recipe(settings, subject.targets(case.batch), {})
        super().__init__(self._recipe.dream.transforms.views)

    def make(self, amount: int) -> int:
        """Takes so many steps of each still, and finishes it."""
        before, stills = self.passes, self._recipe.stills.model_copy(update={"steps": amount})
        recipe = self._recipe.model_copy(update={"stills": stills})
        tasks = [StillTask(aim, recipe.run.seed) for aim in recipe.aims]
        for still in self._worker.stills(recipe, [tasks], self.stepped):
            self.add(still.health)
        return self.passes - before


def _first_picture(recipe: FilmRecipe, position: int) -> Picture:
    key = PictureKey(recipe.run.seed, recipe.aims[position].key)
    start = recipe.start.first(key, recipe.size)
    return np.ascontiguousarray((start * 255).round().astype(np.uint8).transpose(1, 2, 0))
