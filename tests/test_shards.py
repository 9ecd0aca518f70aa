"""Shards of a run in one directory: together the same film as one process makes, and none touches another's files."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renderer.atlas.seen import look_at
from renderer.cli import main
from renderer.common.errors import UserError
from renderer.display import describe_outcome, describe_shard, describe_status
from renderer.jobs.commands import Request, assemble, make_page, render, render_stills
from renderer.jobs.sharding import FROM_ENVIRONMENT, Shard, ShardOutcome, read_shard, render_shard
from renderer.jobs.status import run_status, status_data
from renderer.settings.sections import Settings
from renderer.store import lock
from renderer.store.files import write_first
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

COUNT = 3
SIX = ("classes.select=[1,2,3,5,7,8]", "film.chains=5", "run.batch=2")
"""Three strands: two of two chains, and one of one."""


def six(directory: Path, *overrides: str, restart: bool = False) -> Request:
    return request(directory, *SIX, *overrides, restart=restart)


def compute(directory: Path, number: int, *overrides: str, count: int = COUNT, film: bool = True) -> FakeWorker:
    worker = FakeWorker(request(directory).settings)
    shard, asked = Shard(number, count), six(directory, *overrides)
    render_shard(asked, shard, Recorder(), lambda settings: worker, film=film)
    return worker


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Results of one process."""
    directory = tmp_path_factory.mktemp("whole")
    render(six(directory), Recorder(), FakeWorker)
    return results(directory)


@pytest.mark.parametrize(("count", "order"), [(3, (1, 2, 3)), (3, (3, 1, 2)), (2, (2, 1)), (5, (5, 4, 3, 2, 1))])
def test_shards_make_the_film_of_one_process(
    tmp_path: Path, whole: dict[str, object], count: int, order: tuple[int, ...]
) -> None:
    workers = [compute(tmp_path, number, count=count) for number in order]
    assemble(tmp_path, Recorder())
    assert results(tmp_path) == whole
    asked = [place for worker in workers for batch in worker.rounds for place in batch]
    assert len(asked) == len(set(asked)), "nothing is dreamed twice"


def test_shards_that_work_at_the_same_time(tmp_path: Path, whole: dict[str, object]) -> None:
    with ThreadPoolExecutor(COUNT) as pool:
        for done in [pool.submit(compute, tmp_path, number) for number in range(1, COUNT + 1)]:
            done.result()
    assemble(tmp_path, Recorder())
    assert results(tmp_path) == whole


@pytest.mark.parametrize(
    "override",
    ["film.clean_frames=drop", "film.transition=reset", "film.loop=true", 'overlay.lines=["{probability}"]'],
)
def test_films_of_other_kinds_are_shared_too(tmp_path: Path, override: str) -> None:
    render(six(tmp_path / "one", override), Recorder(), FakeWorker)
    for number in (2, 3, 1):
        compute(tmp_path / "run", number, override)
    assemble(tmp_path / "run", Recorder())
    assert results(tmp_path / "run") == results(tmp_path / "one")
    worker = FakeWorker(six(tmp_path, override).settings)
    render(six(tmp_path / "run", override), Recorder(), lambda settings: worker)
    assert (worker.rounds, worker.looked) == ([], 0)


