"""Runs in an S3 store: the same files as in a folder, whoever goes on with them, and no more fetched than is needed."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.jobs.status import run_status
from renderer.store.fetching import fetch_run
from renderer.store.place import CACHE_VARIABLE
from tests.cloud.helpers import ROOT, Machine, contents, names_of_files
from tests.fake_worker import FakeWorker
from tests.film_helpers import TINY, Recorder, request, results

FORMS = {
    "film": (),
    "dropped frames": ("film.clean_frames=drop",),
    "pictures": ("video.codec=png",),
    "fresh stills": ("stills.fresh=true", "stills.variants=2", "stills.logits=true"),
    "stills with text": ("stills.fresh=true", "stills.overlay=true"),
}
SIX = ("classes.select=[1,2,3,5,7,8]", "film.chains=5")
"""Three strands."""


class Stop(BaseException):
    """As an interruption is: no error."""


def stop_at(frame: int) -> Callable[[int], None]:
    def stop(number: int) -> None:
        if number == frame:
            raise Stop

    return stop


def told(data: dict[str, bytes]) -> dict[str, bytes]:
    """What is the same whoever made it, and when: all but seconds, and digests of what tells of seconds."""
    return {
        name: re.sub(rb'"(seconds|digest)": [^,\n]*', b"", one)
        for name, one in data.items()
        if not name.endswith("run.yaml")
    }


def of_folder(directory: Path) -> dict[str, bytes]:
    return told({name: (directory / name).read_bytes() for name in names_of_files(directory)})


def of_store(url: str) -> dict[str, bytes]:
    return told(contents(url))


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return FORMS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same film, in a folder."""
    render(request(tmp_path / "folder"), Recorder(), FakeWorker)
    return tmp_path / "folder"


def test_a_store_has_the_files_of_a_folder(tmp_path: Path, machine: Machine, url: str, form: tuple[str, ...]) -> None:
    render(request(tmp_path / "run", *form), Recorder(), FakeWorker)
    machine.render(url, *form)
    assert of_store(url) == of_folder(tmp_path / "run")
    assert (of_folder(machine.place(url).directory)) == of_folder(tmp_path / "run")


def test_stills_alone(tmp_path: Path, machine: Machine, url: str) -> None:
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    machine.render(url, film=False)
    assert of_store(url) == of_folder(tmp_path / "run")


def test_another_machine_goes_on(
    tmp_path: Path, machine: Machine, other: Machine, url: str, form: tuple[str, ...]
) -> None:
    with pytest.raises(Stop):
        machine.render(url, *form, on_frame=stop_at(40))
    _, worker = other.render(url, *form)
    uninterrupted = FakeWorker(request(tmp_path).settings)
    render(request(tmp_path / "run", *form), Recorder(), lambda _settings: uninterrupted)
    assert worker.frames < uninterrupted.frames
    assert of_store(url) == of_folder(tmp_path / "run")


@pytest.mark.parametrize("frame", [2, 11, 26])
def test_another_machine_goes_on_from_anywhere(
    folder: Path, machine: Machine, other: Machine, url: str, frame: int
) -> None:
    with pytest.raises(Stop):
        machine.render(url, on_frame=stop_at(frame))
    other.render(url)
    assert of_store(url) == of_folder(folder)


def test_who_goes_on_fetches_no_more_than_is_needed(machine: Machine, other: Machine, url: str) -> None:
    machine.render(url)
    there = contents(url).keys()
    _, worker = other.render(url)
    assert worker.frames == 0
    fetched = other.has
    assert fetched < there
    assert not [name for name in fetched if name.startswith(("segments/", "parts/", "stills/", "atlas.mp4"))]


def test_the_page_and_the_film_can_be_made_anywhere(folder: Path, machine: Machine, other: Machine, url: str) -> None:
    with pytest.raises(Stop):
        machine.render(url, on_frame=stop_at(30))
    assert 0 < other.assemble(url).index.film.frames < 40
    machine.render(url)
    before = other.has
    other.assemble(url)
    other.page(url)
    fetched = other.has - before
    assert not [name for name in fetched if name.startswith("segments/")], "what is encoded is enough"
    assert of_store(url) == of_folder(folder)


def test_the_status_needs_the_records_alone(folder: Path, machine: Machine, other: Machine, url: str) -> None:
    machine.render(url)
    assert other.status(url).is_finished
    fetched = other.has
    assert fetched
    assert not [name for name in fetched if not name.endswith((".json", "run.yaml"))]
    found, expected = other.status(url), run_status(folder)
    assert (found.film, found.film_frames, found.damaged) == (expected.film, expected.film_frames, ())


