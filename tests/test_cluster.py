"""A run that a cluster computes: the same as in one process, whoever is lost, slow or wrong on the way."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event as Signal

import pytest
import yaml

from renderer.atlas.seen import look_at
from renderer.common.errors import ClusterError, UserError
from renderer.common.interruption import Interrupted
from renderer.common.progress import Amount
from renderer.jobs import cluster, staff
from renderer.jobs import local_worker as local
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.deliveries import Deliveries
from renderer.jobs.inputs import input_files
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.messages import Event, Lost, Removed, StillsJob, Wrote
from renderer.settings.sections import Settings
from renderer.store.run import load_run
from tests.fake_crew import FakeCluster
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results
from tests.networks.tiny import tiny_network

SIX = ("classes.select=[1,2,3,5,7,8]", "film.chains=5", "run.batch=2", "run.threads=1", "run.precision=float32")
"""Three strands: two of two chains, and one of one."""


def six(directory: Path, cluster: FakeCluster | None, *overrides: str) -> Request:
    return replace(request(directory, *SIX, *overrides), means=cluster)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Results of one process."""
    directory = tmp_path_factory.mktemp("alone")
    render(six(directory, None), Recorder(), FakeWorker)
    return results(directory)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_cluster_makes_the_film_of_one_process(tmp_path: Path, alone: dict[str, object], workers: int) -> None:
    crew = FakeCluster(workers)
    render(six(tmp_path, crew), Recorder(), FakeWorker)
    assert results(tmp_path) == alone
    assert crew.hired <= min(workers, 3), "there is work for three"


def test_no_worker_reads_the_run_on_the_disk(tmp_path: Path, alone: dict[str, object]) -> None:
    """Half of it was made elsewhere: what workers need of it comes with their jobs."""
    with pytest.raises(Interrupted):
        render(six(tmp_path, None), Recorder(), lambda settings: FakeWorker(settings, _stop_at(40)))
    crew = FakeCluster()
    render(six(tmp_path, crew), Recorder(), FakeWorker)
    assert results(tmp_path) == alone
    assert all(str(tmp_path) not in job.run for job in crew.gave if hasattr(job, "run"))


def _stop_at(frame: int) -> Callable[[int], None]:
    def on_frame(number: int) -> None:
        if number == frame:
            raise Interrupted

    return on_frame


@pytest.mark.parametrize("folder", ["segments/", "state/", "parts/", "stills/"])
def test_workers_that_are_killed_lose_nothing_that_was_told(
    tmp_path: Path, alone: dict[str, object], folder: str
) -> None:
    """Whatever has come of a segment last: its frames, its record, its part of the film, its still."""
    killed: list[int] = []

    def kill(crew: FakeCluster, worker: int, event: Event) -> None:
        if isinstance(event, Wrote) and event.path.startswith(folder) and len(killed) < 6:
            killed.append(worker)
            crew.kill(worker)

    crew, recorder = FakeCluster(watch=kill), Recorder()
    render(six(tmp_path, crew), recorder, FakeWorker)
    assert results(tmp_path) == alone
    assert len(killed) >= 3  # What comes last may come after the end of the work.
    assert sum("a worker was lost" in note for note in recorder.notes) == len(set(killed))


def test_who_is_left_behind_is_overtaken_and_nothing_is_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_START_SECONDS", 0.0)
    one, two, stuck, is_over, in_vain = tmp_path / "one", tmp_path / "two", Signal(), Signal(), Signal()
    render(six(one, None, "film.chains=4"), Recorder(), FakeWorker)

    def first_one_stands_still(number: int) -> None:
        if number == 12 and not stuck.is_set():
            stuck.set()
            if not is_over.wait(60):
                in_vain.set()

    crew = FakeCluster(make_worker=lambda settings: FakeWorker(settings, first_one_stands_still))
    try:
        render(six(two, crew, "film.chains=4"), Recorder(), FakeWorker)
    finally:
        is_over.set()
    assert stuck.is_set()
    assert not in_vain.is_set()
    assert results(two) == results(one)


@pytest.mark.parametrize("at", [1, 30, 60])
def test_an_interrupted_command_keeps_what_is_whole_and_is_gone_on_with(
    tmp_path: Path, alone: dict[str, object], at: int
) -> None:
    class Stopping(Recorder):
        def advance(self, amount: Amount, showing: Sequence[str]) -> None:
            super().advance(amount, showing)
            if self.done.pictures >= at:
                raise Interrupted

    crew, recorder = FakeCluster(), Stopping()
    with pytest.raises(Interrupted):
        render(six(tmp_path, crew), recorder, FakeWorker)
    assert any(note.startswith("kept: ") for note in recorder.notes)
    assert not look_at(tmp_path).damaged_stills
    render(six(tmp_path, FakeCluster()), Recorder(), FakeWorker)
    assert results(tmp_path) == alone


