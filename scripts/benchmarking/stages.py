"""Where the time of a frame, or of a still's step, goes: the product's functions are wrapped in timers, in one thread.

What a stage calls that is a stage itself counts there alone. Text and encoding are done beside the dreaming in a
render; here they come after it, and of ffmpeg its processor time counts.
"""

import importlib
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from benchmarking.dreaming import Film, Stills
from benchmarking.options import Case
from benchmarking.subject import Subject
from benchmarking.turns import Contender, synchronize
from renderer.film.tasks import Picture
from renderer.jobs.local_worker import LocalWorker
from renderer.media.captions import caption_at, fill_templates
from renderer.media.codecs import CODECS, film_coding
from renderer.media.encoding import SegmentEncoder
from renderer.media.overlay import CaptionWriter
from renderer.settings.sections import Settings

FUNCTIONS = {
    "views": (
        "renderer.dream.pyramid:Pyramid.__init__",
        "renderer.dream.pyramid:Pyramid.views",
        "renderer.dream.pyramid:Pyramid.add",
        "renderer.dream.pyramid:Pyramid.pictures",
        "renderer.dream.view_ascent:draw_step",
        "renderer.dream.view_ascent:tint",
        "renderer.dream.ascent:draw_step",
        "renderer.dream.ascent:take_views",
        "renderer.dream.ascent:tint",
    ),
    "network": ("renderer.dream.gradients:UsableGradient.of",),
    "step": ("renderer.dream.ascent:climb_in_views", "renderer.dream.ascent:_climb_at_once"),
    "motion": ("renderer.film.sequence:apply_moves",),
    "level": ("renderer.dream.nearness:keep_level",),
    "score": ("renderer.networks.network:Network.scores",),
    "8 bits": ("renderer.film.sequence:_to_pictures", "renderer.film.sequence:_from_picture"),
}
STAGES = (*FUNCTIONS, "rest", "text", "encoding")
_MOST = 4  # pictures: one group, so all is done in the thread that asks for it


class Stopwatch:
    """Adds up the time of stages; while an inner one runs, the outer one stands still."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running = ["rest"]
        self._since = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts for a stage meanwhile."""
        self._note()
        self._running.append(name)
        try:
            yield
        finally:
            self._note()
            self._running.pop()

    def _note(self) -> None:
        synchronize()
        now = time.perf_counter()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        @wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*given, **named)

        return timed


@contextmanager
def watched() -> Iterator[Stopwatch]:
    """Times the stages meanwhile."""
    watch, kept = Stopwatch(), []
    for stage, places in FUNCTIONS.items():
        for owner, name in map(_found, places):
            kept.append((owner, name, getattr(owner, name)))
            setattr(owner, name, watch.wrapped(stage, getattr(owner, name)))
    try:
        with watch.stage("rest"):
            yield watch
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def _found(place: str) -> tuple[object, str]:
    module, _, path = place.partition(":")
    owner: object = importlib.import_module(module)
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    return owner, name


def _of_one_group(case: Case) -> Case:
    return Case(case.width, case.height, min(case.batch, _MOST))


def _timed(contender: Contender, subject: Subject) -> tuple[dict[str, float], int]:
    """Seconds of each stage, and how many passes there were; the quickest of some turns."""
    contender.make(contender.least)
    found = []
    for _ in range(subject.turns):
        with watched() as watch:
            passes = contender.make(contender.least)
        found.append((dict(watch.seconds), passes))
    return min(found, key=lambda turn: sum(turn[0].values()))


def stages_of_stills(subject: Subject, case: Case) -> dict[str, Any]:
    """Milliseconds a pass of each stage of stills; views are followed back in `step` there."""
    case = _of_one_group(case)
    seconds, passes = _timed(Stills(subject, _worker(subject), case, None), subject)
    return {"of": "stills", "case": str(case), "milliseconds": _each(seconds, passes), "per": "pass"}


def stages_of_film(subject: Subject, case: Case) -> dict[str, Any]:
    """Milliseconds a frame of each stage of a film, with text and encoding."""
    case = _of_one_group(case)
    film = Film(subject, _worker(subject), case, None)
    seconds, _ = _timed(film, subject)
    found = _each(seconds, film.least * case.batch)
    return {"of": "film", "case": str(case), "milliseconds": found | _presented(subject, film), "per": "frame"}


def _worker(subject: Subject) -> LocalWorker:
    return LocalWorker(subject.settings(run={"threads": 1}))


def _each(seconds: dict[str, float], count: int) -> dict[str, float]:
    return {stage: 1000 * seconds.get(stage, 0.0) / count for stage in STAGES if stage in {*FUNCTIONS, "rest"}}


def _presented(subject: Subject, film: Film) -> dict[str, float]:
    """Milliseconds a frame of text, and of ffmpeg's processor time."""
    settings, frames = film.settings, list(film.shown)
    began = time.perf_counter()
    written = _with_text(subject, settings, frames)
    text = time.perf_counter() - began
    return {"text": 1000 * text / len(frames), "encoding": 1000 * _encoded(subject, settings, written) / len(frames)}


def _with_text(subject: Subject, settings: Settings, frames: list[Picture]) -> list[Picture]:
    writer = CaptionWriter(settings.overlay, (settings.film.width, settings.film.height))
    texts = fill_templates(settings.overlay.lines, caption_at(subject.targets(3), 1, {}))
    return [writer.write(frame, texts) for frame in frames]


def _encoded(subject: Subject, settings: Settings, frames: list[Picture]) -> float:
    path = subject.folder / f"stage{CODECS[settings.video.codec].segment_suffix}"
    before = _children()
    film, coding = settings.film, film_coding(settings.video, settings.film.fps)
    encoder = SegmentEncoder(path, (film.width, film.height), film.fps, coding)
    for frame in frames:
        encoder.write(frame)
    encoder.finish()
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
