"""A film as the start: dreamed frame by frame as one picture that moves, in time, in level, and alike after a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_small

from renderer.common.errors import UserError
from renderer.common.source_film import FILM, FilmReader
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.sequence import dream_segments
from renderer.film.tasks import Frame, Picture, SegmentTask
from renderer.film.timeline import Segment
from renderer.jobs.commands import Request, render
from renderer.networks.loaded import load_network
from renderer.settings.chosen import Chosen
from renderer.settings.loading import check_settings, parse_settings
from renderer.settings.sections import Settings
from renderer.starts.film_start import FilmStart
from renderer.starts.flow import find_by_dis, find_flow, flicker
from renderer.starts.raft import find_by_raft
from renderer.starts.start import ALL, FLOW, OpenedWith, StartFile
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, chapters, frame_digests, results
from tests.networks.tiny import aims, tiny_network
from tests.starts.film_making import EXACT, drifting, make_film
from tests.starts.film_making import Picture as SourcePicture

HEIGHT, WIDTH, FPS = 48, 64, 10


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, with a sound in the first of them."""
    sound = ["-f", "lavfi", "-i", "sine=d=1"]
    path = tmp_path_factory.mktemp("source") / "source.mp4"
    return make_film(path, drifting(30, (HEIGHT, WIDTH)), FPS, sound=sound)


def settings(path: Path, **said: object) -> Settings:
    """Settings with a film as the start; what is said has dotted keys."""
    return check_settings({"start": {"kind": "film", "path": str(path)}}, {"classes.select": [1, 2], **said})


def recipe_of(given: Settings) -> FilmRecipe:
    file = StartFile(path=given.start.files(())[ALL], digest="")
    return film_recipe(Chosen().fill_in(given), aims(1, 2), {}, {ALL: file})


def dreamed(recipe: FilmRecipe, segments: Sequence[Segment], start: Picture | None = None) -> list[Picture]:
    shown = [start] if start is not None else []
    for segment in segments:
        tasks = [SegmentTask(segment, shown[-1] if shown else None)]
        for given in dream_segments(tiny_network(), recipe, tasks):
            shown += [one.picture for one in given if isinstance(one, Frame)]
    return shown if start is None else shown[1:]


def frames_of(path: Path, count: int) -> list[SourcePicture]:
    with FilmReader(path, (HEIGHT, WIDTH), FPS) as reader:
        return [reader.frame(number) for number in range(count)]


def test_what_is_not_said_follows_from_the_film(source: Path) -> None:
    film, motion = (found := settings(source)).film, found.motion
    assert (film.width, film.height, film.fps, film.seconds_per_class) == (WIDTH, HEIGHT, FPS, 1.5)
    assert (motion.zoom, motion.rotate, found.dream.fresh_steps) == (1, 0, 0)
    assert recipe_of(found).timeline.frames == 30


def test_classes_share_what_those_with_seconds_of_their_own_leave(source: Path) -> None:
    select = [{"select": 1, "seconds": 0.5}, 2, {"card": "A", "seconds": 0.5}, 3]
    film = settings(source, **{"classes.select": select, "classes.order": "listed"}).film
    assert film.seconds_per_class == pytest.approx(1.0)


def test_what_is_said_comes_first(source: Path) -> None:
    said = {"film.fps": 5, "film.width": 32, "film.seconds_per_class": 0.4, "motion.zoom": 1.1, "dream.fresh_steps": 3}
    found = settings(source, **said)
    assert (found.film.width, found.film.height) == (32, 24)
    assert (found.film.fps, found.film.seconds_per_class) == (5, 0.4)
    assert (found.motion.zoom, found.motion.rotate, found.dream.fresh_steps) == (1.1, 0, 3)


def test_a_large_film_is_made_smaller(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", drifting(3, (90, 1920)), coding=["-vf", "setsar=1", *EXACT])
    assert (settings(path).film.width, settings(path).film.height) == (1280, 60)


def test_a_longer_film_than_the_source_is_refused(source: Path, tmp_path: Path) -> None:
    asked = Request("film", settings(source, **{"film.seconds_per_class": 1.6}), tmp_path / "run")
    with pytest.raises(UserError, match=r"film\.seconds_per_class: the film would have 32 frames.*has 30"):
        render(asked, Recorder())
    assert not (tmp_path / "run").exists()


def test_no_film_is_refused_by_its_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"start\.path: there is no file"):
        settings(tmp_path / "gone.mp4")


def test_without_opencv_nothing_begins(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r'pip install "neuron-atlas\[film\]"'):
        render(Request("film", settings(source), tmp_path / "run"), Recorder())