def test_a_shard_touches_no_file_of_others(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    before = _files(tmp_path)
    for number in (2, 3, 2):
        compute(tmp_path, number)
        assert before.items() <= _files(tmp_path).items()


def _files(directory: Path) -> dict[str, tuple[int, int]]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


@pytest.mark.parametrize("frame", [0, 7, 19])
def test_a_shard_that_is_stopped_goes_on_by_itself(tmp_path: Path, whole: dict[str, object], frame: int) -> None:
    def stop(number: int) -> None:
        if number == frame:
            raise KeyboardInterrupt

    told = Recorder()
    with pytest.raises(KeyboardInterrupt):
        render_shard(six(tmp_path), Shard(2, COUNT), told, lambda settings: FakeWorker(settings, stop))
    assert told.notes[-1].startswith("kept of the whole run: ")
    for number in (1, 3, 2):
        compute(tmp_path, number)
    assert compute(tmp_path, 2).frames == 0
    assemble(tmp_path, Recorder())
    assert results(tmp_path) == whole


def test_what_shards_have_left_a_render_finishes(tmp_path: Path, whole: dict[str, object]) -> None:
    compute(tmp_path, 2)
    worker = FakeWorker(six(tmp_path).settings)
    outcome = render(six(tmp_path), Recorder(), lambda settings: worker)
    assert results(tmp_path) == whole
    assert outcome.film
    assert worker.frames < whole_frames(tmp_path)
    assert compute(tmp_path, 1).frames == 0


def whole_frames(directory: Path) -> int:
    return look_at(directory).run.timeline.frames


def test_an_unfinished_film_can_be_assembled_and_its_page_made(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    outcome = assemble(tmp_path, Recorder())
    assert outcome.index.film
    assert 0 < outcome.index.film.frames < whole_frames(tmp_path)
    told = f"atlas.mp4: {outcome.index.film.frames} of {whole_frames(tmp_path)} frames, "
    assert told in describe_outcome(outcome)[0]
    assert len(make_page(tmp_path).index.classes) == 2


def test_fresh_stills_are_shared_too(tmp_path: Path) -> None:
    render_stills(six(tmp_path / "one"), Recorder(), FakeWorker)
    workers = [compute(tmp_path / "run", number, film=False) for number in (3, 1, 2)]
    assert all(worker.groups for worker in workers)
    make_page(tmp_path / "run")
    assert results(tmp_path / "run") == results(tmp_path / "one")


class OneWay(FakeWorker):
    """In the film it recognizes everything, and of fresh stills nothing of class 3."""

    def segments(self, recipe, batches, stepped, saving=None, *, score_all):  # type: ignore[no-untyped-def, override]
        for frame in super().segments(recipe, batches, stepped, score_all=score_all):
            score = frame.score and type(frame.score)(frame.score.activation, 0.9, 1, frame.score.top)
            yield type(frame)(frame.segment, frame.number, frame.picture, frame.health, score)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1)])
def test_fresh_stills_give_way_to_better_ones_of_the_film_in_whatever_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    fresh = "stills.fresh=true"
    render(six(tmp_path / "one", fresh), Recorder(), OneWay)
    for number in order:
        render_shard(six(tmp_path / "run", fresh), Shard(number, COUNT), Recorder(), OneWay)
    assemble(tmp_path / "run", Recorder())
    assert results(tmp_path / "run") == results(tmp_path / "one")
    worker = OneWay(six(tmp_path).settings)
    render(six(tmp_path / "run", fresh), Recorder(), lambda settings: worker)
    assert (worker.rounds, worker.groups) == ([], [])
    seen = look_at(tmp_path / "run")
    assert {seen.stills[target.key].fresh for target in seen.run.targets} == {True, False}


