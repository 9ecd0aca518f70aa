"""What is lost of a finished run is made again by the commands that can, and named."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from renderer.atlas.seen import SeenRun
from renderer.jobs.commands import assemble, make_page, render, render_stills
from renderer.jobs.plan import make_plan
from renderer.jobs.written_stills import make_film_stills
from renderer.store import records
from renderer.store.files import digest
from renderer.store.run import load_run
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, names, request, results
from tests.record_forging import cut

_FILES = ["thumbs/0002-melting-face.webp", "stills/0002-melting-face.png", "atlas.vtt", "atlas.json", "index.html"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("film")
    render(request(directory), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("stills")
    render_stills(request(directory), Recorder(), FakeWorker)
    return directory


def _contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in _FILES if (directory / name).exists()}


def _render(directory: Path) -> list[str]:
    recorder = Recorder()
    render(request(directory), recorder, FakeWorker)
    return recorder.notes


def _stills(directory: Path) -> list[str]:
    recorder = Recorder()
    render_stills(request(directory), recorder, FakeWorker)
    return recorder.notes


def _page(directory: Path) -> list[str]:
    recorder = Recorder()
    make_page(directory, recorder)
    return recorder.notes


@pytest.mark.parametrize("damage", [cut, Path.unlink])
@pytest.mark.parametrize("file", _FILES)
@pytest.mark.parametrize("command", [_render, _page])
def test_a_film_is_whole_again(
    film: Path, tmp_path: Path, command: Callable[[Path], list[str]], file: str, damage: Callable[[Path], None]
) -> None:
    directory = shutil.copytree(film, tmp_path / "run")
    damage(directory / file)
    notes = command(directory)
    assert _contents(directory) == _contents(film)
    assert results(directory) == results(film)
    assert [note for note in notes if Path(file).name in note]
    assert command(directory) == []


@pytest.mark.parametrize("damage", [cut, Path.unlink])
@pytest.mark.parametrize("file", [name for name in _FILES if name != "atlas.vtt"])
def test_stills_are_whole_again(stills: Path, tmp_path: Path, file: str, damage: Callable[[Path], None]) -> None:
    directory = shutil.copytree(stills, tmp_path / "run")
    damage(directory / file)
    notes = _stills(directory)
    assert _contents(directory) == _contents(stills)
    assert [note for note in notes if Path(file).name in note]
    assert _stills(directory) == []


@pytest.mark.parametrize(
    ("damage", "file", "named"),
    [
        (cut, "atlas.mp4", "atlas.mp4"),
        (Path.unlink, "atlas.mp4", "atlas.mp4"),
        (cut, "state/film.json", "atlas.mp4"),
        (cut, "state/still-0002.json", "0002-melting-face.png"),
        (Path.unlink, "state/still-0002.json", "0002-melting-face.png"),
        (cut, "state/0001-000.json", "0001-000"),
        (cut, "segments/0001-000.mkv", "0001-000"),
        (Path.unlink, "segments/0001-000.mkv", "0001-000"),
    ],
)
def test_repairs_of_films_and_records_are_named(
    film: Path, tmp_path: Path, damage: Callable[[Path], None], file: str, named: str
) -> None:
    directory = shutil.copytree(film, tmp_path / "run")
    named = names(directory).get(named, named)
    damage(located(directory, file))
    assert [note for note in _render(directory) if named in note]
    assert results(directory) == results(film)


def test_the_subtitles_of_a_film_are_written_again_beside_fresh_stills(film: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(film, tmp_path / "run")
    cut(directory / "atlas.vtt")
    assert [note for note in _stills(directory) if "atlas.vtt" in note]
    assert (directory / "atlas.vtt").read_bytes() == (film / "atlas.vtt").read_bytes()


def test_a_page_says_what_it_cannot_make(film: Path, stills: Path, tmp_path: Path) -> None:
    first, second = shutil.copytree(film, tmp_path / "film"), shutil.copytree(stills, tmp_path / "stills")
    cut(first / "atlas.mp4")
    cut(second / "stills" / "0002-melting-face.png")
    assert [note for note in _page(first) if "`render` makes it again" in note]
    assert [note for note in _page(second) if "0002-melting-face.png" in note]


def test_a_picture_that_is_damaged_itself_makes_no_still(film: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(film, tmp_path / "run")
    picture = located(directory, "state/0001-001.png")
    picture.write_bytes(b"\0" * picture.stat().st_size)
    (directory / "stills" / "0002-melting-face.png").unlink()
    _page(directory)
    assert not (directory / "stills" / "0002-melting-face.png").exists()
    _render(directory)
    assert results(directory) == results(film)


def test_a_small_copy_that_cannot_be_made_is_not_said_to_be(stills: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(stills, tmp_path / "run")
    still, copy = (directory / name for name in ("stills/0002-melting-face.png", "thumbs/0002-melting-face.webp"))
    still.write_bytes(b"\0" * still.stat().st_size)
    copy.unlink()
    assert not [note for note in _page(directory) if copy.name in note]
    shutil.copy2(stills / "stills" / still.name, still)
    assert [note for note in _page(directory) if copy.name in note]


def test_a_film_that_is_whole_has_each_still_read_once(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(shutil.copytree(film, tmp_path / "run"))
    segments, read = make_plan(SeenRun(run)).records, Counter[Path]()

    def counted(path: Path) -> str:
        read[path] += 1
        return digest(path)

    monkeypatch.setattr(records, "digest", counted)
    make_film_stills(run, segments, Recorder())
    assert {read[path] for path in run.paths.stills.iterdir()} == {1}


def test_damaged_segments_are_named_like_all_that_is_damaged(film: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(film, tmp_path / "run")
    damaged = [names(directory)[place] for place in ("0000-000", "0001-000", "0002-000")]
    for record in damaged:
        cut(directory / "state" / f"{record}.json")
    recorder = Recorder()
    assemble(directory, recorder)
    assert f"damaged or missing: segments {', '.join(damaged)}; to be computed again" in recorder.notes


def test_parts_that_are_made_again_count_each_class_once(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    shutil.rmtree(tmp_path / "parts")
    told = Recorder()
    assemble(tmp_path, told)
    assert told.units == ["encoded frames"]
    assert (told.total.pictures, told.total.classes) == (40, 4)