@pytest.mark.parametrize(("zoom", "transition"), [(1.0, "carry"), (1.5, "carry"), (1.0, "reset"), (1.5, "crossfade")])
def test_without_steps_it_is_the_source(source: Path, zoom: float, transition: str) -> None:
    said = {"dream.steps_per_frame": 0, "motion.zoom": zoom, "film.transition": transition, "film.forget": 0.5}
    recipe = recipe_of(settings(source, **said))
    found, wanted = dreamed(recipe, recipe.timeline.segments), frames_of(source, 30)
    assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found, wanted, strict=True)) <= 1


def test_a_film_in_parts_is_as_a_whole_one(source: Path) -> None:
    def parts(seconds: float) -> list[Picture]:
        said = {"dream.steps_per_frame": 1, "run.segment_seconds": seconds, "film.seconds_per_class": 0.8}
        recipe = recipe_of(settings(source, **said))
        return dreamed(recipe, recipe.timeline.segments)

    # Between segments a picture is rounded to 8 bits.
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(parts(9.0), parts(0.3), strict=True)) < 3


def test_a_lead_in_dreams_the_frames_before_its_chain(source: Path) -> None:
    said = {"film.chains": 2, "film.lead_in_seconds": 0.5, "dream.steps_per_frame": 0}
    recipe = recipe_of(settings(source, **said))
    lead_in = recipe.timeline.chains[1][0]
    assert lead_in.is_lead_in and lead_in.start_frame == 15 - 5
    found, wanted = dreamed(recipe, [lead_in]), frames_of(source, 30)[10:15]
    assert max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found, wanted, strict=True)) <= 1


def test_the_same_class_later_in_the_film_is_another_segment(source: Path) -> None:
    one, two = (recipe_of(settings(source, **{"film.seconds_per_class": seconds})) for seconds in (1.0, 1.5))
    first, second = ([segment.name for segment in recipe.timeline.segments] for recipe in (one, two))
    assert first[0] == second[0] and first[1] != second[1]


def _flickers(found: Sequence[Picture], seen: Sequence[Picture]) -> float:
    pairs = zip(found, found[1:], seen, seen[1:], strict=False)
    return float(np.mean([flicker(a, b, find_flow(c, d, find_by_dis)) for a, b, c, d in pairs]))


def test_it_flickers_half_as_much_as_frames_dreamed_one_by_one(source: Path) -> None:
    given = check_settings(settings(source), {"classes.select": ["tiger face"], "start.keep": 0})
    network, seen = load_network(given.network), frames_of(source, 8)

    def film(steps: int, tasks: Sequence[Segment]) -> list[Picture]:
        recipe = recipe_of(check_settings(given, {"dream.steps_per_frame": steps}))
        shown = [dream_segments(network, recipe, [SegmentTask(segment, None)]) for segment in tasks]
        return [one.picture for given in shown for frames in given for one in frames if isinstance(one, Frame)]

    whole = replace(recipe_of(given).timeline.segments[0], frames=8, class_frames=8)
    flowing, single = film(3, [whole]), film(20, [replace(whole, frames=1, start_frame=k) for k in range(8)])
    aim = recipe_of(given).aims[0]
    # What is compared is as strongly dreamed as what it is compared with.
    scores = [network.scores(pictures[-1][None], [aim])[0].activation for pictures in (flowing, single)]
    assert scores[0] > 0.8 * scores[1]
    own = _flickers(seen, seen)
    assert _flickers(flowing, seen) - own < (_flickers(single, seen) - own) / 2


