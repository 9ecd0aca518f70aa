"""Storyboards: classes with lengths, moves, dreams and text of their own, and title cards, in whole runs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.display import class_row
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.recipe import Direction
from renderer.film.scenes import Scene, own_seconds, scenes_of
from renderer.film.sequence import dream_segments
from renderer.film.tasks import Picture, SegmentTask
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import render, render_stills
from renderer.jobs.fresh import fresh_digest
from renderer.jobs.preflight import preflight
from renderer.jobs.previewing import make_preview
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.store.run import load_run
from renderer.targets.storyboard import Shown
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, chapters, names, request, tiny_settings
from tests.networks.tiny import aims, tiny_network

LISTED = ("classes.order=listed", "film.chains=1", "film.seconds_per_class=1")
LARGE = (*LISTED, "film.width=160", "film.height=120", "video.codec=ffv1", "overlay.size=0.12")


def select(*entries: str) -> str:
    return f"classes.select=[{', '.join(entries)}]"


def run(directory: Path, *overrides: str) -> FakeWorker | None:
    """Render; gives the worker if one was needed."""
    made: list[FakeWorker] = []

    def make(settings):
        made.append(FakeWorker(settings))
        return made[0]

    render(request(directory, *overrides), Recorder(), make)
    return made[0] if made else None


def frames(directory: Path) -> np.ndarray:
    with av.open(str(directory / "atlas.mkv")) as container:
        return np.array([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def written(tmp_path: Path, *overrides: str) -> dict[int, tuple[int, int]]:
    """The frames that have text, with the rows of the picture between which it is."""
    run(tmp_path / "text", *LARGE, *overrides)
    shown = frames(tmp_path / "text")
    bare = frames_beneath(tmp_path / "text")
    rows = {
        number: np.flatnonzero((one != other).any(axis=(1, 2)))
        for number, (one, other) in enumerate(zip(shown, bare, strict=True))
    }
    return {number: (int(found[0]), int(found[-1])) for number, found in rows.items() if len(found)}


def frames_beneath(directory: Path) -> list[Picture]:
    """The frames of a run as they were dreamed."""
    found = load_run(directory)
    pieces = [directory / "segments" / f"{one.name}.mkv" for one in found.timeline.segments]
    shown = list[Picture]()
    for piece in pieces:
        with av.open(str(piece)) as container:
            shown += [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return shown


def test_classes_are_as_long_as_they_say(tmp_path: Path) -> None:
    run(tmp_path, *LISTED, select("1", "{select: [2, 3], seconds: 0.5}", "5", "{select: 3, seconds: 2}"))
    assert [float(begin) for _, begin in chapters(tmp_path / "atlas.mp4")] == [0, 1, 1.5, 3.5]
    assert load_run(tmp_path).timeline.frames == 36
    # Whoever reads the run needs nothing else: a loaded run has what it was rendered with.
    assert run(tmp_path, *LISTED, select("1", "{select: [2, 3], seconds: 0.5}", "5", "{select: 3, seconds: 2}")) is None


PLAIN = ("film.width=44", "film.height=32", "film.fps=4", "film.transition=reset", "dream.fresh_steps=3", *LISTED)


def recipe_of(scene: Scene | None, *overrides: str) -> FilmRecipe:
    settings, targets = Chosen().fill_in(tiny_settings(*PLAIN, *overrides)), aims(1, 2, 3)
    return film_recipe(settings, targets, {}, direction=Direction(scenes={targets[1].key: scene} if scene else {}))


def dreamed(recipe: FilmRecipe, position: int) -> Picture:
    """The last frame of a class."""
    segment = next(one for one in recipe.timeline.segments if one.position == position)
    *_, last = dream_segments(tiny_network(), recipe, [SegmentTask(segment, None)])
    return last[0].picture


@pytest.mark.parametrize(
    "scene",
    [
        Scene(motion={"zoom": 1.8}),
        Scene(motion={"center": [0.1, 0.5], "rotate": {"0": 0, "100%": 90}}),
        Scene(dream={"optimizer": {"learning_rate": 0.3}}),
        Scene(dream={"level": {"contrast": "0.01 + 0.01 * class_t"}}),
    ],
)
def test_own_values_change_the_pixels_of_that_class_and_of_no_other(scene: Scene) -> None:
    plain, own = recipe_of(None), recipe_of(scene)
    same = [one.name == other.name for one, other in zip(plain.timeline.segments, own.timeline.segments, strict=True)]
    assert same == [True, False, True]
    assert plain.digest != own.digest
    for position, is_same in enumerate(same):
        assert np.array_equal(dreamed(plain, position), dreamed(own, position)) == is_same


def test_own_values_are_what_the_same_values_of_all_are() -> None:
    one, other = recipe_of(Scene(motion={"zoom": 1.8})), recipe_of(None, "motion.zoom=1.8")
    assert np.array_equal(dreamed(one, 1), dreamed(other, 1))


def test_values_that_change_nothing_change_no_digest() -> None:
    plain, own = (
        tiny_settings(*LISTED, "dream.optimizer.learning_rate=0.07", select("1", entry, "3"))
        for entry in ("2", "{select: 2, zoom: 1.15, dream: {optimizer: {learning_rate: 0.07}}}")
    )
    assert scenes_of(own, chosen_targets(own)) == {}
    assert "scenes" not in recipe_of(None)._told()
    assert recipe_of(Scene(seconds=3)).digest == recipe_of(None).digest
    assert plain.classes != own.classes


def test_lines_of_its_own_are_in_the_frames_of_that_class_alone(tmp_path: Path) -> None:
    found = written(
        tmp_path, select("1", "{select: 2, overlay: {lines: [THE END], position: top}}", "3"), "overlay.lines=[]"
    )
    assert list(found) == list(range(8, 16))
    assert max(bottom for _, bottom in found.values()) < 60


def test_a_card_comes_after_the_title_and_makes_its_class_longer(tmp_path: Path) -> None:
    found = written(tmp_path, select("{card: [ONE], seconds: 0.5}", "1", "{card: [TWO, '{title}'], seconds: 1}", "2"))
    assert load_run(tmp_path / "text").timeline.frames == 4 + 8 + 8 + 8
    assert [float(begin) for _, begin in chapters(tmp_path / "text" / "atlas.mkv")] == [0, 2.5]
    center = [number for number, (top, _) in found.items() if top < 75]
    assert center == [*range(4), *range(12, 20)], "cards are in the center, titles at the bottom"
    assert sorted(found) == list(range(28)), "everything else has its title"


def test_the_text_of_a_card_fades_in_when_the_title_has_gone(tmp_path: Path) -> None:
    entries = select("1", "{card: [TWO], seconds: 1, overlay: {position: top}}")
    run(tmp_path, *LARGE, entries, "overlay.fade_seconds=0.25", "overlay.lines=['{title}']")
    shown, bare = frames(tmp_path).astype(int), np.array(frames_beneath(tmp_path)).astype(int)
    strength = np.abs(shown - bare).sum(axis=(2, 3))
    title, card = strength[:, 80:].sum(axis=1), strength[:, :40].sum(axis=1)
    assert (title[:8] > 0).all()
    assert (title[8:] == 0).all()
    assert (card[:8] == 0).all()
    assert (card[8:] > 0).all()
    for text in (title[:8], card[8:]):
        assert text[0] < text[1] < text[3]
        assert text[4] > text[6] > text[7]


def test_other_words_on_a_card_dream_nothing_anew(tmp_path: Path) -> None:
    entries = ["1", "{card: %s, seconds: 1}", "2"]
    said = [select(*entries).replace("%s", text) for text in ("BEFORE", "AFTER")]
    run(tmp_path / "run", *LARGE, said[0])
    parts = sorted((tmp_path / "run" / "state").glob("*.part.json"))
    before = [path.read_bytes() for path in parts]
    assert run(tmp_path / "run", *LARGE, said[1]) is None
    run(tmp_path / "fresh", *LARGE, said[1])
    assert np.array_equal(frames(tmp_path / "run"), frames(tmp_path / "fresh"))
    changed = [path.name for path, old in zip(parts, before, strict=True) if path.read_bytes() != old]
    assert len(parts) == 3
    assert changed == [f"{names(tmp_path / 'run')['0000-001']}.part.json"], "only what the card is on is encoded again"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{card: ['{titel}']}", r"classes\.select\[1\]\.card\[0\]: there is no field {titel}"),
        ("{select: 2, overlay: {lines: ['{']}}", r"classes\.select\[1\]\.overlay\.lines\[0\]: .* is malformed"),
        ("{select: 2, zoom: 1 + audio.low}", r"motion\.zoom.*video\.audio"),
        ("{select: 2, zoom: 9 * class_share}", r"(?s)motion\.zoom: .*in .*must be from 0\.2 to 5"),
    ],
)
def test_what_is_wrong_with_text_and_curves_is_known_before_anything_is_written(
    tmp_path: Path, entry: str, told: str
) -> None:
    asked = request(tmp_path / "run", *LISTED, select("1", entry))
    with pytest.raises(UserError, match=told):
        render(asked, Recorder(), FakeWorker)
    assert not (tmp_path / "run").exists()


def test_what_changes_of_a_class_is_told_by_its_title(tmp_path: Path) -> None:
    run(tmp_path, *LISTED, select("{select: owl, zoom: 1.3}", "1"))
    with pytest.raises(UserError, match=r"classes\.select, 'owl': motion\.zoom: was 1\.3, is 1\.4"):
        run(tmp_path, *LISTED, select("{select: owl, zoom: 1.4}", "1"))


def test_stills_take_what_is_dreamed_and_no_seconds(tmp_path: Path) -> None:
    entry = "{select: 2, seconds: 3, zoom: 1.5, dream: {optimizer: {learning_rate: 0.3}}}"
    for directory, entries in (
        ("plain", ("1", "2")),
        ("own", ("1", entry)),
        ("long", ("1", "{select: 2, seconds: 3}")),
    ):
        render_stills(request(tmp_path / directory, *LISTED, select(*entries)), Recorder(), FakeWorker)
    plain, own, long = (load_run(tmp_path / directory) for directory in ("plain", "own", "long"))
    aim = own.targets[1].aim
    assert own.still_recipe.at(aim, 0).optimizer.rate == 0.3
    assert own.still_recipe.at(own.targets[0].aim, 0).optimizer.rate == own.settings.dream.optimizer.rate
    digests = [[fresh_digest(one, position) for position in (0, 1)] for one in (plain, own, long)]
    assert [one == other for one, other in zip(digests[0], digests[1], strict=True)] == [True, False]
    assert digests[0] == digests[2]


def test_lists_of_classes_and_checks_tell_seconds_where_they_differ(tmp_path: Path) -> None:
    entries = select("1", "{select: 2, seconds: 3}", "{card: A, seconds: 2}")
    settings = tiny_settings(*LISTED, entries)
    targets = chosen_targets(settings)
    seconds = own_seconds(settings.film, scenes_of(settings, targets), targets)
    assert [class_row(0, one, seconds.get(one.key))["seconds"] for one in targets] == ["1", "5"]
    assert own_seconds(settings.film, {}, targets) == {}
    asked = request(tmp_path, *LISTED, entries)
    found = {one.name: one.text for one in preflight(asked, film=True, quick=True, make_worker=FakeWorker)}
    assert "classes of 1 to 5 s; title cards: 1" in found["classes"]


def test_previews_keep_what_classes_have_of_their_own() -> None:
    entries = [f"{{select: {number}, seconds: {number + 1}}}" for number in range(40)]
    settings = tiny_settings(*LISTED, select(*entries, "{card: END}"))
    preview = make_preview(settings, film=True).settings
    targets = chosen_targets(preview)
    assert 3 < len(targets) < 40
    found = scenes_of(preview, targets)
    assert [found[one.key].seconds for one in targets] == [one.index + 1 for one in targets]
    assert found[targets[-1].key].card_seconds == 3
    assert all(one.index < other.index for one, other in pairwise(targets))


def test_values_of_a_card_go_by_its_own_time(tmp_path: Path) -> None:
    card = "{card: A, seconds: 1, overlay: {size: {0: 0.1, 100%: 0.3}, fade_seconds: 0}}"
    run(tmp_path, *LISTED, select("1", card))
    made = load_run(tmp_path)
    (segment,) = [one for one in made.timeline.segments if one.ends_class]
    fps, last = made.settings.film.fps, segment.frames - 1
    first = next(one for one in made.letterings(segment) if one.is_card).first - segment.first_frame
    sizes = [made.overlay_at(segment, frame).size for frame in (first, last)]
    assert sizes == pytest.approx([0.1, 0.1 + 0.2 * (fps - 1) / fps])


def test_a_class_may_have_a_rate_of_its_own_whatever_the_network() -> None:
    entry = "classes.select=[{select: tiger, dream: {optimizer: {learning_rate: 0.04}}}]"
    settings = parse_settings("", "film", ["network={source: torchvision, name: squeezenet1_1}", entry])
    (shown,) = settings.classes.select
    assert isinstance(shown, Shown) and shown.dream == {"optimizer": {"learning_rate": 0.04}}
