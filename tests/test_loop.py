"""Films whose end grows into their beginning: no jump where they are played again, and all else as in other films."""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.timeline import build_timeline
from renderer.jobs.commands import Request, assemble, render
from renderer.jobs.preflight import preflight
from renderer.jobs.status import run_status
from renderer.media.captions import caption_at
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.settings.sections import Film
from renderer.targets.target import class_target
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, frame_digests, located, place_of, request, results, tiny_settings

LOOP = "film.loop=true"
SEEN = (
    "film.width=64",
    "film.height=48",
    "film.fps=8",
    "film.seconds_per_class=1",
    "film.lead_in_seconds=0.5",
    "dream.fresh_steps=40",
    "dream.steps_per_frame=3",
    "classes.select=[3,7,12]",
    "overlay.lines=[]",
    "video.quality=4",
    LOOP,
)
TARGETS = [class_target(index, f"class {index}") for index in range(4)]


def jumps(directory: Path, *overrides: str) -> tuple[float, float]:
    """How much the first frame differs from the last, and neighbors at most: in gray values, of a real film."""
    render(Request("loop", parse_settings("", "loop", [*SEEN, *overrides]), directory), Recorder())
    with av.open(str(directory / "atlas.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]
    neighbors = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    return float(np.abs(frames[0] - frames[-1]).mean()), float(max(neighbors))


@pytest.mark.parametrize(
    "overrides",
    [
        ("film.chains=1",),
        ("film.chains=3",),
        ("film.transition=crossfade",),
        ("classes.select=[3]",),
        ("film.seconds_per_class=0.5", "film.crossfade_seconds=2"),
    ],
)
def test_the_end_goes_over_into_the_beginning_as_neighbors_do(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    jump, neighbors = jumps(tmp_path, *overrides)
    assert jump < 1.25 * neighbors


def test_without_a_loop_there_is_a_jump(tmp_path: Path) -> None:
    jump, neighbors = jumps(tmp_path, "film.loop=false")
    assert jump > 2 * neighbors


def recipe(*overrides: str) -> FilmRecipe:
    return film_recipe(Chosen().fill_in(tiny_settings(*overrides)), TARGETS, {})


def segment_names(*overrides: str) -> dict[str, str]:
    return {place_of(one): one.name for chain in recipe(*overrides).timeline.chains for one in chain}


@pytest.mark.parametrize("transition", ["carry", "crossfade"])
@pytest.mark.parametrize("chains", [1, 2, 4])
@pytest.mark.parametrize("classes", [1, 5])
def test_the_first_chain_begins_with_the_last_class(transition: str, chains: int, classes: int) -> None:
    film = Film.model_validate({"loop": True, "transition": transition, "chains": chains, "fps": 10})
    timeline = build_timeline(film, classes, 1.0)
    lead_in, last = timeline.chains[0][0], timeline.segments[-1]
    assert lead_in.is_lead_in
    assert (lead_in.position, lead_in.start_frame + lead_in.frames) == (classes - 1, timeline.frames)
    seam = timeline.seam(last, 4)
    assert seam is not None
    assert (seam.lead_in, seam.first) == (lead_in, last.frames - 4)


def test_hard_borders_stay_hard() -> None:
    assert recipe("film.transition=reset", LOOP).timeline == recipe("film.transition=reset").timeline


def test_only_the_first_chain_is_other_than_without_a_loop() -> None:
    open_, looped = segment_names("film.chains=2"), segment_names("film.chains=2", LOOP)
    assert looped.keys() - open_.keys() == {"lead-in-0000"}
    assert {place for place in open_ if looped[place] != open_[place]} == {place for place in open_ if place < "0002"}


def test_the_first_class_is_walked_to_from_the_last_one() -> None:
    blend = "film.blend_seconds=0.5"
    assert segment_names(blend)["0000-000"] == segment_names()["0000-000"]
    assert segment_names(LOOP, blend)["0000-000"] != segment_names(LOOP)["0000-000"]


def test_a_recipe_without_a_loop_tells_nothing_of_it() -> None:
    assert "loop" not in recipe()._told()["film"]
    assert recipe().digest != recipe(LOOP).digest


@pytest.mark.parametrize("key", ["lead_in_seconds", "crossfade_seconds"])
def test_a_loop_that_would_jump_is_refused(key: str) -> None:
    with pytest.raises(UserError, match=r"loop: .* a frame at least, 0\.125 s; raise them, or set loop to false"):
        tiny_settings(LOOP, f"film.{key}=0.1")
    tiny_settings(LOOP, f"film.{key}=0.1", "film.transition=reset")


def test_a_loop_that_starts_from_a_film_is_refused() -> None:
    with pytest.raises(UserError, match=r"film\.loop: a film that starts from another one .*; set film\.loop to false"):
        parse_settings("", "loop", [LOOP, "start.kind=film"])


def test_titles_go_round() -> None:
    def told(position: int, shown: list[int] | None = None, count: int = 4) -> tuple[int | None, int | None]:
        caption = caption_at(TARGETS[:count], position, {}, shown=shown, loops=True)
        return caption.previous and caption.previous.index, caption.next and caption.next.index

    assert (told(0), told(1), told(3)) == ((3, 1), (0, 2), (2, 0))
    # A piece of a film does not go round, and nothing is beside itself.
    assert (told(0, [0, 2]), told(2, [0, 2])) == ((None, 2), (0, None))
    assert told(0, count=1) == (None, None)


@pytest.fixture(scope="module")
def whole_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A looped film that nobody interrupted."""
    directory = tmp_path_factory.mktemp("whole")
    render(request(directory, LOOP), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def whole(whole_directory: Path) -> dict[str, object]:
    return results(whole_directory)


def _continue(directory: Path) -> FakeWorker:
    worker = FakeWorker(request(directory).settings)
    render(request(directory, LOOP), Recorder(), lambda settings: worker)
    return worker


def test_only_the_frames_of_the_seam_are_mixed(tmp_path: Path) -> None:
    plain = ("overlay.lines=[]", "video.codec=ffv1", "run.batch=1")
    render(request(tmp_path / "open", *plain), Recorder(), FakeWorker)
    render(request(tmp_path / "looped", *plain, LOOP), Recorder(), FakeWorker)
    open_, looped = (frame_digests(tmp_path / name / "atlas.mkv") for name in ("open", "looped"))
    # The second of two chains of 20 frames; the three of the crossfade lie in its last two segments.
    assert [place for place in range(20, 40) if open_[place] != looped[place]] == [37, 38, 39]


def test_a_finished_loop_is_known_as_such_and_its_page_repeats_it(whole_directory: Path) -> None:
    assert run_status(whole_directory).is_finished
    assert '"loops":true' in (whole_directory / "index.html").read_text()


_KILLED = """
import os, signal, sys
from pathlib import Path
from renderer.jobs.commands import render
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

def kill(number):
    if number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

render(request(Path(sys.argv[1]), "film.loop=true"), Recorder(), lambda settings: FakeWorker(settings, kill))
"""


@pytest.mark.parametrize("frame", [2, 8 + 16 + 4 + 6])
def test_killed_and_continued_it_is_the_same_film(tmp_path: Path, whole: dict[str, object], frame: int) -> None:
    # 2 chains: 4 frames of each lead-in, then 8 frames and 2 of each class.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", _KILLED, str(tmp_path), str(frame)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    worker = _continue(tmp_path)
    lead_ins = [["lead-in-0000", "lead-in-0001"], ["0000-000", "0002-000"], ["0000-001", "0002-001"]]
    assert worker.rounds == [*(lead_ins if frame == 2 else []), ["0001-000", "0003-000"], ["0001-001", "0003-001"]]
    assert results(tmp_path) == whole


@pytest.mark.parametrize("kept", ["4", "drop"])
def test_a_lost_lead_in_is_dreamed_again_and_the_film_is_the_same(tmp_path: Path, kept: str) -> None:
    asked = request(tmp_path, LOOP, f"film.clean_frames={kept}")
    render(asked, Recorder(), FakeWorker)
    before = results(tmp_path)
    located(tmp_path, "segments/lead-in-0000.mkv").unlink()
    render(asked, Recorder(), FakeWorker)
    assert results(tmp_path) == before


def test_an_unfinished_film_is_assembled_as_far_as_it_is(tmp_path: Path) -> None:
    def stop(number: int) -> None:
        if number == 8 + 16 + 4 + 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path, LOOP), Recorder(), lambda settings: FakeWorker(settings, stop))
    found = run_status(tmp_path)
    assert found.film is not None
    assert (found.film.pictures_done, found.film.pictures) == (20, 40)
    assemble(tmp_path, Recorder())
    assert len(frame_digests(tmp_path / "atlas.mp4")) == 20


def test_a_loop_that_is_turned_on_later_costs_the_first_chain(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    with pytest.raises(UserError, match=r"(?s)film\.loop: was not set, is true.*the frames of 2 of 4 classes"):
        _continue(tmp_path)


def test_all_is_checked_before_a_loop_is_rendered(tmp_path: Path) -> None:
    found = list(preflight(request(tmp_path, LOOP), film=True, quick=False, make_worker=FakeWorker))
    assert [finding.text for finding in found if finding.state == "failed"] == []
