"""Progress and time: every step is told of, `status` sees what runs, and `check` tells how long it will take."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from renderer.common import progress as progress_module
from renderer.common.progress import Amount, Stepped
from renderer.display import describe_status
from renderer.film.film_recipe import FilmRecipe
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import NOT_SAVING, Frame, Saving, SegmentTask, Still, StillTask, in_batches
from renderer.jobs import live as live_module
from renderer.jobs import local_worker as local
from renderer.jobs import projection
from renderer.jobs.commands import assemble, render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.preflight import preflight
from renderer.jobs.status import run_status
from renderer.jobs.worker import Worker
from renderer.settings.sections import Settings
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request
from tests.networks.tiny import tiny_network

SHORT = ("film.seconds_per_class=0.5", "film.lead_in_seconds=0.25", "film.crossfade_seconds=0.25")
"""Four frames a class; lead-ins of two."""
STEPS = ("dream.steps_per_frame=2", "dream.fresh_steps=6", "dream.octaves=2")


@pytest.fixture
def dreaming(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], LocalWorker]:
    """A real worker with a tiny network."""
    monkeypatch.setattr(local, "load_network", lambda *args: tiny_network())
    return LocalWorker


@pytest.mark.parametrize(
    ("transition", "unseen", "fresh"),
    [("carry", 2, 2), ("reset", 0, 4), ("crossfade", 2, 5)],
)
@pytest.mark.parametrize("devices", ["cpu", ["cpu", "cpu"]])
def test_all_steps_of_a_film_are_told_and_expected(
    dreaming: Callable[[Settings], LocalWorker],
    tmp_path: Path,
    transition: str,
    unseen: int,
    fresh: int,
    devices: str | list[str],
) -> None:
    recorder = Recorder()
    given = (*SHORT, *STEPS, f"film.transition={transition}", f"run.device={devices}", "run.batch=1")
    render(request(tmp_path, *given), recorder, dreaming)
    # Two chains, one of which has a lead-in; fresh pictures begin chains with `carry`, and classes else.
    assert recorder.done == recorder.total == Amount(16, 4, 2 * (16 + unseen) + 6 * fresh)


def test_progress_is_told_before_the_first_frame(dreaming: Callable[[Settings], LocalWorker], tmp_path: Path) -> None:
    recorder = Recorder()
    render(request(tmp_path, *SHORT, *STEPS), recorder, dreaming)
    first_frame = next(place for place, amount in enumerate(recorder.told) if amount.pictures)
    # The lead-in's six fresh steps and its frames of two, and then those of the two chains, stepped together.
    assert sum(amount.steps for amount in recorder.told[:first_frame]) == 6 + 2 * 2 + 6 + 2 * 2
    assert max(amount.steps for amount in recorder.told) == 2


def test_all_steps_of_stills_are_told_and_further_tries_are_no_more_work(tmp_path: Path) -> None:
    recorder = Recorder()
    render_stills(request(tmp_path, "stills.steps=7", "stills.retries=3"), recorder, FakeWorker)
    assert recorder.done == recorder.total == Amount(4, 4, 4 * 7)
    # They are told of nevertheless: the time left is counted anew with each.
    assert recorder.told.count(Amount(0, 0, 0)) == 7 * 3


def test_steps_of_real_stills_are_told(dreaming: Callable[[Settings], LocalWorker], tmp_path: Path) -> None:
    recorder = Recorder()
    render_stills(request(tmp_path, "stills.steps=35", "dream.octaves=2", "stills.retries=0"), recorder, dreaming)
    assert [amount.steps for amount in recorder.told if amount.steps] == [2] * 35 * 2


def test_status_shows_what_a_running_render_has_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(progress_module, "_LEAST_SECONDS", 0.0)
    seen: list[tuple[int, float, float | None]] = []

    def look(number: int) -> None:
        found = run_status(tmp_path)
        assert found.film and found.worker is not None and not found.is_finished
        seen.append((found.film.pictures_done, found.film.share, found.film.seconds_left))
        said = "\n".join(describe_status(found, tmp_path))
        assert f"frames: {found.film.pictures_done} of 40 done" in said
        assert ("not known yet" in said) == (found.film.pictures_done == 0)

    render(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, look))
    frames, shares, left = zip(*seen, strict=True)
    # Four frames of the lead-in come first.
    assert frames == (*[0] * 4, *range(40))
    assert all(earlier < later for earlier, later in pairwise(shares)) and shares[0] > 0
    assert all((seconds is None) == (done == 0) and seconds != 0 for done, seconds in zip(frames, left, strict=True))


def test_status_shows_stills_that_are_being_dreamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(progress_module, "_LEAST_SECONDS", 0.0)
    seen: list[tuple[int, float]] = []

    def look(number: int) -> None:
        found = run_status(tmp_path).stills
        assert found and found.seconds_left is not None
        seen.append((found.pictures_done, found.share))

    render_stills(request(tmp_path, "stills.retries=0"), Recorder(), lambda settings: FakeWorker(settings, look))
    assert [stills for stills, _ in seen] == [0, 0, 2, 2]
    assert 0.4 < seen[0][1] < 0.5 < seen[2][1] < 1


def test_what_a_killed_render_has_told_is_not_believed(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    told = RunPaths(tmp_path).progress
    told.write_text(
        '{"unit": "frames", "done": 1, "total": 40, "classes_done": 0, "classes": 4, "share": 0.1, '
        '"seconds_left": 1.0, "title": "tench", "picture": 0}'
    )
    found = run_status(tmp_path).film
    assert found and found.pictures_done == 40
    assemble(tmp_path, Recorder())
    assert not told.exists()


class Clock:
    """A time in which only dreaming takes any."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class SlowWorker(FakeWorker):
    """Takes six seconds for a step of a fresh picture, two for one of a frame, and three for all else of a frame.

    A step of a still takes as long as one of a fresh picture. In waves, a batch is computed two pictures at a time: the
    last ones begin with their fresh steps when others have all their frames.
    """

    def __init__(self, settings: Settings, clock: Clock, *, waves: bool = False) -> None:
        super().__init__(settings, lambda number: self._take(3.0))
        self._clock, self._waves, self._is_fresh = clock, waves, True

    def segments(
        self,
        recipe: FilmRecipe,
        batches: Sequence[Sequence[SegmentTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
        *,
        score_all: bool,
    ) -> Iterator[Frame]:
        if self._waves:
            batches = [wave for batch in batches for wave in in_batches(batch, 2)]
        return super().segments(recipe, batches, self._slow(stepped), saving, score_all=score_all)

    def stills(
        self,
        recipe: StillRecipe,
        batches: Sequence[Sequence[StillTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
    ) -> Iterator[Still]:
        return super().stills(recipe, batches, self._slow(stepped), saving)

    def _batch(self, recipe: FilmRecipe, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        self._is_fresh = False
        yield from super()._batch(recipe, tasks, score_all=score_all)
        self._is_fresh = True

    def _slow(self, stepped: Stepped) -> Stepped:
        def tell(pictures: int) -> None:
            self._take((6.0 if self._is_fresh else 2.0) * pictures)
            stepped(pictures)

        return tell

    def _take(self, seconds: float) -> None:
        self._clock.seconds += seconds


@pytest.mark.parametrize(
    "given",
    [
        ("film.chains=1",),
        ("film.chains=4", "dream.fresh_steps=300"),
        ("film.chains=2", "film.lead_in_seconds=4"),
        ("film.transition=reset", "dream.fresh_steps=80", "dream.octaves=3"),
        ("film.transition=crossfade", "dream.steps_per_frame=40"),
        ("dream.fresh_steps=0", "dream.steps_per_frame=1"),
        ("dream.fresh_steps=3", "dream.octaves=3"),
        ("film.seconds_per_class=0.125", "dream.fresh_steps=40"),
        ("stills.fresh=true", "stills.steps=70", "stills.retries=0"),
    ],
)
@pytest.mark.parametrize("waves", [False, True])
def test_check_tells_how_long_a_render_will_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], waves: bool
) -> None:
    clock = Clock()
    monkeypatch.setattr(projection, "time", clock)
    wanted = request(tmp_path / "run", *given, "run.batch=16")
    projected: list[projection.Projection] = []
    measure = projection.measure_speed

    def measured(run: Run, worker: Worker) -> projection.Speed:
        speed = measure(run, worker)
        projected.append(speed.project(run))
        return speed

    monkeypatch.setattr("renderer.jobs.preflight.measure_speed", measured)
    monkeypatch.setattr("renderer.jobs.preflight.describe_savings", lambda *args: "")
    found_all = preflight(
        wanted, film=True, quick=False, make_worker=lambda settings: SlowWorker(settings, clock, waves=waves)
    )
    (last,) = [finding for finding in found_all if finding.name == "dreaming"]
    assert last.state == "ok" and " min" in last.text
    assert not (tmp_path / "run").exists()
    began = clock.seconds
    render(wanted, Recorder(), lambda settings: SlowWorker(settings, clock, waves=waves))
    found = projected[0]
    assert found.film and (found.film + (found.stills or 0.0)) == pytest.approx(clock.seconds - began, rel=0.15)
