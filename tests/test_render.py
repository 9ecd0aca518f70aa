"""A run from start to end, with a worker that has no network: files, contents, settings that changed, failures."""

import json
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from PIL import Image, ImageFont

from renderer.common.errors import UserError
from renderer.common.ffmpeg import EncodingError
from renderer.jobs.commands import Outcome, assemble, make_page, render, render_stills
from renderer.jobs.status import run_status
from renderer.jobs.stills import attempt_seed
from renderer.media.encoding import SegmentEncoder
from renderer.settings.sections import Settings
from renderer.store.paths import RunPaths
from renderer.store.records import SimilarityRecord, read_record
from renderer.store.run_file import keep_run_file, read_run_file
from renderer.targets.similarity import similarity_order
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, chapters, frame_digests, located, request, results


def _render(directory: Path, *overrides: str, restart: bool = False) -> tuple[Outcome, FakeWorker | None, Recorder]:
    """Outcome, the worker if one was needed, and what was told."""
    workers: list[FakeWorker] = []
    recorder = Recorder()

    def make(settings: object) -> FakeWorker:
        workers.append(FakeWorker(request(directory, *overrides).settings))
        return workers[-1]

    outcome = render(request(directory, *overrides, restart=restart), recorder, make)
    return outcome, workers[0] if workers else None, recorder