def test_the_level_stays(tmp_path: Path) -> None:
    pictures = [picture // 2 for picture in drifting(160, (32, 40))]  # dark: far from what is level without a film
    path = make_film(tmp_path / "film.mp4", pictures, 25)
    recipe = recipe_of(settings(path, **{"start.keep": 0, "dream.steps_per_frame": 3}))
    found = dreamed(recipe, recipe.timeline.segments)
    own, theirs = (np.array([[one.mean(), one.std()] for one in shown]) / 255 for shown in (found, pictures))
    early, late = (own - theirs)[40:80].mean(axis=0), (own - theirs)[-40:].mean(axis=0)
    assert np.abs(late - early).max() < 0.04
    assert abs(late[0]) < 0.12


@pytest.fixture(scope="module")
def rendered(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    directory = tmp_path_factory.mktemp("run")
    render(_asked(source, directory), Recorder())
    return directory


def _asked(source: Path, directory: Path) -> Request:
    said = {"classes.select": ["tiger face", "pizza"], "dream.steps_per_frame": 1, "run.segment_seconds": 0.6}
    return Request("film", settings(source, **said, **{"run.threads": 1, "run.lose_at_most": 0}), directory)


def test_frames_sound_and_classes_are_in_time(rendered: Path) -> None:
    film = rendered / "atlas.mp4"
    assert [(title, float(start)) for title, start in chapters(film)] == [("tiger face", 0), ("pizza", 1.5)]
    with av.open(str(film)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.average_rate, video.width, video.height, video.frames) == (FPS, WIDTH, HEIGHT, 30)
        heard = np.concatenate([part.to_ndarray() for part in container.decode(sound)], axis=1)[0]
    rate = 48_000
    assert np.abs(heard[rate // 4 : rate * 3 // 4]).mean() > 0.02  # there it is
    assert np.abs(heard[rate * 3 // 2 : rate * 5 // 2]).max() < 0.001  # and does not begin again


_KILLED = """
import os, signal, sys
from pathlib import Path
from renderer.jobs.commands import render
from tests.film_helpers import Recorder
from tests.starts.test_film_start import _asked

class Killing(Recorder):
    def advance(self, amount, showing):
        super().advance(amount, showing)
        if self.done.pictures >= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

render(_asked(Path(sys.argv[1]), Path(sys.argv[2])), Killing())
"""


def test_killed_and_continued_it_is_the_same(source: Path, rendered: Path, tmp_path: Path) -> None:
    # In the middle of the second of six segments.
    command = [sys.executable, "-c", _KILLED, str(source), str(tmp_path), "9"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    render(_asked(source, tmp_path), Recorder())
    assert frame_digests(tmp_path / "atlas.mp4") == frame_digests(rendered / "atlas.mp4")
    assert results(tmp_path) == results(rendered)


def test_another_film_under_the_same_name_is_noticed(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "source.mp4"
    mine.write_bytes(source.read_bytes())
    asked = _asked(mine, tmp_path / "run")
    render(asked, Recorder(), FakeWorker)
    make_film(mine, drifting(30, (HEIGHT, WIDTH), seed=9), FPS)
    with pytest.raises(UserError, match=r"start\.path"):
        render(asked, Recorder(), FakeWorker)


def test_motion_is_found_by_raft_where_its_weights_are_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    start = FilmStart()
    assert set(start.files([])) == {ALL}
    with pytest.raises(UserError, match=r"^start\.flow: the weights of RAFT are not there; download https"):
        FilmStart(flow="raft").files([])
    weights = tmp_path / "hub" / "checkpoints" / "raft_small_C_T_V2-01064c6d.pth"
    weights.parent.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(raft_small(weights=None).state_dict(), weights)
    assert start.files([])[FLOW] == FilmStart(flow="raft").files([])[FLOW] == weights
    assert FLOW not in FilmStart(flow="dis").files([])
    field = find_by_raft(weights, "cpu")(np.zeros((40, 72, 3), np.uint8), np.zeros((40, 72, 3), np.uint8))
    assert field.shape == (40, 72, 2) and field.dtype == np.float32
    weights.write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"^start\.flow: .* does not hold the weights of raft_small"):
        find_by_raft(weights, "meta")


def test_the_way_in_which_motion_is_found_is_in_the_recipe(tmp_path: Path) -> None:
    settings = parse_settings("start: {kind: film}", "x")
    film = StartFile(path=FILM, digest="a")
    plain, by_raft = (
        film_recipe(Chosen().fill_in(settings), aims(1), {}, {ALL: film, **more})
        for more in ({}, {FLOW: StartFile(path=tmp_path, digest="b")})
    )
    assert plain.digest != by_raft.digest and plain.differences(by_raft) == {"start.flow": (None, "b")}


def test_a_panorama_is_followed_across_its_border() -> None:
    round_about = FilmStart().opened((64, 128), 10.0, OpenedWith(None, goes_round=True))
    flat = FilmStart().opened((64, 128), 10.0, OpenedWith(None))
    _, columns = np.mgrid[:64, :128]
    texture = np.random.default_rng(0).random((64, 128, 3))
    smooth = sum(np.roll(texture, (down, across), (0, 1)) for down in range(4) for across in range(4)) / 16
    frames = {number: (np.roll(smooth, 3 * number, 1) * 255).astype(np.uint8) for number in (0, 1)}
    dreamed = np.ascontiguousarray(np.stack([np.sin(columns * np.pi / 16) * 0.2] * 3)).astype(np.float32)
    found = []
    for start in (round_about, flat):
        start._kept = dict(frames)
        found.append(start.carried(dreamed, 1))
        start.close()
    wanted = np.roll(dreamed, 3, 2)
    border = np.s_[:, 8:-8, :3]
    around, across = (np.abs(one - wanted)[border].mean() for one in found)
    assert around < 0.03 and across > 0.05
