"""Second thoughts: text, encoding and selection change, and what was dreamed and still fits is kept."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.film.tasks import Frame, Still
from renderer.jobs.commands import Request, render, render_stills
from renderer.store.paths import RunPaths
from renderer.store.records import SegmentRecord, read_record
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, names, request, results, tiny_settings

ONE_CHAIN = "film.chains=1"


def run(directory: Path, *overrides: str, agree: bool = False) -> FakeWorker | None:
    """Render; gives the worker if one was needed."""
    made: list[FakeWorker] = []

    def make(settings):
        made.append(FakeWorker(settings))
        return made[0]

    asked = Request("tiny", tiny_settings(*overrides), directory, agree=lambda _text: agree)
    render(asked, Recorder(), make)
    return made[0] if made else None


def frames(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("override", "film"),
    [
        ("overlay.position=top", "atlas.mp4"),
        ("overlay.color='#ff0000'", "atlas.mp4"),
        ("overlay.lines=['{title} {probability:.0%}']", "atlas.mp4"),
        ("overlay.lines=[]", "atlas.mp4"),
        ("video.quality=40", "atlas.mp4"),
        ("video.codec=vp9", "atlas.webm"),
        ("video.codec=gif", "atlas.gif"),
    ],
)
def test_text_and_encoding_change_without_dreaming(tmp_path: Path, override: str, film: str) -> None:
    run(tmp_path / "run")
    worker = run(tmp_path / "run", override)
    # Only what the text says of each frame is asked of the network again.
    assert worker is None or (worker.rounds == [] and "probability" in override)
    run(tmp_path / "fresh", override)
    assert [path.name for path in sorted((tmp_path / "run").glob("atlas.*"))] == [
        path.name for path in sorted((tmp_path / "fresh").glob("atlas.*"))
    ]
    assert np.array_equal(frames(tmp_path / "run" / film), frames(tmp_path / "fresh" / film))
    assert run(tmp_path / "run", override) is None


def test_frames_beneath_the_text_stay_as_they_are(tmp_path: Path) -> None:
    size = ("film.width=160", "film.height=120", "video.codec=ffv1", "overlay.size=0.1")
    run(tmp_path, *size, "overlay.position=top")
    top = np.array(frames(tmp_path / "atlas.mkv"))
    run(tmp_path, *size, "overlay.position=bottom")
    bottom = np.array(frames(tmp_path / "atlas.mkv"))
    assert np.array_equal(top[:, 45:75], bottom[:, 45:75])
    assert not np.array_equal(top[:, :45], bottom[:, :45])


def test_what_is_encoded_again_and_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run")
    from renderer.jobs import presenting  # noqa: PLC0415

    make, made = presenting.PartMaker.make, []

    def fail(self: presenting.PartMaker) -> None:
        if len(made) >= 3:
            raise KeyboardInterrupt
        make(self)
        made.append(self)

    monkeypatch.setattr(presenting.PartMaker, "make", fail)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", "overlay.position=top")
    monkeypatch.undo()
    parts = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "parts").iterdir()}
    assert run(tmp_path / "run", "overlay.position=top") is None
    assert sum(path.stat().st_mtime_ns == when for path, when in parts.items()) >= 2
    run(tmp_path / "fresh", "overlay.position=top")
    assert results(tmp_path / "run") == results(tmp_path / "fresh")


def test_dropped_frames_are_dreamed_anew_for_other_text_if_that_is_agreed_to(tmp_path: Path) -> None:
    run(tmp_path, "film.clean_frames=drop")
    assert [path.name for path in (tmp_path / "segments").iterdir()] == [
        located(tmp_path, "segments/lead-in-0001.mkv").name
    ]
    assert run(tmp_path, "film.clean_frames=drop") is None
    with pytest.raises(UserError, match=r"(?s)overlay\.position: was .*the frames of 4 of 4 classes would be"):
        run(tmp_path, "film.clean_frames=drop", "overlay.position=top")
    worker = run(tmp_path, "film.clean_frames=drop", "overlay.position=top", agree=True)
    assert worker is not None
    assert len(worker.rounds) == 4


def test_frames_are_dropped_also_where_that_is_asked_for_afterwards(tmp_path: Path) -> None:
    run(tmp_path)
    film = (tmp_path / "atlas.mp4").read_bytes()
    assert run(tmp_path, "film.clean_frames=drop") is None
    assert [path.name for path in (tmp_path / "segments").iterdir()] == [
        located(tmp_path, "segments/lead-in-0001.mkv").name
    ]
    assert (tmp_path / "atlas.mp4").read_bytes() == film


@pytest.mark.parametrize(
    ("before", "after", "dreamed"),
    [
        (("classes.limit=2",), (), {"0002-000", "0002-001", "0003-000", "0003-001"}),
        ((), ("classes.select=[1,2,3,5,9]",), {"0004-000", "0004-001"}),
        ((), ("classes.limit=2",), set()),
        (("film.transition=reset",), ("film.transition=reset", "classes.select=[1,2,3,4,5]"), {"0003-000", "0003-001"}),
    ],
)
def test_a_run_grows(tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...], dreamed: set[str]) -> None:
    run(tmp_path, ONE_CHAIN, *before)
    worker = run(tmp_path, ONE_CHAIN, *after)
    assert {place for places in (worker.rounds if worker else []) for place in places} == dreamed
    assert run(tmp_path, ONE_CHAIN, *after) is None


def test_what_does_not_fit_is_dreamed_anew_if_that_is_agreed_to(tmp_path: Path) -> None:
    run(tmp_path, ONE_CHAIN)
    before, kept = results(tmp_path), names(tmp_path)
    changed = (ONE_CHAIN, "classes.select=[1,2,4,3,5]", "classes.order=listed")
    with pytest.raises(UserError, match=r"(?s)classes\.select.*the frames of 2 of 5 classes.*--yes") as caught:
        run(tmp_path, *changed)
    assert "rolling" not in str(caught.value).rpartition("\n")[2]
    assert results(tmp_path) == before
    worker = run(tmp_path, *changed, agree=True)
    assert worker is not None
    assert worker.rounds[0] == ["0002-000"] and len(worker.rounds) == 6
    assert names(tmp_path)["0001-000"] == kept["0001-000"]
    # Nothing was lost: the film of before is there at once.
    assert run(tmp_path, ONE_CHAIN) is None
    assert before.items() <= results(tmp_path).items()


@pytest.mark.parametrize("transition", ["carry", "reset"])
def test_longer_classes_go_on_from_where_they_ended(tmp_path: Path, transition: str) -> None:
    long = (ONE_CHAIN, f"film.transition={transition}", "run.segment_seconds=5")
    run(tmp_path, *long)
    before = frames(located(tmp_path, "segments/0000-000.mkv"))
    worker = run(tmp_path, *long, "film.seconds_per_class=2", agree=True)
    assert worker is not None
    assert worker.frames == (6 + 3 * 16 if transition == "carry" else 4 * 6)
    assert np.array_equal(frames(located(tmp_path, "segments/0000-000.mkv")), before)
    assert len(frames(tmp_path / "atlas.mp4")) == 64


def test_stills_of_more_classes_keep_those_that_are_there(tmp_path: Path) -> None:
    render_stills(request(tmp_path, "classes.limit=2"), Recorder(), FakeWorker)
    worker = FakeWorker(tiny_settings())
    render_stills(request(tmp_path), Recorder(), lambda _: worker)
    assert worker.groups == [[(3, 0), (5, 0)], [(3, worker.groups[1][0][1]), (5, worker.groups[1][1][1])]]


def test_text_on_fresh_stills_changes_without_dreaming(tmp_path: Path) -> None:
    def stills(directory: Path, *overrides: str) -> list[list[tuple[int, int]]]:
        worker = FakeWorker(tiny_settings())
        render_stills(request(directory, "stills.variants=2", *overrides), Recorder(), lambda _: worker)
        return worker.groups

    texts: list[tuple[str, ...]] = [(), ("stills.overlay=true",), ("stills.overlay=true", "overlay.position=top"), ()]
    for number, text in enumerate(texts):
        assert (stills(tmp_path / "run", *text) == []) == (number > 0)
        stills(tmp_path / str(number), *text)
        assert results(tmp_path / "run") == results(tmp_path / str(number))


def test_a_film_of_other_targets_altogether_is_asked_for_twice(tmp_path: Path) -> None:
    run(tmp_path, ONE_CHAIN)
    with pytest.raises(UserError, match=r"What is there is of other classes \(.*\); this would be another film.*--yes"):
        run(tmp_path, ONE_CHAIN, "classes.select=[7,8]")
    assert run(tmp_path, ONE_CHAIN, "classes.select=[7,8]", agree=True)


RESET = ("film.transition=reset", ONE_CHAIN)


def test_longer_classes_of_dropped_frames_are_asked_for(tmp_path: Path) -> None:
    drop = (*RESET, "film.clean_frames=drop", "run.segment_seconds=5")
    run(tmp_path, *drop)
    with pytest.raises(UserError, match=r"(?s)the frames of 4 of 4 classes would be dreamed anew"):
        run(tmp_path, *drop, "film.seconds_per_class=2")
    assert run(tmp_path, *drop) is None


def test_frames_are_not_dropped_before_the_network_has_looked_at_them(tmp_path: Path) -> None:
    long, scored = (*RESET, "run.segment_seconds=5"), "overlay.lines=['{title} {probability:.0%}']"
    run(tmp_path, *long)
    # The first half of each class was dreamed before anybody wanted to know what the network sees.
    wanted = (*long, "film.clean_frames=drop", scored, "film.seconds_per_class=2")
    assert run(tmp_path, *wanted, agree=True)
    found = [read_record(path, SegmentRecord) for path in RunPaths(tmp_path).segment_records()]
    assert [len((record and record.scores) or ()) for record in found] == [16] * 4
    assert not list((tmp_path / "segments").iterdir())
    assert run(tmp_path, *wanted) is None


def test_scores_of_dropped_frames_are_asked_for(tmp_path: Path) -> None:
    drop, scored = (ONE_CHAIN, "film.clean_frames=drop"), "overlay.lines=['{title} {probability:.0%}']"
    run(tmp_path, *drop)
    with pytest.raises(UserError, match=r"(?s)overlay\.lines: was .*the frames of 4 of 4 classes"):
        run(tmp_path, *drop, scored)
    assert run(tmp_path, *drop, scored, agree=True)


def test_dropped_frames_that_are_to_fade_into_another_chain_are_asked_for(tmp_path: Path) -> None:
    drop = "film.clean_frames=drop"
    run(tmp_path, drop, "film.chains=1")
    two = (drop, "film.chains=2", "film.crossfade_seconds=0.5")
    with pytest.raises(UserError, match=r"the frames of 3 of 4 classes would be dreamed anew"):
        run(tmp_path, *two)
    assert run(tmp_path, *two, agree=True)
    assert run(tmp_path, *two) is None


def test_a_lost_part_of_dropped_frames_is_mended(tmp_path: Path) -> None:
    drop = "film.clean_frames=drop"
    run(tmp_path, drop)
    film = frames(tmp_path / "atlas.mp4")
    next(path for path in sorted((tmp_path / "parts").iterdir()) if path.name.startswith("0003-")).unlink()
    assert run(tmp_path, drop)
    assert np.array_equal(frames(tmp_path / "atlas.mp4"), film)


def test_what_an_interrupted_change_left_is_asked_for_before_it_is_written_over(tmp_path: Path) -> None:
    run(tmp_path, *RESET)
    before = results(tmp_path)

    class Interrupting(FakeWorker):
        def segments(self, *_args: object, **_options: object) -> Iterator[Frame]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked = Request("tiny", tiny_settings(*RESET, "film.width=32"), tmp_path, agree=lambda _text: True)
        render(asked, Recorder(), Interrupting)
    with pytest.raises(UserError, match=r"the frames of 4 of 4 classes would be dreamed anew"):
        run(tmp_path, *RESET, "film.seconds_per_class=0.5")
    assert run(tmp_path, *RESET) is None
    assert before.items() <= results(tmp_path).items()


def test_stills_are_asked_for_once_where_the_change_was_interrupted(tmp_path: Path) -> None:
    class Interrupting(FakeWorker):
        def stills(self, *_args: object, **_options: object) -> Iterator[Still]:
            raise KeyboardInterrupt

    def stills(*overrides: str, agree: bool = False) -> FakeWorker:
        worker = FakeWorker(tiny_settings())
        asked = Request("tiny", tiny_settings(*overrides), tmp_path, agree=lambda _text: agree)
        render_stills(asked, Recorder(), lambda _: worker)
        return worker

    stills()
    before = results(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        asked = Request("tiny", tiny_settings("stills.steps=9"), tmp_path, agree=lambda _text: True)
        render_stills(asked, Recorder(), Interrupting)
    with pytest.raises(UserError, match=r"stills\.steps: was 9, is 8"):
        stills("stills.steps=8")
    assert stills("stills.steps=9").groups, "that was agreed to"
    with pytest.raises(UserError, match=r"stills\.steps: was 9") as refused:
        stills()
    assert "take the place of those that are there, in about" in str(refused.value)
    stills(agree=True)
    assert results(tmp_path) == before


def test_stills_that_a_film_left_with_other_settings_are_asked_for(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    render(request(tmp_path, "stills.steps=9"), Recorder(), FakeWorker)
    with pytest.raises(UserError, match=r"of earlier settings\. .* the stills of 4 of 4 classes would be dreamed anew"):
        render_stills(request(tmp_path, "stills.steps=9"), Recorder(), FakeWorker)


def test_going_back_to_what_is_there_is_not_asked_for(tmp_path: Path) -> None:
    run(tmp_path, *RESET)
    run(tmp_path, *RESET, "classes.select=[1]")
    assert run(tmp_path, *RESET, "classes.select=[3]") is None, "all of its frames are there"


def test_other_segments_are_asked_for(tmp_path: Path) -> None:
    run(tmp_path, *RESET, "run.segment_seconds=0.5")
    with pytest.raises(UserError, match=r"the frames of 4 of 4 classes would be dreamed anew"):
        run(tmp_path, *RESET, "run.segment_seconds=5")


def test_a_lost_lead_in_is_mended_also_where_frames_are_dropped(tmp_path: Path) -> None:
    drop = "film.clean_frames=drop"
    run(tmp_path, drop)
    film = frames(tmp_path / "atlas.mp4")
    located(tmp_path, "segments/lead-in-0001.mkv").unlink()
    worker = run(tmp_path, drop)
    assert worker is not None
    assert np.array_equal(frames(tmp_path / "atlas.mp4"), film)


def test_what_is_asked_tells_what_comes_and_goes_and_how_long_it_takes(tmp_path: Path) -> None:
    run(tmp_path, ONE_CHAIN, "classes.select=[1,3,5]")
    with pytest.raises(UserError) as refused:
        run(tmp_path, ONE_CHAIN, "classes.select=[1,2,5]")
    said = str(refused.value)
    assert "  added: melting face\n" in said and "  no longer asked for: " in said
    assert "the frames of 1 of 3 classes would be dreamed anew" in said
    assert "With what is new, 2 of 3 classes are to be dreamed, about" in said
    assert "stay on the disk" in said


def test_it_is_not_said_that_frames_stay_where_a_class_was_gone_on_with(tmp_path: Path) -> None:
    long = (*RESET, "run.segment_seconds=5")
    run(tmp_path, *long)
    run(tmp_path, *long, "film.seconds_per_class=2")
    with pytest.raises(UserError) as refused:
        run(tmp_path, *long)
    assert "4 of 4 classes would be dreamed anew" in str(refused.value)
    assert "stay on the disk" not in str(refused.value)
