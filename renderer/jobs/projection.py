"""How long a render will take: a small one is made from beginning to end, and timed piece by piece."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

from renderer.atlas.seen import SeenRun
from renderer.common.progress import Amount
from renderer.jobs.live import Live
from renderer.jobs.plan import make_plan, still_batches, strands_of
from renderer.jobs.segments import render_film
from renderer.jobs.stills import dream_stills
from renderer.jobs.worker import Worker
from renderer.store.paths import RunPaths
from renderer.store.run import Run

_SECONDS = 8.0  # About as long a trial should last, so that it tells more than chance.
SHORT_SECONDS = 2.0
"""As long as trials last of what is only mentioned."""

_MOST_STEPS_PER_FRAME = 8
_MOST_STEPS = 16  # In each octave.
_MOST_FRAMES = 24  # In each segment.


@dataclass(frozen=True)
class Projection:
    """How long a render will take, in seconds; None where there is nothing of the kind to render."""

    film: float | None
    stills: float | None

    @property
    def seconds(self) -> float:
        """All together."""
        return (self.film or 0.0) + (self.stills or 0.0)


@dataclass(frozen=True)
class FilmSpeed:
    """Seconds for the parts of a film.

    Attributes:
        step: One ascent step of a fresh picture.
        frame: One frame with its steps.
        encoded: What is not done beside the dreaming to encode a frame.
        file: The same for the files of a segment.
    """

    step: float
    frame: float
    encoded: float
    file: float

    def seconds(self, run: Run) -> float:
        """For a film of this size and with as many steps a frame; also its frames that are not shown."""
        recipe, segments = run.film_recipe, [segment for chain in run.timeline.chains for segment in chain]
        frames = sum(segment.frames for segment in segments)
        fresh = sum(recipe.steps(segment) for segment in segments) - frames * recipe.dream.steps_per_frame
        dreaming = fresh * self.step + frames * self.frame
        return dreaming + run.timeline.frames * self.encoded + len(segments) * self.file


@dataclass(frozen=True)
class StillsSpeed:
    """Seconds for one step of one fresh still, and for what comes after its last one."""

    step: float
    tail: float

    def seconds(self, run: Run) -> float:
        """For stills of this size; that some will be tried again is not foreseen."""
        stills = run.still_recipe.stills
        return len(run.targets) * stills.variants * (stills.steps * self.step + self.tail)


@dataclass(frozen=True)
class Speed:
    """How fast a render is; None where there is nothing of the kind to render."""

    film: FilmSpeed | None
    stills: StillsSpeed | None

    def project(self, run: Run) -> Projection:
        """How long a run of the same sizes and as many steps a frame will take."""
        return Projection(
            film=self.film.seconds(run) if self.film else None,
            stills=self.stills.seconds(run) if self.stills else None,
        )


def measure_speed(run: Run, worker: Worker, seconds: float = _SECONDS) -> Speed:
    """Render a little of the film and of the fresh stills; `seconds` is about as long as each trial lasts."""
    return Speed(
        film=_time_film(run, worker, seconds) if run.file.film else None,
        stills=_time_stills(run, worker, seconds) if run.dreams_stills else None,
    )


def project_time(run: Run, worker: Worker) -> Projection:
    """Render a little, and tell from it how long all will take."""
    return measure_speed(run, worker).project(run)


@dataclass(frozen=True)
class _Trial:
    """How long a small render took.

    Attributes:
        count: How many classes it was of; of stills, how many pictures.
        frames: How many frames each of them had; 0 for stills.
        steps: How many steps of fresh pictures were timed, of all classes together.
        seconds: How long these steps and all frames took.
        tail: Seconds after the last step or frame, for what was left to be encoded and the writing of files.
    """

    count: int
    frames: int
    steps: int
    seconds: float
    tail: float

    @property
    def shown(self) -> int:
        """How many frames all classes had together."""
        return self.count * self.frames

    @property
    def per_step(self) -> float:
        """Seconds for one step, where nothing else was timed."""
        return self.seconds / self.steps if self.steps else 0.0


@dataclass(frozen=True)
class _Costs:
    """Seconds for one ascent step of a fresh picture, and for one frame with its steps."""

    step: float
    frame: float


class _Watch:
    """Notes what was done when."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, Amount]] = []

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:  # noqa: ARG002
        """Begin a piece of work."""
        self.advance(Amount(0, 0), [])

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:  # noqa: ARG002
        """So much more is done."""
        self.moments.append((time.monotonic(), amount))

    def end(self) -> None:
        """The piece of work is over."""
        self.advance(Amount(0, 0), [])

    def note(self, text: str) -> None:
        """The render will say it."""

    def reached(self, steps: int) -> float:
        """When so many steps had been made."""
        made = accumulate(amount.steps for _, amount in self.moments)
        return next((when for (when, _), count in zip(self.moments, made, strict=True) if count >= steps), self.ended)

    def timed(self, steps: int) -> tuple[int, float]:
        """How many of the first steps are timed, and from when: not the very first, before which all is made ready."""
        first = next((amount.steps for _, amount in self.moments if amount.steps), 0)
        return max(0, steps - first), self.reached(min(1, steps))

    @property
    def ended(self) -> float:
        """When all was over."""
        return self.moments[-1][0]


