"""What is saved of pictures that take long: an interruption costs little, and changes no pixel."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from renderer.film import saving
from renderer.film.sequence import dream_stills
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import Saved, Saving, StillTask
from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.status import run_status
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from tests.film_helpers import Recorder, request, results, tiny_settings
from tests.networks.tiny import aims, tiny_network

FILM = ("film.seconds_per_class=3", "run.segment_seconds=3", "dream.fresh_steps=6", "dream.octaves=3", "run.threads=2")
STILLS = ("stills.steps=70", "stills.retries=1", "run.threads=2", "stills.width=40", "stills.height=32")
EAGER = "run.lose_at_most=0"


class Stop(Exception):  # noqa: N818
    """Ends a render as a power cut would: nothing more is taken."""


def stopping(limit: int) -> Callable[[Settings], LocalWorker]:
    """A real worker that ends after so many ascent steps."""
    told = [0]

    class Stopping(LocalWorker):
        def _stepped(self, stepped):
            def step(pictures: int) -> None:
                told[0] += 1
                if told[0] > limit:
                    raise Stop
                stepped(pictures)

            return step

        def segments(self, recipe, batches, stepped, *args, **kwargs):
            return super().segments(recipe, batches, self._stepped(stepped), *args, **kwargs)

        def stills(self, recipe, batches, stepped, *args, **kwargs):
            return super().stills(recipe, batches, self._stepped(stepped), *args, **kwargs)

    return Stopping


class Counting(Recorder):
    """Counts the steps that are really taken."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def begin(self, unit, *, total, done) -> None:
        super().begin(unit, total=total, done=done)
        self.begun = self.begun or done.steps


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("saved") / "run"
    render(request(directory, *FILM), Recorder(), LocalWorker)
    return directory


@pytest.mark.parametrize("limit", [3, 60, 130])
def test_a_film_goes_on_in_the_middle_of_a_segment(tmp_path: Path, whole: Path, limit: int) -> None:
    with pytest.raises(Stop):
        render(request(tmp_path, *FILM, EAGER), Recorder(), stopping(limit))
    told = Counting()
    render(request(tmp_path, *FILM), told, LocalWorker)
    assert told.begun > 0
    assert results(tmp_path) == results(whole)
    assert not list((tmp_path / "state").glob("saved-*"))


def test_status_counts_what_is_saved(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        render(request(tmp_path, *FILM, EAGER), Recorder(), stopping(200))
    found = run_status(tmp_path).film
    assert found is not None
    told = Counting()
    with pytest.raises(Stop):
        render(request(tmp_path, *FILM), told, stopping(0))
    assert (found.pictures_done, found.share > 0) == (told.done.pictures, True)


def test_what_is_saved_and_damaged_is_dreamed_again(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(Stop):
        render(request(tmp_path, *FILM, EAGER), Recorder(), stopping(60))
    saved = sorted((tmp_path / "state").glob("saved-*"))
    assert saved
    for path in saved:
        data = bytearray(path.read_bytes())
        data[-7] ^= 1
        path.write_bytes(data)
    render(request(tmp_path, *FILM), Recorder(), LocalWorker)
    assert results(tmp_path) == results(whole)


@pytest.mark.parametrize(("limit", "alpha"), [(50, "true"), (110, "false")])
def test_stills_go_on_in_the_middle(tmp_path: Path, limit: int, alpha: str) -> None:
    stills = (*STILLS, f"stills.alpha={alpha}")
    render_stills(request(tmp_path / "whole", *stills), Recorder(), LocalWorker)
    with pytest.raises(Stop):
        render_stills(request(tmp_path / "run", *stills, EAGER), Recorder(), stopping(limit))
    assert list((tmp_path / "run" / "state").glob("saved-*"))
    found = run_status(tmp_path / "run").stills
    assert found is not None
    assert found.share > found.pictures_done / found.pictures
    steps = [0]

    class Counted(LocalWorker):
        def stills(self, recipe, batches, stepped, *args, **kwargs):
            def step(pictures: int) -> None:
                steps[0] += 1
                stepped(pictures)

            return super().stills(recipe, batches, step, *args, **kwargs)

    render_stills(request(tmp_path / "run", *stills), Recorder(), Counted)
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    assert 0 < steps[0] <= 4 * 70 - 32
    assert not list((tmp_path / "run" / "state").glob("saved-*"))


def test_many_short_variants_are_saved_as_often_as_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is not saved of a class takes no longer together than what is not saved of one still."""
    now = count(step=2.0)  # each variant takes two seconds
    monkeypatch.setattr(saving.time, "monotonic", lambda: next(now))
    settings = tiny_settings("stills.steps=3", "stills.variants=4")
    recipe = still_recipe(Chosen().fill_in(settings), aims(1), {})
    found = list(dream_stills(tiny_network(), recipe, [StillTask(recipe.aims[0], 0)], saving=Saving(seconds=60)))
    assert any(isinstance(one, Saved) for one in found)


def test_a_film_that_is_finished_leaves_what_is_saved_of_stills(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), LocalWorker)
    with pytest.raises(Stop):
        render_stills(request(tmp_path, *STILLS, EAGER), Recorder(), stopping(50))
    saved = sorted((tmp_path / "state").glob("saved-*"))
    render(request(tmp_path), Recorder(), LocalWorker)
    assert saved and sorted((tmp_path / "state").glob("saved-*")) == saved
