"""`check`, in words for people: what is missing, what there is to write, what takes how long, what would take less."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from renderer.jobs import savings
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.disk_space import estimate_bytes, estimate_bytes_left
from renderer.jobs.preflight import Finding, foretell, preflight
from renderer.jobs.projection import FilmSpeed, Speed, StillsSpeed
from renderer.settings.sections import Settings
from renderer.store.paths import RunPaths
from renderer.store.run import Run, load_run
from renderer.store.run_file import RunFile
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, tiny_settings


def findings(wanted: Request, *, film: bool = True, quick: bool = False) -> list[Finding]:
    return list(preflight(wanted, film=film, quick=quick, make_worker=FakeWorker))


def named(found: Sequence[Finding], name: str) -> list[Finding]:
    return [finding for finding in found if finding.name == name]


@pytest.mark.parametrize(
    ("override", "check"),
    [
        ("network={source: torchvision, weights: missing.pth}", "weights"),
        ("overlay.font=missing.ttf", "text"),
        ("video.audio=missing.ogg", "encoder"),
        ("network={source: torchvision, classes: missing.csv}", "classes"),
    ],
)
def test_what_is_missing_is_told_once(tmp_path: Path, override: str, check: str) -> None:
    def make(settings: Settings) -> FakeWorker:
        assert check != "weights", "they are missing, and yet they are loaded"
        return FakeWorker(settings)

    found = list(preflight(request(tmp_path / "run", override), film=True, quick=False, make_worker=make))
    assert [finding.name for finding in found if finding.state == "failed"] == [check]


@pytest.mark.parametrize(
    ("fps", "steps", "more", "told"),
    [
        (8, 5, (), "8 frames a second with 5 steps each are 40 steps a second"),
        (12.5, 2, (), "set dream.steps_per_frame=10"),
        (8, 8, (), None),
        (25, 5, (), None),
    ],
)
def test_few_steps_a_second_are_warned_of(
    tmp_path: Path, fps: float, steps: int, more: tuple[str, ...], told: str | None
) -> None:
    wanted = request(tmp_path / "run", f"film.fps={fps}", f"dream.steps_per_frame={steps}", *more)
    warnings = named(findings(wanted, quick=True), "steps")
    assert [warning.state for warning in warnings] == (["warning"] if told else [])
    assert all(told and told in warning.text for warning in warnings)
    assert not named(findings(wanted, film=False, quick=True), "steps")


def test_text_that_is_too_low_is_warned_of(tmp_path: Path) -> None:
    (text,) = named(findings(request(tmp_path, "film.width=256", "film.height=192"), quick=True), "text")
    assert text.state == "warning" and "overlay.size=0.09" in text.text
    (text,) = named(findings(request(tmp_path, "film.width=640", "film.height=360"), quick=True), "text")
    assert text.state == "ok"
    (text,) = named(findings(request(tmp_path), film=False, quick=True), "text")
    assert text.state == "ok"


def test_the_disk_is_told_of_also_for_what_is_left(tmp_path: Path) -> None:
    (before,) = named(findings(request(tmp_path), quick=True), "disk")
    assert "needed, " in before.text and "still to be written" not in before.text and " free at " in before.text

    def interrupt(number: int) -> None:
        if number == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, interrupt))
    run = load_run(tmp_path)
    left = estimate_bytes_left(run)
    assert 0 < left < estimate_bytes(run)
    (begun,) = named(findings(request(tmp_path), quick=True), "disk")
    assert "needed, about " in begun.text and " of it still to be written, " in begun.text
    render(request(tmp_path), Recorder(), FakeWorker)
    assert estimate_bytes_left(load_run(tmp_path)) == 0
    (finished,) = named(findings(request(tmp_path), quick=True), "disk")
    assert "needed, all of it written, " in finished.text


def refuse(settings: Settings) -> FakeWorker:
    raise AssertionError("there is nothing to dream, and yet the network is loaded")


@pytest.mark.parametrize("quick", [False, True])
def test_of_a_finished_run_nothing_is_left_to_dream(tmp_path: Path, *, quick: bool) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)

    def told(*overrides: str) -> list[str]:
        found = preflight(request(tmp_path, *overrides), film=True, quick=quick, make_worker=refuse)
        return [finding.text for finding in named(list(found), "dreaming")]

    assert told() == ["all 40 frames are there; nothing to dream"]
    anew = ["all 40 frames are there; nothing to dream, the film is made anew from what is there"]
    assert told("overlay.position=top") == told("video.quality=40") == told("video.title=other") == anew
    assert foretell(request(tmp_path), film=True, make_worker=refuse) == told()[0]
    (tmp_path / "atlas.mp4").unlink()
    assert told() == anew


def test_what_the_network_only_looks_at_is_told(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    wanted = request(tmp_path, "overlay.lines=['{title} {probability}']")
    (dreaming,) = named(findings(wanted), "dreaming")
    assert dreaming.text.startswith("the network dreams here; all 40 frames are there; nothing to dream, ")
    assert ", the network looks at 40 frames for the text, the film is made anew" in dreaming.text


def room_left(directory: Path, *overrides: str) -> float:
    """Bytes that a run that is there would still write with other settings."""
    settings = request(directory, *overrides).settings
    return estimate_bytes_left(
        Run(RunPaths(directory), load_run(directory).file.model_copy(update={"settings": settings}))
    )


def test_other_text_needs_room_for_the_film_and_its_parts_alone(tmp_path: Path) -> None:
    large = ("film.width=256", "film.height=256")
    render(request(tmp_path, *large), Recorder(), FakeWorker)
    whole = estimate_bytes(load_run(tmp_path))
    film, parts = (room_left(tmp_path, *large, other) for other in ("video.title=other", "overlay.position=top"))
    assert room_left(tmp_path, *large) == 0 < film < parts < 0.5 * whole
    (disk,) = named(findings(request(tmp_path, *large, "overlay.position=top"), quick=True), "disk")
    assert " of it still to be written, " in disk.text


def test_frames_of_a_shorter_class_need_no_room_again(tmp_path: Path) -> None:
    large = ("film.width=256", "film.height=256", "classes.limit=1", "run.segment_seconds=10")
    render(request(tmp_path, *large), Recorder(), FakeWorker)
    begun = room_left(tmp_path, *large, "film.seconds_per_class=2")
    for record in RunPaths(tmp_path).segment_records():
        record.unlink()
    assert 0 < begun < 0.8 * room_left(tmp_path, *large, "film.seconds_per_class=2")


def test_what_is_left_of_a_begun_run_is_told(tmp_path: Path) -> None:
    render(request(tmp_path, "classes.limit=3", "film.chains=1"), Recorder(), FakeWorker)
    (dreaming,) = named(findings(request(tmp_path, "film.chains=1")), "dreaming")
    assert dreaming.text.startswith("the network dreams here; 10 of 40 frames to dream, about ")
    longer = request(tmp_path, "classes.limit=1", "film.chains=1", "film.seconds_per_class=1.5")
    (dreaming,) = named(findings(longer, quick=True), "dreaming")
    assert dreaming.text == "2 of 12 frames to dream"


def test_stills_that_are_left_to_dream_are_told(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    (dreaming,) = named(findings(request(tmp_path), film=False), "dreaming")
    assert dreaming.text == "all 4 stills are there; nothing to dream"
    (dreaming,) = named(findings(request(tmp_path, "classes.select=[1,2,3,5,7]"), film=False, quick=True), "dreaming")
    assert dreaming.text == "1 of 5 stills to dream"
    (dreaming,) = named(findings(request(tmp_path, "stills.overlay=true"), film=False), "dreaming")
    assert dreaming.text == "all 4 stills are there; nothing to dream"
    (tmp_path / "stills" / "0002-melting-face.png").unlink()
    (dreaming,) = named(findings(request(tmp_path), film=False, quick=True), "dreaming")
    assert dreaming.text == "2 of 4 stills to dream", "a batch is dreamed again whole"


def test_stills_are_checked_also_where_a_film_would_be_endless(tmp_path: Path) -> None:
    wanted = request(tmp_path, "film.seconds_per_class=3600", "run.segment_seconds=0.1", "film.fps=100")
    assert not [finding for finding in findings(wanted, film=False, quick=True) if finding.state == "failed"]
    assert [finding for finding in findings(wanted, quick=True) if finding.state == "failed"], "for a film it is told"


def test_what_would_be_dreamed_anew_is_a_warning(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    wanted = request(tmp_path, "dream.steps_per_frame=9")
    (output,) = named(findings(wanted, quick=True), "output")
    assert output.state == "warning" and output.text.endswith("; `render` asks before that")
    assert "dream.steps_per_frame: was " in output.text
    assert "--yes" not in output.text and "--restart" not in output.text
    (dreaming,) = named(findings(wanted), "dreaming")
    assert dreaming.text.startswith("the network dreams here; the film about ")


def test_frames_that_were_dropped_and_are_to_look_otherwise_are_left_to_dream(tmp_path: Path) -> None:
    render(request(tmp_path, "film.clean_frames=drop"), Recorder(), FakeWorker)
    (dreaming,) = named(findings(request(tmp_path, "film.clean_frames=drop"), quick=True), "dreaming")
    assert dreaming.text == "all 40 frames are there; nothing to dream"
    found = findings(request(tmp_path, "film.clean_frames=drop", "overlay.position=top"), quick=True)
    assert [finding.text for finding in named(found, "dreaming")] == ["40 of 40 frames to dream"]
    assert named(found, "output")[0].state == "warning"


def test_stills_that_are_left_count_by_themselves(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    assert estimate_bytes_left(load_run(tmp_path)) == 0
    next((tmp_path / "stills").iterdir()).unlink()
    run = load_run(tmp_path)
    assert 0 < estimate_bytes_left(run) < estimate_bytes(run)


def a_run(*overrides: str, film: bool = True) -> Run:
    settings = tiny_settings(*overrides)
    file = RunFile(name="tiny", film=film, settings=settings, targets=chosen_targets(settings))
    return Run(RunPaths(Path("nowhere")), file)


LARGE = ("film.width=512", "film.height=288", "film.fps=25", "stills.width=512", "stills.height=512")


def test_savings_follow_from_the_speed_and_from_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame takes 2 s, and a second at a smaller size; fresh steps take nothing."""
    tried: list[tuple[int, float]] = []

    def measure(run: Run, worker: object, seconds: float) -> Speed:
        tried.append((run.settings.film.width, run.settings.film.fps))
        return Speed(FilmSpeed(0.0, 1.0, 0.0, 0.0), None)

    monkeypatch.setattr(savings, "measure_speed", measure)
    run = a_run(*LARGE, "film.chains=1", "film.seconds_per_class=2")
    worker = FakeWorker(run.settings)
    said = savings.describe_savings(run, Speed(FilmSpeed(0.0, 2.0, 0.0, 0.0), None), worker)
    # 200 frames of 2 s: half the time for half a frame's price, or for half the frames; a quarter for both.
    assert said == ("at 456x256 about 3 min 20 s, with film.fps=12.5 about 3 min 20 s, with --preview about 1 min 40 s")
    assert tried == [(456, 25.0), (456, 12.5)]
    assert savings.describe_savings(run, Speed(FilmSpeed(0.0, 0.2, 0.0, 0.0), None), worker) == ""