def test_failures_of_all_shards_are_told(tmp_path: Path) -> None:
    class Failing(FakeWorker):
        def stills(self, recipe, batches, stepped, saving=None):  # type: ignore[no-untyped-def, override]
            if batches[0][0].aim.units[0][0] in {1, 7}:
                raise RuntimeError("no such thing")
            yield from super().stills(recipe, batches, stepped)

    small = ("classes.select=[1,2,3,5,7,8]", "run.batch=1")
    outcomes = [
        render_shard(request(tmp_path, *small), Shard(number, COUNT), Recorder(), Failing, film=False)
        for number in (1, 2, 3)
    ]
    assert sorted(len(outcome.failures) for outcome in outcomes) == [0, 1, 1]
    assert len(look_at(tmp_path).failures) == 2
    assert [failure.reason for failure in make_page(tmp_path).failures] == ["no such thing"] * 2
    for number in (1, 2):
        render_shard(request(tmp_path, *small), Shard(number, 2), Recorder(), FakeWorker, film=False)
    assert not look_at(tmp_path).failures
    render_stills(request(tmp_path, *small), Recorder(), FakeWorker)
    assert not look_at(tmp_path).failures
    assert not make_page(tmp_path).failures


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    for override in ("dream.steps_per_frame=3", "overlay.size=0.2", "stills.steps=9", "video.quality=30"):
        with pytest.raises(UserError, match=rf"(?s){override.partition('=')[0]}: was .*Shards take a run as it is"):
            compute(tmp_path, 2, override)
    assert compute(tmp_path, 2, "run.device=cpu", "run.lose_at_most=5").frames


def test_a_network_that_cannot_be_loaded_begins_no_run(tmp_path: Path) -> None:
    def fail(_settings: Settings) -> FakeWorker:
        raise UserError("network.weights: no such file")

    with pytest.raises(UserError, match=r"network\.weights"):
        render_shard(six(tmp_path / "run"), Shard(1, COUNT), Recorder(), fail)
    assert not (tmp_path / "run" / "run.yaml").exists()


def test_all_shards_compute_with_what_the_first_one_has_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, object]] = []

    def make(settings: Settings) -> FakeWorker:
        if not seen:  # Another machine is quicker, and has more cores.
            seen.append((settings.run.threads, settings.run.precision))
            with monkeypatch.context() as other:
                other.setenv("OMP_NUM_THREADS", "7")
                compute(tmp_path, 2)
        else:
            seen.append((settings.run.threads, settings.run.precision))
        return FakeWorker(settings)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    render_shard(six(tmp_path), Shard(1, COUNT), Recorder(), make)
    assert [threads for threads, _ in seen] == [1, 7]


@pytest.mark.parametrize("option", ["--preview", "--strict"])
@pytest.mark.parametrize("command", ["render", "stills"])
def test_options_about_a_whole_run_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, option: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "quickstart", "--shard", "1/2", option, "--output", str(tmp_path / "run")])
    assert f"{option}: is about the whole run" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_shard_of_a_variable_that_is_not_set_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in _slurm({"ID": "", "COUNT": ""}):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match="2"):
        main(["render", "quickstart", "--shard", "", "--output", str(tmp_path / "run")])
    assert "give it as NUMBER/COUNT" in capsys.readouterr().err


