"""Previews and savings are planned with the times, the scenes and the sound of the smaller settings themselves."""

from pathlib import Path

import numpy as np
import pytest

from renderer.jobs import savings
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.previewing import make_preview
from renderer.jobs.projection import FilmSpeed, Speed
from renderer.jobs.session import describe_run
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.sound.csv_file import write_curves
from renderer.sound.curves import Curves
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from tests.fake_worker import FakeWorker
from tests.film_helpers import tiny_settings

LONG = "classes.select=[" + ", ".join(f"{{select: {number}, seconds: 5}}" for number in range(40)) + "]"
ONE_LONG = "classes.select=[0-2, {select: 3, seconds: 300}, 4-30]"


def planned(settings: Settings) -> Run:
    targets = chosen_targets(settings)
    return Run(RunPaths(Path("run")), describe_run("tiny", settings, targets, film=True, chosen=Chosen()))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs whose speed is measured for what would be smaller."""
    runs: list[Run] = []

    def measure(run: Run, *_rest: object) -> Speed:
        runs.append(run)
        return Speed(FilmSpeed(0.0, 0.01, 0.0, 0.0), None)

    monkeypatch.setattr(savings, "measure_speed", measure)
    return runs


def test_a_preview_is_as_long_in_its_plan_as_it_will_be(measured: list[Run]) -> None:
    run = planned(tiny_settings(LONG, "film.fps=25", "classes.order=listed"))
    assert "with --preview about 8 s" in savings.describe_savings(
        run, Speed(FilmSpeed(0.0, 1.0, 0.0, 0.0), None), FakeWorker(run.settings)
    )
    (preview,) = measured
    made = planned(preview.settings)
    assert preview.timeline.frames == made.timeline.frames == 12 * 5 * 12.5
    assert preview.file.scenes == made.file.scenes and len(made.file.scenes) == 12


def test_what_only_classes_outside_the_preview_follow_is_not_heard_in_it(measured: list[Run], tmp_path: Path) -> None:
    write_curves(tmp_path / "own.csv", Curves(10.0, {"curves.light": np.ones(9, np.float32)}))
    followed = "classes.select=[0-2, {select: 3, zoom: '1 + 0.1 * curves.light'}, 4-30]"
    run = planned(tiny_settings(followed, "film.fps=25", f"film.curves={tmp_path / 'own.csv'}"))
    savings.describe_savings(run, Speed(FilmSpeed(0.0, 9.0, 0.0, 0.0), None), FakeWorker(run.settings))
    assert run.file.sound and run.file.scenes
    assert measured[-1].file.sound is None and not measured[-1].file.scenes


def test_a_preview_without_the_one_long_class_saves_much() -> None:
    preview = make_preview(tiny_settings(ONE_LONG, "film.fps=8", "classes.order=listed"), film=True)
    assert preview.saves
    assert planned(preview.settings).timeline.frames < 300 * 8


def test_a_storyboard_is_shown_whole() -> None:
    story = "classes={order: listed, select: [{card: ONE}, 0-9, {select: 12, seconds: 2}, {card: THE END}]}"
    preview = make_preview(tiny_settings(story, "film.width=1024", "film.height=512"), film=True).settings
    assert len(chosen_targets(preview)) == 11
    assert preview.classes == tiny_settings(story).classes
    assert (preview.film.width, preview.film.height) == (512, 256)