def test_fresh_stills_are_those_of_one_process(tmp_path: Path) -> None:
    fresh = ("stills.steps=2", "stills.variants=2", "stills.logits=true", "stills.retries=1")
    one, two = tmp_path / "one", tmp_path / "two"
    expected = render_stills(six(one, None, *fresh), Recorder(), FakeWorker)
    found = render_stills(six(two, FakeCluster(), *fresh), Recorder(), FakeWorker)
    assert results(two) == results(one)
    assert (two / "logits.npy").read_bytes() == (one / "logits.npy").read_bytes()
    assert [one.title for one in found.unrecognized] == [one.title for one in expected.unrecognized]


def test_film_and_fresh_stills_with_scores_over_the_frames(tmp_path: Path) -> None:
    both = ("stills.fresh=true", "stills.steps=2", 'overlay.lines=["{title} {probability:.0%}"]')
    one, two = tmp_path / "one", tmp_path / "two"
    render(six(one, None, *both), Recorder(), FakeWorker)
    render(six(two, FakeCluster(), *both), Recorder(), FakeWorker)
    assert results(two) == results(one)


def test_a_film_still_does_not_take_the_place_of_a_fresh_one(tmp_path: Path) -> None:
    """Workers know of the stills that are there."""
    one, two = tmp_path / "one", tmp_path / "two"
    for directory, crew in ((one, None), (two, FakeCluster())):
        render_stills(six(directory, crew, "stills.steps=2"), Recorder(), FakeWorker)
        render(six(directory, crew), Recorder(), FakeWorker)
    assert results(two) == results(one)


class Broken(FakeWorker):
    """Cannot dream stills of class 2, nor frames of it."""

    def stills(self, recipe, batches, *given):  # type: ignore[no-untyped-def]  # as that of FakeWorker
        if any(task.aim.units[0][0] == 2 for tasks in batches for task in tasks):
            raise RuntimeError("class 2 is beyond me")
        return super().stills(recipe, batches, *given)

    def segments(self, recipe, batches, *given, score_all):  # type: ignore[no-untyped-def]
        if any(recipe.aims[task.segment.position].units[0][0] == 2 for tasks in batches for task in tasks):
            raise RuntimeError("class 2 is beyond me")
        return super().segments(recipe, batches, *given, score_all=score_all)


def test_a_batch_of_stills_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    outcomes = [
        render_stills(six(directory, crew, "stills.steps=2"), Recorder(), Broken)
        for directory, crew in ((one, None), (two, FakeCluster(make_worker=Broken)))
    ]
    assert results(two) == results(one)
    expected, found = ({(one.target.key, one.reason) for one in outcome.failures} for outcome in outcomes)
    assert found == expected
    assert found


def test_an_error_of_the_dream_ends_it_once_another_worker_raised_it_too(tmp_path: Path) -> None:
    crew = FakeCluster(make_worker=Broken)
    with pytest.raises(RuntimeError, match="class 2 is beyond me"):
        render(six(tmp_path, crew), Recorder(), FakeWorker)
    assert look_at(tmp_path).paths.segment_records(), "what others had made is kept"
    render(six(tmp_path, FakeCluster()), Recorder(), FakeWorker)


def test_where_nothing_ever_comes_back_it_is_given_up(tmp_path: Path) -> None:
    def kill(crew: FakeCluster, worker: int, event: Event) -> None:
        if crew.gave and not isinstance(event, Lost):
            crew.kill(worker)

    crew = FakeCluster(1, watch=kill)
    with pytest.raises(ClusterError, match=r"nothing came back.*killed"):
        render(six(tmp_path, crew), Recorder(), FakeWorker)
    assert 4 <= crew.hired <= 20


def test_a_network_that_cannot_be_had_is_told_before_anything_is_written(tmp_path: Path) -> None:
    def make(settings: Settings) -> FakeWorker:
        raise UserError("network.weights: there is no such file")

    with pytest.raises(UserError, match="there is no such file"):
        render(six(tmp_path / "run", FakeCluster(make_worker=make)), Recorder(), FakeWorker)
    assert not (tmp_path / "run").exists()


def test_another_version_on_the_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff, "current_versions", lambda: {"neuron-atlas": "9.9"})
    with pytest.raises(UserError, match="install the same version"):
        render(six(tmp_path / "run", FakeCluster()), Recorder(), FakeWorker)


