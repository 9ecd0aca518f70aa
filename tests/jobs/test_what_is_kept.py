"""What is said of an interrupted run: what is kept, and how to go on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from renderer.display import describe_status
from renderer.film.tasks import Frame
from renderer.jobs.commands import assemble, render
from renderer.jobs.status import run_status
from renderer.store.log_file import last_command
from renderer.store.paths import RunPaths
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


class Interrupted(FakeWorker):
    """Is interrupted in the third class."""

    def segments(self, *args: Any, **kwargs: Any) -> Iterator[Frame]:
        if len(self.rounds) == 4:
            raise KeyboardInterrupt
        yield from super().segments(*args, **kwargs)


@pytest.fixture
def interrupted(tmp_path: Path) -> tuple[Path, Recorder]:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path, "film.chains=1"), recorder, Interrupted)
    return tmp_path, recorder


def test_an_interruption_says_what_is_kept(interrupted: tuple[Path, Recorder]) -> None:
    directory, recorder = interrupted
    found = run_status(directory).film
    assert found is not None and 0 < found.pictures_done < found.pictures == 40
    assert f"kept: {found.pictures_done} of 40 frames ({100 * found.share:.0f} % of the work)" in recorder.notes


def test_status_tells_the_command_and_how_much_of_the_film_there_is(interrupted: tuple[Path, Recorder]) -> None:
    directory, _ = interrupted
    assemble(directory, Recorder())
    log = directory / "state" / "log.txt"
    log.write_text(
        "2026-11-22 09:51:39,729 28053 INFO renderer.cli: neuron-atlas render mine.yaml --set 'a=[1, 2]' --restart\n"
        "2026-11-22 09:51:48,212 28053 INFO renderer.jobs.session: mine: 4 classes\n"
        "2026-11-22 09:52:39,729 28054 INFO renderer.cli: neuron-atlas assemble runs/mine\n"
    )
    found = run_status(directory)
    said = describe_status(found, directory)
    assert (
        f"nobody is working on it; go on with\n  neuron-atlas render mine.yaml --set 'a=[1, 2]' --output {directory}"
        in said
    )
    assert found.film is not None
    assert f"film: {directory / 'atlas.mp4'} ({found.film.pictures_done} of 40 frames)" in said


@pytest.mark.parametrize(
    ("directory", "given", "told"),
    [
        ("runs/mine", "render mine.yaml", "render mine.yaml"),
        ("runs/mine-preview", "render mine.yaml --preview", "render mine.yaml --preview"),
        ("runs/other", "render mine.yaml", "render mine.yaml --output runs/other"),
        ("a b", "render mine.yaml -o a --set x=1", "render mine.yaml --set x=1 --output 'a b'"),
        ("b", "render mine.yaml --output=a", "render mine.yaml --output b"),
        ("b", "render mine.yaml --output ./b", "render mine.yaml --output ./b"),
        ("b", "render b/run.yaml", "render b/run.yaml"),
        ("runs/mine", "render mine.yaml --yes --set x=1", "render mine.yaml --set x=1"),
        ("runs/mine", "stills mine.yaml -y", "stills mine.yaml"),
        ("b", "render mine.yaml --output s3://a/b", "render mine.yaml --output s3://a/b"),
        ("b", "render 'mine.yaml", "render 'mine.yaml"),
    ],
)
def test_the_command_is_for_the_directory_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str, given: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = RunPaths(Path(directory))
    paths.log.parent.mkdir(parents=True)
    paths.log.write_text(f"2026-11-22 09:51:39,729 28053 INFO renderer.cli: neuron-atlas {given}\n")
    assert last_command(paths) == f"neuron-atlas {told}"