def test_a_run_that_is_begun_anew_leaves_nothing(tmp_path: Path, machine: Machine, other: Machine, url: str) -> None:
    longer = ("film.seconds_per_class=2.5", "stills.fresh=true", "stills.variants=2")
    machine.render(url, *longer)
    other.render(url, restart=True)
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    assert of_store(url) == of_folder(tmp_path / "run")
    assert of_folder(other.place(url).directory) == of_store(url) or other.has <= of_store(url).keys()


def test_who_comes_back_takes_what_another_machine_has_made_since(
    tmp_path: Path, machine: Machine, other: Machine, url: str
) -> None:
    machine.render(url)
    other.render(url, "film.seconds_per_class=1.5", restart=True)
    _, worker = machine.render(url, "film.seconds_per_class=1.5")
    assert worker.frames == 0
    render(request(tmp_path / "run", "film.seconds_per_class=1.5"), Recorder(), FakeWorker)
    assert of_store(url) == of_folder(tmp_path / "run")
    assert machine.has <= contents(url).keys()


def test_changed_text_is_written_anew_by_a_machine_that_has_no_frames(
    tmp_path: Path, machine: Machine, other: Machine, url: str
) -> None:
    changed = "overlay.lines=['{title}!']"
    machine.render(url)
    _, worker = other.render(url, changed)
    assert worker.frames == 0
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    render(request(tmp_path / "run", changed), Recorder(), FakeWorker)
    assert of_store(url) == of_folder(tmp_path / "run")


def test_what_was_lost_here_is_fetched_and_what_was_lost_there_is_put(folder: Path, machine: Machine, url: str) -> None:
    import s3fs  # noqa: PLC0415

    machine.render(url)
    here = machine.place(url).directory
    segment, still = next((here / "segments").iterdir()), next((here / "stills").iterdir())
    still.unlink()
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.rm_file(f"{url}/segments/{segment.name}")
    _, worker = machine.render(url)
    assert worker.frames == 0
    assert of_store(url) == of_folder(folder)


def test_what_is_damaged_there_is_found_when_it_is_fetched(machine: Machine, other: Machine, url: str) -> None:
    import s3fs  # noqa: PLC0415

    machine.render(url)
    part = next(name for name in contents(url) if name.startswith("parts/"))
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    data = files.cat_file(f"{url}/{part}")
    files.pipe_file(f"{url}/{part}", data[:-4] + b"....")
    files.rm_file(f"{url}/atlas.mp4")
    with pytest.raises(UserError, match=f"{part} is damaged there; give the same command again"):
        other.render(url)
    other.render(url)
    assert contents(url)[part] == data


def test_a_fetched_copy_is_a_run_like_any_other(
    tmp_path: Path, folder: Path, machine: Machine, other: Machine, url: str
) -> None:
    machine.render(url)
    told_of: list[str] = []
    copy = fetch_run(other.place(url), tmp_path / "copy", told_of.append)
    assert of_folder(copy) == of_folder(folder)
    assert results(copy) == results(folder)
    worker = FakeWorker(request(copy).settings)
    render(request(copy), Recorder(), lambda _settings: worker)
    assert worker.frames == 0
    (copy / "atlas.mp4").unlink()
    told_of.clear()
    fetch_run(other.place(url), copy, told_of.append)
    assert told_of == [f"{url}: fetching 1 file, 2 kB"] or len(told_of) == 1
    with pytest.raises(UserError, match="holds another run"):
        render(request(tmp_path / "mine", "run.seed=3"), Recorder(), FakeWorker)
        fetch_run(other.place(url), tmp_path / "mine", told_of.append)


_PROGRAM = """
import sys
from types import SimpleNamespace
from tests.fake_worker import FakeWorker

def on_frame(number):
    if number == {frame}:
        print("dreaming", flush=True)
        sys.stdin.read()

sys.modules["renderer.jobs.local_worker"] = SimpleNamespace(LocalWorker=lambda settings: FakeWorker(settings, on_frame))
from renderer.program import main
main()
"""


def start(folder: Path, url: str, *arguments: str, frame: int = -1) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    settings = [f"--set={override}" for override in TINY]
    given = ["render", "quickstart", *settings, "--output", url, *arguments]
    environment = {**__import__("os").environ, "PYTHONPATH": f"{ROOT}", CACHE_VARIABLE: str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(frame=frame), *given],
        cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("frame", [9, 33])
def test_a_killed_render_goes_on_from_an_empty_cache(tmp_path: Path, url: str, frame: int) -> None:
    with start(tmp_path / "one", url, frame=frame) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "dreaming\n"
        killed.send_signal(signal.SIGKILL)
    with start(tmp_path / "other", f"{url}/") as process:
        said, noted = process.communicate()
    assert process.returncode == 0, noted
    assert f"{url}/atlas.mp4: 40 frames" in said
    with start(tmp_path / "third", "run") as whole:
        whole.communicate()
    assert of_store(url) == of_folder(tmp_path / "third" / "run")