def test_where_pictures_stand_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed within a segment is followed by one that goes on from where it last saved."""
    monkeypatch.setattr(local, "load_network", lambda *args: tiny_network())
    small = ("classes.select=[1,2,3,5]", "film.chains=2", "film.seconds_per_class=6.25", "run.segment_seconds=10",
             "run.lose_at_most=0.001", "dream.steps_per_frame=1", "dream.fresh_steps=2")  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    render(six(one, None, *small), Recorder(), LocalWorker)
    killed: list[int] = []

    def kill(crew: FakeCluster, worker: int, event: Event) -> None:
        if isinstance(event, Wrote) and event.path.endswith(".safetensors") and len(killed) < 3:
            killed.append(worker)
            crew.kill(worker)

    crew = FakeCluster(make_worker=LocalWorker, watch=kill)
    render(six(two, crew, *small), Recorder(), LocalWorker)
    assert results(two) == results(one)
    assert len(killed) == 3
    resumed = [job for job in crew.gave if any(name.endswith(".safetensors") for name in getattr(job, "files", ()))]
    assert resumed, "the next one was given what the one before had saved"


def test_what_is_done_is_counted_once(tmp_path: Path) -> None:
    """`Recorder.end` sees that all is told of in the end; on the way it is never more than that."""
    highest = Amount(0, 0)

    class Watching(Recorder):
        def advance(self, amount: Amount, showing: Sequence[str]) -> None:
            nonlocal highest
            super().advance(amount, showing)
            highest = max(highest, self.done, key=lambda one: one.pictures)
            assert self.done.pictures <= self.total.pictures

    killed: list[int] = []

    def kill(crew: FakeCluster, worker: int, event: Event) -> None:
        if isinstance(event, Wrote) and event.path.startswith("parts/") and len(killed) < 3:
            killed.append(worker)
            crew.kill(worker)

    render(six(tmp_path, FakeCluster(watch=kill)), Watching(), FakeWorker)
    assert highest.pictures == 60


class TestDeliveries:
    """Two workers are at the same segment."""

    @pytest.fixture
    def run_(self, tmp_path: Path):  # type: ignore[no-untyped-def]
        with pytest.raises(Interrupted):
            render(six(tmp_path, None), Recorder(), lambda settings: FakeWorker(settings, _stop_at(0)))
        return load_run(tmp_path)

    def test_whoever_has_the_record_first_is_believed_whole(self, run_) -> None:  # type: ignore[no-untyped-def]
        name = run_.timeline.segments[0].name
        files = [f"segments/{name}.mkv", f"state/{name}.png", f"state/{name}.json"]
        deliveries = Deliveries(run_)
        for path in files[:2]:
            deliveries.take(1, Wrote(path, b"slow"), is_eldest=False)
        for path in files:
            deliveries.take(2, Wrote(path, b"fast"), is_eldest=False)
        deliveries.take(1, Wrote(files[2], b"slow"), is_eldest=False)
        deliveries.take(1, Removed(files[0]), is_eldest=True)
        assert [(run_.paths.root / path).read_bytes() for path in files] == [b"fast"] * 3

    def test_what_waits_is_written_when_the_other_one_is_gone(self, run_) -> None:  # type: ignore[no-untyped-def]
        name = run_.timeline.segments[0].name
        deliveries = Deliveries(run_)
        deliveries.take(1, Wrote(f"segments/{name}.mkv", b"mine"), is_eldest=False)
        assert not run_.paths.clean(name).exists()
        deliveries.take(1, Wrote(f"state/{name}.json", b"mine"), is_eldest=True)
        assert run_.paths.clean(name).read_bytes() == b"mine"

    def test_where_the_elder_one_stands_is_kept_and_then_where_its_heir_does(self, run_) -> None:  # type: ignore[no-untyped-def]
        saved, deliveries = f"state/saved-{'0' * 32}.safetensors", Deliveries(run_)
        deliveries.take(1, Wrote(saved, b"elder"), is_eldest=True)
        deliveries.take(2, Wrote(saved, b"younger"), is_eldest=False)
        assert (run_.paths.root / saved).read_bytes() == b"elder"
        deliveries.forget(1)
        deliveries.take(2, Wrote(saved, b"heir"), is_eldest=True)
        assert (run_.paths.root / saved).read_bytes() == b"heir"

    @pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "state/../../x.png", "state/lock", "x/y.png"])
    def test_what_is_no_file_of_a_run_is_refused(self, run_, path: str) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(ClusterError, match="no file of a run"):
            Deliveries(run_).take(1, Wrote(path, b""), is_eldest=True)


def test_batches_of_stills_are_given_one_by_one(tmp_path: Path) -> None:
    crew = FakeCluster(1)
    render_stills(six(tmp_path, crew, "stills.steps=2"), Recorder(), FakeWorker)
    assert sorted(len(job.batch) for job in crew.gave if isinstance(job, StillsJob)) == [2, 2, 2]


def test_all_files_that_settings_name_are_inputs(tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    shipped = next(Path(cluster.__file__).parents[1].rglob("*.ttf"))
    font.write_bytes(shipped.read_bytes())
    listed = tmp_path / "classes.txt"
    listed.write_text("".join(f"class {number}\n" for number in range(1000)))
    crew = FakeCluster(1)
    network = yaml.safe_dump({"source": "torchvision", "classes": str(listed)}, default_flow_style=True)
    asked = six(tmp_path / "run", crew, f"overlay.font={font}", f"network={network}")
    render(asked, Recorder(), FakeWorker)
    assert {font, listed} <= set(input_files(load_run(tmp_path / "run").file))