def test_a_film_has_its_frames_chapters_stills_and_index(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    outcome, worker, recorder = _render(directory)
    assert worker
    assert worker.closed
    assert outcome.film == directory / "atlas.mp4"
    assert len(frame_digests(directory / "atlas.mp4")) == 40
    index = json.loads((directory / "atlas.json").read_text())
    titles = [entry["title"] for entry in index["classes"]]
    assert chapters(directory / "atlas.mp4") == [(title, place * 1.25) for place, title in enumerate(titles)]
    assert index["film"] == {
        "path": "atlas.mp4", "width": 24, "height": 16, "fps": 8.0, "frames": 40, "seconds": 5.0
    }  # fmt: skip
    assert list(index) == ["version", "network", "film", "classes"]
    first, second, *_ = index["classes"]
    assert list(first) == [
        "index", "wnid", "title", "group", "still", "start_frame", "frames", "start_seconds", "logit", "probability",
        "rank", "seed", "top",
    ]  # fmt: skip
    assert (second["index"], second["start_frame"], second["frames"], second["start_seconds"]) == (2, 10, 10, 1.25)
    assert list(first["top"][0]) == ["index", "title", "probability"]
    assert [entry["still"] for entry in index["classes"]] == [
        f"stills/{path.name}" for path in sorted((directory / "stills").iterdir())
    ]
    assert recorder.units == ["frames"]
    assert recorder.total.classes == 4
    assert [entry.title for entry in outcome.unrecognized] == titles[2:]


def test_the_index_tells_the_size_of_the_film_itself(tmp_path: Path) -> None:
    outcome, _, _ = _render(tmp_path, "film.width=25", "film.height=17")
    with av.open(str(outcome.film)) as film:
        stream = film.streams.video[0]
        assert outcome.index.film
        assert (outcome.index.film.width, outcome.index.film.height) == (stream.width, stream.height) == (26, 18)
    assert Image.open(next(iter(outcome.paths.stills.glob("*.png")))).size == (25, 17)


def test_what_looks_alike_to_the_network_is_kept_for_the_page(tmp_path: Path) -> None:
    outcome, worker, _ = _render(tmp_path)
    assert worker
    found = read_record(outcome.paths.similarity, SimilarityRecord)
    assert found
    indices = [1, 2, 3, 5]
    assert found.keys == tuple(f"{indices[place]:04d}" for place in similarity_order(worker.output_weights()[indices]))


def test_stills_are_the_last_frames_without_text(tmp_path: Path) -> None:
    outcome, _, _ = _render(tmp_path, "overlay.size=0.5", "video.codec=ffv1", "film.chains=1")
    for position, entry in enumerate(outcome.index.classes):
        assert entry.still
        still = np.array(Image.open(tmp_path / entry.still))
        with Image.open(located(tmp_path, f"state/{position:04d}-001.png")) as state:
            assert np.array_equal(still, np.array(state))
    plain = _frames(tmp_path / "atlas.mkv")[9]
    written = np.array(Image.open(tmp_path / "stills" / "0001-rolling-on-the-floor-laughing.png"))
    assert plain.shape == written.shape == (16, 24, 3)
    assert not np.array_equal(plain, written)


def test_without_text_the_film_is_what_was_dreamed(tmp_path: Path) -> None:
    _render(tmp_path, "overlay.lines=[]", "video.codec=ffv1", "film.chains=1", "film.clean_frames=lossless")
    frame = _frames(tmp_path / "atlas.mkv")[39]
    assert np.array_equal(frame, np.array(Image.open(located(tmp_path, "state/0003-001.png"))))


def test_chains_fade_into_each_other(tmp_path: Path) -> None:
    _render(tmp_path, "overlay.lines=[]", "video.codec=ffv1", "film.clean_frames=lossless")
    frame = _frames(tmp_path / "atlas.mkv")[19].astype(float)
    ends = np.array(Image.open(located(tmp_path, "state/0001-001.png"))).astype(float)
    begins = _frames(located(tmp_path, "segments/lead-in-0001.mkv"))
    assert len(begins) == 4
    assert np.abs(frame - (0.25 * ends + 0.75 * begins[-1])).max() <= 0.51
    assert np.abs(begins[-1] - ends).max() > 10
    # The next chain goes on from what the film has faded into.
    assert np.array_equal(begins[-1], np.array(Image.open(located(tmp_path, "state/lead-in-0001.png"))))


def _frames(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    _render(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.[mp]*") if path.is_file()}
    _, worker, _ = _render(tmp_path)
    assert worker is None
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_settings_that_change_no_pixels_are_taken_up(tmp_path: Path) -> None:
    _render(tmp_path)
    _, worker, _ = _render(tmp_path, "video.title=Other", "video.subtitles=false", "page.title=X", "run.device=cpu")
    assert worker is None
    with av.open(str(tmp_path / "atlas.mp4")) as container:
        assert container.metadata["title"] == "Other"
        assert not container.streams.subtitles
    assert not (tmp_path / "atlas.vtt").exists()
    assert yaml.safe_load((tmp_path / "run.yaml").read_text())["settings"]["video"]["title"] == "Other"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("film.width=32", r"film\.width: was 24, is 32"),
        ("run.seed=4", r"run\.seed: was 0, is 4"),
        ("classes.select=[2,3,5]", r"classes\.select: was \[1, 2, 3, 5\], is \[2, 3, 5\]"),
    ],
)
def test_settings_that_change_pixels_are_refused(tmp_path: Path, override: str, message: str) -> None:
    _render(tmp_path)
    before = results(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        _render(tmp_path, override)
    assert "--restart" in str(caught.value)
    assert results(tmp_path) == before


def test_the_same_classes_said_otherwise_are_the_same(tmp_path: Path) -> None:
    _render(tmp_path)
    _, worker, _ = _render(tmp_path, 'classes.select=["1-3", "zany face"]')
    assert worker is None


def test_another_weights_file_is_refused_and_another_place_is_not(tmp_path: Path) -> None:
    weights = tmp_path / "a.pth"
    weights.write_bytes(b"weights")
    network = "network={source: torchvision, name: squeezenet1_1, weights: %s}"
    _render(tmp_path / "run", network % weights)
    weights.rename(tmp_path / "b.pth")
    _render(tmp_path / "run", network % (tmp_path / "b.pth"))
    (tmp_path / "b.pth").write_bytes(b"Weights")
    with pytest.raises(UserError, match=r"network\.weights"):
        _render(tmp_path / "run", network % (tmp_path / "b.pth"))


_NETWORK = "network={source: torchvision, name: squeezenet1_1, weights: %s}"


def test_other_weights_by_name_are_refused(tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "a.pth"
    file.write_bytes(b"weights")
    _render(run, _NETWORK % "IMAGENET1K_V1")
    for other in ("IMAGENET1K_V2", file):
        with pytest.raises(UserError, match=rf'network\.weights: was "IMAGENET1K_V1", is "{other}"'):
            _render(run, _NETWORK % other)
    _, worker, _ = _render(run, _NETWORK % "IMAGENET1K_V1")
    assert worker is None


def test_the_font_is_told_by_what_it_is_and_not_where(tmp_path: Path) -> None:
    here, there, run = tmp_path / "here.ttf", tmp_path / "there.ttf", tmp_path / "run"
    for path in (here, there):
        path.write_bytes(ImageFont.load_default(10).path.getvalue())
    _render(run, f"overlay.font={here}")
    parts = {path: path.stat().st_mtime_ns for path in (run / "parts").iterdir()}
    for override in (f"overlay.font={there}", f"overlay.font={here}"):
        _, worker, _ = _render(run, override)
        assert worker is None
        assert {path: path.stat().st_mtime_ns for path in parts} == parts
    there.write_bytes(there.read_bytes() + b"another version")
    _, worker, _ = _render(run, f"overlay.font={there}")
    assert worker is None
    assert all(path.stat().st_mtime_ns != when for path, when in parts.items())


def test_a_run_stands_for_itself_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    for folder in (work, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(work)
    (work / "a.pth").write_bytes(b"weights")
    with wave.open(str(work / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    names = [f"{index},class {index}" for index in range(8)]
    (work / "classes.csv").write_text("\n".join(["index,title", *names]))
    network = "network={source: torchvision, weights: %s/a.pth, classes: %s/classes.csv}"
    _render(tmp_path / "run", network % (".", "."), "video.audio=sound.wav")
    monkeypatch.chdir(elsewhere)
    (tmp_path / "run" / "atlas.mp4").unlink()
    assert assemble(tmp_path / "run", Recorder()).film
    _, worker, _ = _render(tmp_path / "run", network % (work, work), f"video.audio={work / 'sound.wav'}")
    assert worker is None
    settings = yaml.safe_load((tmp_path / "run" / "run.yaml").read_text())["settings"]
    assert settings["video"]["audio"] == str(work / "sound.wav")


def test_a_network_that_cannot_be_loaded_costs_nothing(tmp_path: Path) -> None:
    def fail(settings: Settings) -> FakeWorker:
        raise UserError("no such network")

    for make in (render, render_stills):
        with pytest.raises(UserError, match="no such network"):
            make(request(tmp_path / "new"), Recorder(), fail)
    assert list(tmp_path.iterdir()) == []
    _render(tmp_path / "run")
    before = results(tmp_path / "run")
    with pytest.raises(UserError, match="no such network"):
        render(request(tmp_path / "run", restart=True), Recorder(), fail)
    assert results(tmp_path / "run") == before


def test_stills_are_continued_with_other_settings_of_films(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    others = ("dream.steps_per_frame=3", "dream.fresh_steps=3", "motion.zoom=1.4")
    worker = FakeWorker(request(tmp_path).settings)
    render_stills(request(tmp_path, *others), Recorder(), lambda settings: worker)
    assert worker.groups == []


def test_other_versions_are_a_warning(tmp_path: Path) -> None:
    _render(tmp_path)
    old = read_run_file(tmp_path / "run.yaml")
    versions = {**old.versions, "torch": "1.0.0"}
    keep_run_file(RunPaths(tmp_path), old.model_copy(update={"versions": versions}))
    _, _, recorder = _render(tmp_path)
    assert [note for note in recorder.notes if "torch 1.0.0" in note]


def test_restart_removes_what_runs_wrote_and_nothing_else(tmp_path: Path) -> None:
    _render(tmp_path)
    foreign = [tmp_path / name for name in ("notes.txt", "stills/9999-mine.png", "segments/mine.mp4", "state/mine.txt")]
    foreign += [tmp_path / name for name in ("segments/2024-001.txt", "atlas/mine.png", "state/0000-000.txt")]
    foreign += [tmp_path / name for name in ("segments/0000-000.mkv", "parts/0000-000.mp4")]
    (tmp_path / "atlas").mkdir()
    for path in foreign:
        path.write_text("mine")
    outcome, worker, _ = _render(tmp_path, "classes.select=[7]", "video.codec=ffv1", restart=True)
    assert worker
    assert [path.name for path in tmp_path.glob("atlas.m*")] == ["atlas.mkv"]
    assert all(path.read_text() == "mine" for path in foreign)
    assert len(outcome.index.classes) == 1
    segments = {path for path in (tmp_path / "segments").iterdir() if path not in foreign}
    assert segments == {located(tmp_path, f"segments/0000-00{part}.mkv") for part in (0, 1)}
    assert len(list((tmp_path / "stills").iterdir())) == 2


@pytest.mark.parametrize("restart", [False, True])
def test_a_directory_with_other_things_is_refused(tmp_path: Path, restart: bool) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match=r"not empty.*thesis\.tex.*--output"):
        _render(tmp_path, restart=restart)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="is a file"):
        _render(tmp_path / "thesis.tex", restart=restart)


@pytest.mark.parametrize("restart", [False, True])
def test_a_directory_with_a_run_file_of_another_program_is_refused(tmp_path: Path, restart: bool) -> None:
    foreign = [tmp_path / name for name in ("run.yaml", "index.html", "segments/2024-001.txt")]
    (tmp_path / "segments").mkdir()
    for path in foreign:
        path.write_text("experiment: 12")
    with pytest.raises(UserError, match="holds no run") as caught:
        _render(tmp_path, restart=restart)
    assert "--restart" not in str(caught.value)
    assert all(path.read_text() == "experiment: 12" for path in foreign)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(foreign)


@pytest.mark.parametrize(("codec", "film"), [("ffv1", "atlas.mkv"), ("png", "atlas")])
def test_restart_removes_a_film_whose_record_was_not_written(tmp_path: Path, codec: str, film: str) -> None:
    _render(tmp_path, f"video.codec={codec}")
    (tmp_path / "state" / "film.json").unlink()
    assert (tmp_path / film).exists()
    _render(tmp_path, restart=True)
    assert not (tmp_path / film).exists()
    assert (tmp_path / "atlas.mp4").exists()


def test_wrong_templates_fonts_and_sounds_are_found_before_anything_is_written(tmp_path: Path) -> None:
    for override in ("overlay.lines=['{titel}']", "overlay.font=missing.ttf", "video.audio=missing.ogg"):
        with pytest.raises(UserError):
            _render(tmp_path / "run", override)
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_dies_costs_only_its_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = SegmentEncoder.write
    written = []

    def fail(self: SegmentEncoder, frame: np.ndarray) -> None:
        written.extend([frame] if self._path.suffix == ".mkv" else [])
        if len(written) == 29:  # with those of the lead-in
            raise EncodingError("no more")
        write(self, frame)

    monkeypatch.setattr(SegmentEncoder, "write", fail)
    with pytest.raises(EncodingError):
        _render(tmp_path)
    monkeypatch.undo()
    finished = ["lead-in-0001", *(f"{position:04d}-{part:03d}" for position in (0, 2) for part in (0, 1))]
    assert set((tmp_path / "segments").iterdir()) == {located(tmp_path, f"segments/{name}.mkv") for name in finished}
    assert len(json.loads((tmp_path / "atlas.json").read_text())["classes"]) == 2
    _, worker, _ = _render(tmp_path)
    assert worker
    assert worker.rounds == [["0001-000", "0003-000"], ["0001-001", "0003-001"]]


def test_a_film_and_a_page_are_made_beside_a_running_render(tmp_path: Path) -> None:
    made: list[int] = []

    def look(number: int) -> None:
        if number == 38:
            make_page(tmp_path)
            for part in ("0000-000", "0002-000"):
                while not located(tmp_path, f"state/{part}.part.json").exists():
                    time.sleep(0.01)
            film = assemble(tmp_path, Recorder()).film
            assert film
            made.append(len(_frames(film)))

    render(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, look))
    assert made and made[0] >= 16
    assert len(_frames(tmp_path / "atlas.mp4")) == 40


def test_assemble_makes_a_film_of_an_unfinished_run(tmp_path: Path) -> None:
    recorder = Recorder()

    def stop(number: int) -> None:
        if number == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path), recorder, lambda settings: FakeWorker(settings, stop))
    status = run_status(tmp_path)
    assert status.film
    assert (status.film.classes_done, status.film.pictures_done, status.is_finished) == (2, 20, False)
    assert status.film.seconds_left is not None
    assert status.film.seconds_left > 0
    index = json.loads((tmp_path / "atlas.json").read_text())
    assert index["film"] is None
    assert [(entry["index"], entry["start_frame"]) for entry in index["classes"]] == [(1, None), (3, None)]
    outcome = assemble(tmp_path, recorder)
    assert outcome.film
    assert len(frame_digests(outcome.film)) == 20
    assert [start for _, start in chapters(outcome.film)] == [0, 1.25]
    assert [(entry.index, entry.start_frame) for entry in outcome.index.classes] == [(1, 0), (3, 10)]
    _render(tmp_path)
    _render(tmp_path.parent / "whole")
    assert results(tmp_path) == results(tmp_path.parent / "whole")
    assert run_status(tmp_path).is_finished


def test_assemble_needs_a_finished_segment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        assemble(tmp_path, Recorder())
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    with pytest.raises(UserError, match="no finished segment"):
        assemble(tmp_path / "run", Recorder())


def test_fresh_stills_are_tried_again_and_the_best_is_kept(tmp_path: Path) -> None:
    worker = FakeWorker(request(tmp_path).settings)
    outcome = render_stills(request(tmp_path, "stills.retries=3"), Recorder(), lambda settings: worker)
    seeds = [attempt_seed(0, 0, attempt) for attempt in range(4)]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)
    # Groups of run.batch classes; of 3 and 5, which are not recognized, 5 is with the second seed.
    assert worker.groups == [
        [(1, 0), (2, 0)],
        [(3, 0), (5, 0)],
        [(3, seeds[1]), (5, seeds[1])],
        [(3, seeds[2])],
        [(3, seeds[3])],
    ]
    best = max(seeds, key=lambda seed: seed % 1000)
    assert [entry.seed for entry in outcome.index.classes] == [0, 0, best, seeds[1]]
    assert outcome.film is None
    assert [entry.title for entry in outcome.unrecognized] == ["smiling face with halo"]
    assert outcome.index.classes[0].start_frame is None
    assert Image.open(tmp_path / "stills" / "0002-melting-face.png").size == (20, 16)


def test_a_group_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise RuntimeError("a class of its own")

    worker = FakeWorker(request(tmp_path).settings, fail)
    outcome = render_stills(request(tmp_path), Recorder(), lambda settings: worker)
    assert [(failure.target.index, failure.reason) for failure in outcome.failures] == [
        (1, "a class of its own"),
        (2, "a class of its own"),
    ]
    assert [entry.index for entry in outcome.index.classes] == [3, 5]
    status = run_status(tmp_path)
    assert status.film is None
    assert status.stills
    assert status.stills.classes_done == 2


def test_fresh_stills_beside_a_film_are_not_replaced_by_its_frames(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    before = results(tmp_path)
    _render(tmp_path)
    after = results(tmp_path)
    assert {name: after[name] for name in before if name.endswith(".png")} == {
        name: before[name] for name in before if name.endswith(".png")
    }
    outcome, worker, _ = _render(tmp_path, "stills.fresh=true")
    assert worker is None
    assert outcome.film
    with pytest.raises(UserError, match=r"stills\.steps"):
        _render(tmp_path, "stills.fresh=true", "stills.steps=7")


def test_render_dreams_fresh_stills_where_that_is_asked_for(tmp_path: Path) -> None:
    outcome, worker, recorder = _render(tmp_path, "stills.fresh=true")
    assert worker
    assert recorder.units == ["frames", "stills"]
    assert len(worker.groups) == 3
    assert Image.open(tmp_path / "stills" / "0002-melting-face.png").size == (20, 16)
    assert outcome.index.classes[1].start_frame == 10


def test_stills_carry_text_where_that_is_asked_for(tmp_path: Path) -> None:
    _render(tmp_path, "overlay.size=0.5")
    plain = results(tmp_path)
    _, worker, _ = _render(tmp_path, "overlay.size=0.5", "stills.overlay=true")
    assert worker is None
    written = results(tmp_path)
    assert written["frames"] == plain["frames"]
    assert all(written[name] != plain[name] for name in plain if name.endswith(".png"))
    _render(tmp_path, "overlay.size=0.5")
    assert results(tmp_path) == plain