def _time_film(run: Run, worker: Worker, seconds: float) -> FilmSpeed:
    """Two films are compared, one of more fresh steps and one of more frames; one of little of both warms up."""
    longest = max(segment.frames for segment in run.timeline.segments)
    once = run.film_recipe.dream.octaves * _networks_in_turn(run)
    warm = _try_film(run, worker, once, 1)
    piece = _evenly(run, warm)
    steps = once * _fitting(seconds, warm.count * once * piece.step, _MOST_STEPS)
    climbed = _try_film(run, worker, steps, 1)
    moved = _try_film(run, worker, once, min(longest, _fitting(seconds, warm.count * piece.frame, _MOST_FRAMES)))
    costs, (encoded, file) = _costs(run, climbed, moved), _encoding(climbed, moved)
    longer = max(1.0, run.film_recipe.dream.steps_per_frame / _MOST_STEPS_PER_FRAME)
    return FilmSpeed(costs.step, costs.frame * longer, encoded, file)


def _costs(run: Run, climbed: _Trial, moved: _Trial) -> _Costs:
    """What a step and a frame cost, if the trials took what their steps and frames take together.

    When which of them were made does not tell it: pictures of a batch that are computed one after another begin with
    their fresh steps when others have all their frames.
    """
    apart = climbed.steps * moved.shown - moved.steps * climbed.shown
    if apart <= 0:  # hardly any steps, and hardly any frames: the film has no more itself
        return _evenly(run, moved)
    step = (moved.shown * climbed.seconds - climbed.shown * moved.seconds) / apart
    frame = (climbed.steps * moved.seconds - moved.steps * climbed.seconds) / apart
    return _Costs(max(0.0, step), max(0.0, frame))


def _evenly(run: Run, trial: _Trial) -> _Costs:
    """What a step and a frame cost, if all steps cost the same, and what is done to a frame besides costs one more."""
    pieces = _steps_per_frame(run) + 1
    step = trial.seconds / (trial.steps + trial.shown * pieces)
    return _Costs(step, step * pieces)


def _encoding(few: _Trial, many: _Trial) -> tuple[float, float]:
    """Seconds for what is not done beside the dreaming: of each frame that is left then, and of a segment's files."""
    more = max(1, many.frames - few.frames)
    frame = max(0.0, (many.tail - few.tail) / more / many.count)
    return frame, max(0.0, few.tail / few.count - frame)


def _time_stills(run: Run, worker: Worker, seconds: float) -> StillsSpeed:
    """A few steps of the stills that are dreamed side by side."""
    once = run.still_recipe.dream.octaves * _networks_in_turn(run)  # each octave, by each network
    warm = _try_stills(run, worker, 2 * once)
    trial = _try_stills(run, worker, once * _fitting(seconds, warm.count * once * warm.per_step, _MOST_STEPS))
    return StillsSpeed(trial.per_step, trial.tail / trial.count)


def _networks_in_turn(run: Run) -> int:
    """How many networks take turns; each is asked in a trial as often as the others."""
    return 1 + len(run.settings.network.companions) if run.settings.dream.together == "turns" else 1


def _fitting(available: float, once: float, most: int) -> int:
    """How many times something that takes so many seconds is tried in those available; at least twice."""
    return max(2, min(most, int(available / max(once, 1e-3))))


def _steps_per_frame(run: Run) -> int:
    return min(run.film_recipe.dream.steps_per_frame, _MOST_STEPS_PER_FRAME)


def _classes_at_once(run: Run, worker: Worker) -> int:
    """How many segments are computed side by side, on all devices."""
    strands = strands_of(run)
    return min(len(run.timeline.chains), worker.devices * len(strands[0]))


def _try_film(run: Run, worker: Worker, steps: int, frames: int) -> _Trial:
    """Render chains of one class each, as many as are computed side by side, with a few fresh steps and frames."""
    watch, fps, count = _Watch(), run.settings.film.fps, _classes_at_once(run, worker)
    steps = min(steps, run.settings.dream.fresh_steps)
    film = {"seconds_per_class": frames / fps, "chains": count, "lead_in_seconds": 0.0, "loop": False}
    dream = {"fresh_steps": steps, "steps_per_frame": _steps_per_frame(run)}
    parts: dict[str, Mapping[str, float]] = {
        "film": film,
        "dream": dream,
        "run": {"segment_seconds": 3600.0},
        "overlay": {"fade_seconds": 0.0},
    }
    with _small(run, count, parts) as small, Live(small.paths, watch) as live:
        render_film(small, make_plan(SeenRun(small)), worker, live)
    timed, began = watch.timed(steps * count)
    shown = max(when for when, amount in watch.moments if amount.pictures)
    return _Trial(count, frames, timed, shown - began, tail=watch.ended - shown)


def _try_stills(run: Run, worker: Worker, steps: int) -> _Trial:
    """Dream as many stills as are dreamed side by side, with a few steps."""
    watch, steps = _Watch(), min(steps, run.settings.stills.steps)
    # The second variant is compared with the first, and costs more.
    variants = min(2, run.settings.stills.variants)
    count = min(len(run.targets), worker.devices * run.settings.run.batch)
    with _small(run, count, {"stills": {"steps": steps, "retries": 0, "variants": variants}}) as small:
        dream_stills(small, still_batches(small.still_recipe), worker, watch)
    made = steps * count * variants
    (timed, began), climbed = watch.timed(made), watch.reached(made)
    return _Trial(count * variants, 0, timed, climbed - began, tail=watch.ended - climbed)


@contextmanager
def _small(run: Run, count: int, parts: Mapping[str, Mapping[str, float]]) -> Iterator[Run]:
    """A run of the first targets and with other settings, in a folder that is removed."""
    settings = run.settings
    changed = {name: getattr(settings, name).model_copy(update=values) for name, values in parts.items()}
    update = {"settings": settings.model_copy(update=changed), "targets": run.targets[:count], "times": None}
    with TemporaryDirectory() as folder:
        yield Run(RunPaths(Path(folder) / "trial"), run.file.model_copy(update=update))