def test_nothing_is_removed_by_a_shard(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    with pytest.raises(UserError, match="a shard removes nothing"):
        render_shard(six(tmp_path, restart=True), Shard(2, COUNT), Recorder(), FakeWorker)


def test_only_shards_of_one_count_work_at_the_same_time(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    mine = f"process {os.getpid()}"
    with locked(RunPaths(tmp_path, "shard-3-of-3").lock):
        compute(tmp_path, 2)
        for refused in (lambda: compute(tmp_path, 3), lambda: compute(tmp_path, 1, count=2)):
            with pytest.raises(UserError, match=mine):
                refused()
        with pytest.raises(UserError, match=mine):
            render(six(tmp_path), Recorder(), FakeWorker)
        told = Recorder()
        assert assemble(tmp_path, told).index.film  # beside it
        assert mine in told.notes[0]
    with locked(RunPaths(tmp_path).lock), pytest.raises(UserError, match=mine):
        compute(tmp_path, 2)


def test_a_file_system_without_locks_will_do(
    tmp_path: Path, whole: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_try_lock", fail)
    with pytest.raises(UserError, match="cannot lock files"):
        render(six(tmp_path / "another"), Recorder(), FakeWorker)
    for number in (1, 2, 3):
        compute(tmp_path / "run", number)
    assemble(tmp_path / "run", Recorder())
    assert results(tmp_path / "run") == whole
    assert run_status(tmp_path / "run").worker is None


@pytest.mark.parametrize("has_links", [True, False])
def test_of_many_that_begin_a_run_one_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)

    def write(number: int) -> bytes:
        write_first(tmp_path / "new" / "file", bytes([number]) * 10_000)
        return (tmp_path / "new" / "file").read_bytes()

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(write, range(64)))
    assert len(found) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_processes_of_one_number_write_the_same_file(tmp_path: Path) -> None:
    # As in containers on two machines.
    script = (
        "import os, sys; os.getpid = lambda: 7\n"
        "from pathlib import Path\nfrom renderer.store.files import whole_file\n"
        "with whole_file(Path('file.txt')) as temporary:\n"
        "    temporary.write_text('half'); print(flush=True); sys.stdin.readline()\n"
        "    temporary.write_text(sys.argv[1] * 9)"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, name], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for process in both:
        assert process.stdout and process.stdout.readline()
    for name, process in zip(("one", "two"), both, strict=True):
        process.communicate("go on\n")
        assert (process.returncode, (tmp_path / "file.txt").read_text()) == (0, name * 9)


def test_what_another_shard_is_about_to_begin_is_no_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / ".neuron-atlas-abcd").mkdir()
    (tmp_path / ".run.tmp-77.0123456789abcdef").write_bytes(b"half")
    for name in ("lock-shard-2-of-3", "log-shard-2-of-3.txt", ".run.tmp-78.0123456789abcdef"):
        (tmp_path / "state" / name).write_text("77")
    assert compute(tmp_path, 1).frames


