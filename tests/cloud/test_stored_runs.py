"""Runs in an S3 store: the same files as in a folder, whoever goes on with them, and no more fetched than is needed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import s3fs

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.jobs.status import run_status
from renderer.store.fetching import fetch_run
from renderer.store.place import CACHE_VARIABLE
from renderer.store.remote import StoreError
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


class Stop(BaseException):
    """As an interruption is: no error."""


def stop_at(frame: int) -> Callable[[int], None]:
    def stop(number: int) -> None:
        if number == frame:
            raise Stop

    return stop


def told(data: dict[str, bytes]) -> dict[str, bytes]:
    """What is the same whoever made it, and when: all but seconds, and digests of what tells of seconds."""
    return {name: re.sub(rb'"(seconds|digest)": [^,\n]*', b"", one) for name, one in data.items()}


def of_folder(directory: Path) -> dict[str, bytes]:
    return told({name: (directory / name).read_bytes() for name in names_of_files(directory)})


def of_store(url: str) -> dict[str, bytes]:
    return told(contents(url))


@pytest.fixture(scope="module")
def in_a_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The same run in a folder, made by one process; once for all tests."""

    @cache
    def made(*overrides: str) -> Path:
        directory = tmp_path_factory.mktemp("folder")
        render(request(directory, *overrides), Recorder(), FakeWorker)
        return directory

    return made


@pytest.fixture
def folder(in_a_folder: Callable[..., Path]) -> Path:
    return in_a_folder()


def test_a_store_has_the_files_of_a_folder(folder: Path, machine: Machine, url: str) -> None:
    machine.render(url)
    assert of_store(url) == of_folder(folder)
    assert of_folder(machine.place(url).directory) == of_folder(folder)


def test_stills_alone(tmp_path: Path, machine: Machine, url: str) -> None:
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    machine.render(url, film=False)
    assert of_store(url) == of_folder(tmp_path / "run")


@pytest.mark.parametrize(("form", "frame"), [*((form, 40) for form in FORMS), ("film", 2), ("film", 11), ("film", 26)])
def test_another_machine_goes_on(
    in_a_folder: Callable[..., Path], machine: Machine, other: Machine, url: str, form: str, frame: int
) -> None:
    with pytest.raises(Stop):
        machine.render(url, *FORMS[form], on_frame=stop_at(frame))
    _, worker = other.render(url, *FORMS[form])
    assert of_store(url) == of_folder(in_a_folder(*FORMS[form]))
    if frame == 40:
        assert worker.frames < 20, "what is finished is not dreamed again"


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


def test_a_run_that_is_begun_anew_leaves_nothing_on_any_machine(
    folder: Path, machine: Machine, other: Machine, url: str
) -> None:
    machine.render(url, "film.seconds_per_class=1.5", *FORMS["fresh stills"])
    other.render(url, restart=True)
    assert of_store(url) == of_folder(folder)
    _, worker = machine.render(url)
    assert worker.frames == 0
    assert of_store(url) == of_folder(folder)
    assert machine.has | other.has <= contents(url).keys()


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
    machine.render(url)
    part = next(name for name in contents(url) if name.startswith("parts/"))
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    data = files.cat_file(f"{url}/{part}")
    files.pipe_file(f"{url}/{part}", data[:-4] + b"....")
    files.rm_file(f"{url}/atlas.mp4")
    with pytest.raises(StoreError, match=f"{part} is damaged there; `render` with that place"):
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
    assert len(told_of) == 1
    assert told_of[0].startswith(f"{url}: fetching 1 file, ")
    assert results(copy) == results(folder)


def test_a_copy_takes_no_other_runs_place(
    in_a_folder: Callable[..., Path], machine: Machine, other: Machine, url: str
) -> None:
    machine.render(url)
    another = in_a_folder(*FORMS["pictures"])
    before = of_folder(another)
    with pytest.raises(UserError, match="holds another run"):
        fetch_run(other.place(url), another, print)
    assert of_folder(another) == before


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
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}", CACHE_VARIABLE: str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM.format(frame=frame), *given],
        cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("frame", [9, 33])
def test_a_killed_render_goes_on_from_an_empty_cache(
    tmp_path: Path, url: str, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], frame: int
) -> None:
    patch.setenv(CACHE_VARIABLE, str(tmp_path / "third"))
    with start(tmp_path / "one", url, frame=frame) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "dreaming\n"
        killed.send_signal(signal.SIGKILL)
    with pytest.raises(SystemExit) as ended:
        main(["status", url])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert said.startswith(f"{url} (quickstart)\n")
    assert "whether another machine works on it is not known; to go on, give the command" in said
    with start(tmp_path / "other", f"{url}/") as process:
        said, noted = process.communicate()
    assert process.returncode == 0, noted
    assert f"{url}/atlas.mp4: 40 frames" in said
    with start(tmp_path / "third", "run") as whole:
        whole.communicate()
    assert of_store(url) == of_folder(tmp_path / "third" / "run")
