"""Classes that are not equally long: borders at the frames nearest to their times, and on the beats of a sound."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from renderer.common.errors import UserError
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.recipe import Direction
from renderer.film.timeline import build_timeline, class_borders, crossfade_frames
from renderer.film.times import Times, class_times, even_times
from renderer.jobs import timing
from renderer.jobs.commands import render, render_stills
from renderer.jobs.preflight import preflight
from renderer.jobs.status import run_status
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Film
from renderer.store.run import load_run
from renderer.targets.target import class_target
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, chapters, names, request, tiny_settings

TARGETS = [class_target(index, f"class {index}") for index in range(4)]
BEATS = [0.1 + 0.5 * number for number in range(1000)]


def heard(until: float) -> Sequence[float]:
    """The beats of a sound of 120 a minute, which begins a tenth of a second late."""
    return [beat for beat in BEATS if beat <= until]


def recipe(times: Times | None, *overrides: str) -> FilmRecipe:
    return film_recipe(Chosen().fill_in(tiny_settings(*overrides)), TARGETS, {}, direction=Direction(times))


def test_a_class_with_seconds_of_its_own_moves_the_others() -> None:
    assert class_times(Film(seconds_per_class=2), [None, 0.5, None]) == (0.0, 2.0, 2.5, 4.5)


def test_classes_begin_on_beats_and_the_first_with_the_film() -> None:
    film = Film(beats_per_class=2)
    assert class_times(film, [None] * 3, heard) == (0.0, 0.6, 1.6, 2.6)


def test_after_a_class_of_its_own_length_classes_find_the_beat_again() -> None:
    film = Film(beats_per_class=2)
    assert class_times(film, [None, 0.75, None, None], heard) == (0.0, 0.6, 1.35, 2.1, 3.1)


def test_a_beat_with_which_a_class_begins_is_not_counted_again() -> None:
    # The class ends half a frame before a beat, or on it: the next one begins there.
    film = Film(beats_per_class=1, fps=25)
    assert class_times(film, [0.59, None], heard) == (0.0, 0.59, 1.1)
    assert class_times(film, [0.6, None], heard) == (0.0, 0.6, 1.1)


def test_a_film_is_longer_than_what_is_heard_at_once() -> None:
    times = class_times(Film(beats_per_class=2), [None] * 300, heard)
    assert times[-1] == pytest.approx(299.6)


@pytest.mark.parametrize("beats", [[], [1.0, 2.0]])
def test_a_sound_with_too_few_beats_is_refused(beats: list[float]) -> None:
    with pytest.raises(UserError, match=r"film\.beats_per_class: the sound has fewer than 2 beats .*; choose another"):
        class_times(Film(beats_per_class=2), [None] * 3, lambda until: [beat for beat in beats if beat <= until])


def test_times_that_are_even_are_known_as_such() -> None:
    film = Film(seconds_per_class=0.7)
    assert even_times(film, 50) == class_times(film, [None] * 50) == class_times(film, [0.7] * 50)
    assert even_times(film, 3) != class_times(film, [None, 0.8, None])
    assert even_times(film, 50) != class_times(film, [0.5] * 50)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("film.transition=crossfade",),
        ("film.transition=reset", "film.fps=7"),
        ("film.blend_seconds=0.5", "motion.easing=smooth"),
        ("film.transition=crossfade", "film.crossfade_seconds=3", "film.seconds_per_class=0.45"),
        ("film.seconds_per_class=0.04", "film.fps=25"),
    ],
)
def test_equal_times_give_the_same_segments_as_none(overrides: tuple[str, ...]) -> None:
    settings = tiny_settings(*overrides)
    explicit = recipe(class_times(settings.film, [None] * len(TARGETS)), *overrides)
    assert explicit.timeline == recipe(None, *overrides).timeline


def test_a_recipe_without_times_tells_nothing_of_them() -> None:
    assert recipe(None).digest == film_recipe(Chosen().fill_in(tiny_settings()), TARGETS, {}).digest
    assert "times" not in recipe(None)._told()
    assert recipe(None).digest != recipe((0.0, 1.0, 2.0, 3.0, 4.0)).digest


def test_borders_are_the_nearest_frames_and_no_class_is_without_one() -> None:
    film = Film(fps=10)
    assert class_borders(film, 4, (0.0, 0.34, 0.36, 0.37, 1.0)) == [0, 3, 4, 5, 10]


def test_only_what_is_after_a_longer_class_gets_other_segments() -> None:
    before, after = (
        [segment.name for segment in recipe(times).timeline.segments if segment.position < 2]
        for times in (None, (0.0, 1.25, 2.5, 4.0, 5.0))
    )
    assert before == after


def test_a_crossfade_is_never_longer_than_the_class_before_the_seam() -> None:
    film, times = Film(fps=10, chains=2, crossfade_seconds=1, lead_in_seconds=1), (0.0, 2.0, 2.3, 4.0, 6.0)
    timeline = build_timeline(film, 4, 10.0, times)
    seam = timeline.seam(timeline.chains[0][-1], crossfade_frames(film, times))
    assert seam is not None
    assert (seam.first, seam.frames) == (0, 3)


def test_a_film_of_too_many_segments_is_refused_by_its_times_too() -> None:
    with pytest.raises(UserError, match=r"run\.segment_seconds: .* 360,240 segments"):
        build_timeline(Film(fps=100), 2, 1e-9, (0.0, 2.4, 3602.4))


def test_a_film_on_beats_keeps_its_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "beats_of", lambda *_: heard)
    asked = request(tmp_path, "film.beats_per_class=2")
    render(asked, Recorder(), FakeWorker)
    # At 8 frames a second, 0.6, 1.6 and 2.6 s are nearest to frames 5, 13 and 21.
    assert [float(begin) for _, begin in chapters(tmp_path / "atlas.mp4")] == [0, 5 / 8, 13 / 8, 21 / 8]
    assert yaml.safe_load((tmp_path / "run.yaml").read_text())["times"] == [0.0, 0.6, 1.6, 2.6, 3.6]
    # Nobody has to hear the sound again to know what there is.
    monkeypatch.undo()
    assert load_run(tmp_path).timeline.frames == 29
    assert run_status(tmp_path).is_finished


def test_stills_beside_a_film_on_beats_leave_it_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "beats_of", lambda *_: heard)
    asked = request(tmp_path, "film.beats_per_class=2", "stills.fresh=true")
    render(asked, Recorder(), FakeWorker)
    before = names(tmp_path)
    render_stills(asked, Recorder(), FakeWorker)
    assert names(tmp_path) == before


def test_other_beats_are_named_where_they_cost_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request(tmp_path, "film.beats_per_class=2")
    monkeypatch.setattr(timing, "beats_of", lambda *_: heard)
    render(asked, Recorder(), FakeWorker)
    monkeypatch.setattr(timing, "beats_of", lambda *_: lambda until: heard(until)[1::2])
    with pytest.raises(UserError, match=r"(?s)classes begin at other times .* would be dreamed anew"):
        render(asked, Recorder(), FakeWorker)


def test_a_run_of_even_classes_keeps_no_times(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    assert load_run(tmp_path).file.times is None


def test_beats_without_a_sound_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    asked = request(directory, "film.beats_per_class=2")
    with pytest.raises(UserError, match=r"film\.beats_per_class: nothing gives beats; .* video\.audio, "):
        render(asked, Recorder(), FakeWorker)
    assert not directory.exists()
    found = {finding.name: finding for finding in preflight(asked, film=True, quick=True, make_worker=FakeWorker)}
    assert found["classes"].state == "failed"
    assert "film.beats_per_class" in found["classes"].text


def test_beats_of_a_sound_that_is_not_there_name_it(tmp_path: Path) -> None:
    asked = request(tmp_path / "run", "film.beats_per_class=2", f"video.audio={tmp_path / 'gone.wav'}")
    with pytest.raises(UserError, match=r"video\.audio: .*gone\.wav"):
        render(asked, Recorder(), FakeWorker)


def test_classes_may_have_beats_of_their_own_and_cards_end_on_one() -> None:
    def beats(until: float) -> list[float]:
        return [0.5 * number for number in range(200) if 0.5 * number < until]

    film = Film(fps=10, seconds_per_class=3)
    assert class_times(film, [None, None, 1.2, None], beats, own_beats=[4, None, None, 2]) == (0, 2, 5, 6.2, 7)
    on_beats = Film(fps=10, beats_per_class=2)
    assert class_times(on_beats, [None, None], beats, longer=[0.7, 0.0]) == (0, 2, 3)