def test_what_another_machine_may_be_writing_is_spared(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    names = {"segments": ".0001-000-0123456789.tmp-77.mkv", "state": ".run.tmp-78.yaml"}
    paths = [tmp_path / folder / name for folder, name in names.items()]
    for path in paths:
        path.write_bytes(b"half")
    os.utime(paths[1], (1, 1))
    assemble(tmp_path, Recorder())
    assert [path.exists() for path in paths] == [True, False]


def test_restart_removes_all_that_shards_have_written(tmp_path: Path) -> None:
    compute(tmp_path, 1)
    compute(tmp_path, 2)
    render(six(tmp_path, "dream.steps_per_frame=3", restart=True), Recorder(), FakeWorker)
    assert not [path for path in (tmp_path / "state").iterdir() if "shard" in path.name]


def test_status_tells_of_shards_at_work(tmp_path: Path) -> None:
    seen = []

    def look(number: int) -> None:
        if number == 20:
            seen.append(run_status(tmp_path))

    render_shard(six(tmp_path), Shard(2, COUNT), Recorder(), lambda settings: FakeWorker(settings, look))
    (shard,) = seen[0].shards
    assert (shard.paths.shard, shard.told.total) == ("shard-2-of-3", 20)
    (data,) = json.loads(json.dumps(status_data(seen[0], tmp_path)["shards"]))
    assert (data["name"], data["total"]) == ("shard-2-of-3", 20)
    said = "\n".join(describe_status(seen[0], tmp_path))
    assert "shard 2 of 3: " in said
    assert f"neuron-atlas assemble {tmp_path}" in said
    assert run_status(tmp_path).shards == ()


def test_status_tells_of_shards_that_were_stopped_and_what_comes_last(tmp_path: Path) -> None:
    def stop(number: int) -> None:
        if number == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_shard(six(tmp_path), Shard(2, COUNT), Recorder(), lambda settings: FakeWorker(settings, stop))
    compute(tmp_path, 1)
    compute(tmp_path, 3)
    found = run_status(tmp_path)
    assert found.stopped.keys() == {"shard-2-of-3"}
    (left,) = found.stopped.values()
    assert f"shard 2 of 3: stopped, with {left} segments to go" in describe_status(found, tmp_path)
    compute(tmp_path, 2)
    said = "\n".join(describe_status(run_status(tmp_path), tmp_path))
    assert "stopped" not in said
    assert f"all is dreamed; make film and page with\n  neuron-atlas assemble {tmp_path}" in said


def test_shards_of_stills_tell_of_their_own(tmp_path: Path) -> None:
    """Not of the classes of others; at work, and when they have been stopped."""
    seen = []

    def stop(number: int) -> None:
        if number == 0:
            seen.append(run_status(tmp_path))
            raise KeyboardInterrupt

    asked = six(tmp_path, "stills.steps=8", "stills.retries=0")
    with pytest.raises(KeyboardInterrupt):
        render_shard(asked, Shard(2, 2), Recorder(), lambda settings: FakeWorker(settings, stop), film=False)
    (shard,) = seen[0].shards
    assert (shard.told.total, shard.told.classes) == (2, 2)
    at_work, stopped = ("\n".join(describe_status(found, tmp_path)) for found in (seen[0], run_status(tmp_path)))
    assert "shard 2 of 2: 0 of 2 stills" in at_work
    assert "time left" not in at_work
    assert "shard 2 of 2: stopped, with 2 stills to go" in stopped


def test_a_shard_says_what_comes_next(tmp_path: Path) -> None:
    said = [_say(tmp_path, number) for number in (1, 2, 3, 4)]
    assert "Of other shards" in said[0]
    assert "There was nothing to do for it: more than 3 machines" in said[3]
    assert f"All shards are done; make film and page with\n  neuron-atlas assemble {tmp_path}" in said[2]


def test_a_shard_of_stills_alone_asks_for_the_page(tmp_path: Path) -> None:
    said = [_say(tmp_path, number, film=False) for number in (1, 2, 3)]
    assert f"Of other shards 4 classes are missing; once that is there:\n  neuron-atlas page {tmp_path}" in said[0]
    assert f"All shards are done; make the page with\n  neuron-atlas page {tmp_path}" in said[2]


def _say(directory: Path, number: int, *, film: bool = True) -> str:
    outcome: ShardOutcome = render_shard(six(directory), Shard(number, 4), Recorder(), FakeWorker, film=film)
    return "\n".join(describe_shard(outcome))


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("3/16", {}, Shard(3, 16)),
        (" 1 / 1 ", {}, Shard(1, 1)),
        (FROM_ENVIRONMENT, {"ID": "3", "COUNT": "4", "MIN": "0", "MAX": "3"}, Shard(4, 4)),
        (FROM_ENVIRONMENT, {"ID": "1", "COUNT": "4", "MIN": "1", "MAX": "4"}, Shard(1, 4)),
        (FROM_ENVIRONMENT, {"ID": "20", "COUNT": "3", "MIN": "10", "MAX": "30", "STEP": "10"}, Shard(2, 3)),
        ("2/5", {"ID": "1", "COUNT": "4"}, Shard(2, 5)),
    ],
)
def test_a_shard_is_read(text: str, environment: Mapping[str, str], shard: Shard) -> None:
    assert read_shard(text, _slurm(environment)) == shard


def _slurm(environment: Mapping[str, str]) -> dict[str, str]:
    return {f"SLURM_ARRAY_TASK_{key}": value for key, value in environment.items()}


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("0/3", {}, "the first is 1 and the last 3"),
        ("4/3", {}, "the first is 1 and the last 3"),
        ("3", {}, "no shard"),
        ("a/b", {}, "no shard"),
        ("1/0", {}, "the first is 1"),
        (FROM_ENVIRONMENT, {}, "no task of a SLURM array"),
        (FROM_ENVIRONMENT, {"ID": "x", "COUNT": "3"}, "no task of a SLURM array"),
        (FROM_ENVIRONMENT, {"ID": "7", "COUNT": "2", "MIN": "3", "MAX": "7"}, "not in a row"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, environment: Mapping[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_shard(text, _slurm(environment))