def test_no_preview_is_recommended_that_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savings, "measure_speed", lambda run, *rest: Speed(FilmSpeed(0.0, 0.1, 0.0, 0.0), None))
    small = ("film.width=256", "film.height=192", "film.fps=12", "dream.steps_per_frame=5")
    run = a_run(*small, "film.seconds_per_class=20", "film.chains=1")
    slow = Speed(FilmSpeed(0.0, 1.0, 0.0, 0.0), None)
    assert savings.describe_savings(run, slow, FakeWorker(run.settings)) == ""


def test_savings_of_stills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savings, "measure_speed", lambda run, *rest: Speed(None, StillsSpeed(0.25, 0.0)))
    run = a_run(*LARGE, "stills.steps=400", film=False)
    said = savings.describe_savings(run, Speed(None, StillsSpeed(1.0, 0.0)), FakeWorker(run.settings))
    assert (
        said == "at 256x256 about 6 min 40 s, with stills.steps=200 about 13 min 20 s, with --preview about 2 min 8 s"
    )


def test_times_are_told_in_words(tmp_path: Path) -> None:
    wanted = request(tmp_path / "run", "film.seconds_per_class=500", "film.fps=1", "film.chains=1")
    (classes,) = named(findings(wanted, quick=True), "classes")
    assert ", 33 min 20 s at 1 frames per second" in classes.text
    assert foretell(wanted, film=True, make_worker=FakeWorker).startswith("the film about ")


def test_what_cannot_be_rendered_is_told_in_the_place_of_the_time(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        raise RuntimeError("out of memory")

    told = foretell(request(tmp_path / "run"), film=True, make_worker=lambda settings: FakeWorker(settings, fail))
    assert told == "cannot be rendered as it is: out of memory"
