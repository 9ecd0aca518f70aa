"""What the page is told, and how it is embedded; no browser here."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from renderer.atlas.page_contents import page_contents
from renderer.atlas.page_document import embedded_json, page_html
from renderer.atlas.seen import look_at
from renderer.atlas.thumbnails import make_thumbnail
from renderer.jobs.commands import make_page, render, render_stills
from renderer.store.index_file import read_index
from renderer.store.paths import RunPaths
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


def contents(directory: Path) -> dict[str, object]:
    html = (directory / "index.html").read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(html.split('id="contents">')[1].split("</script>")[0])
    return found


def states(directory: Path) -> list[str]:
    classes = contents(directory)["classes"]
    assert isinstance(classes, list)
    return ["done" if "still" in one else "failed" if "failure" in one else "missing" for one in classes]


def interrupt_at(number: int) -> object:
    def interrupt(frame: int) -> None:
        if frame == number:
            raise KeyboardInterrupt

    return lambda settings: FakeWorker(settings, interrupt)


def test_data_cannot_end_the_element_that_holds_it() -> None:
    hostile = {"title": "</script><!--<script>\u2028\u2029 & <b>"}
    text = embedded_json(hostile)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == hostile


def test_every_run_ends_with_a_page_with_small_pictures(tmp_path: Path) -> None:
    render(request(tmp_path / "film"), Recorder(), FakeWorker)
    render_stills(request(tmp_path / "stills"), Recorder(), FakeWorker)
    for directory in (tmp_path / "film", tmp_path / "stills"):
        assert states(directory) == ["done"] * 4
        for still in (directory / "stills").iterdir():
            with Image.open(directory / "thumbs" / f"{still.stem}.webp") as image:
                assert image.format == "WEBP"
    film = contents(tmp_path / "film")["film"]
    assert isinstance(film, dict)
    assert (film["kind"], film["frames"]) == ("video", 40)
    assert contents(tmp_path / "stills")["film"] is None


def test_an_interrupted_run_has_a_page_with_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path / "run"), Recorder(), interrupt_at(30))
    assert states(tmp_path / "run") == ["done", "missing", "done", "missing"]
    assert not list((tmp_path / "run" / "state").glob("now.*"))
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    assert states(tmp_path / "run") == ["done"] * 4


def test_failed_classes_are_told_from_missing_ones_until_they_succeed(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 0:
            raise RuntimeError("a class of its own")

    outcome = render_stills(request(tmp_path / "run"), Recorder(), lambda settings: FakeWorker(settings, fail))
    assert len(outcome.failures) == 2
    assert states(tmp_path / "run") == ["failed", "failed", "done", "done"]
    (tmp_path / "run" / "index.html").unlink()
    make_page(tmp_path / "run")
    assert states(tmp_path / "run") == ["failed", "failed", "done", "done"]
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    assert states(tmp_path / "run") == ["done"] * 4
    assert "a class of its own" not in (tmp_path / "run" / "index.html").read_text(encoding="utf-8")


def test_a_page_can_be_made_of_a_run_whose_process_was_killed(tmp_path: Path) -> None:
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    for name in ("atlas.json", "index.html"):
        (tmp_path / "run" / name).unlink()
    make_page(tmp_path / "run")
    assert states(tmp_path / "run") == ["done"] * 4


def test_restart_leaves_no_small_picture_behind(tmp_path: Path) -> None:
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    render(request(tmp_path / "run", "classes.select=[1]", restart=True), Recorder(), FakeWorker)
    assert [path.stem[:4] for path in (tmp_path / "run" / "thumbs").iterdir()] == ["0001"]


def test_small_pictures_are_made_only_once(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    still = paths.still("0001-one.png")
    still.parent.mkdir()
    Image.new("RGB", (900, 300), "red").save(still)
    make_thumbnail(paths, still)
    thumbnail = paths.thumbnail(still)
    with Image.open(thumbnail) as image:
        assert image.size == (320, 107)
    kept = thumbnail.read_bytes()
    Image.new("RGB", (3, 1), "blue").save(thumbnail, format="WEBP")
    other = thumbnail.read_bytes()
    make_thumbnail(paths, still)
    assert thumbnail.read_bytes() == other
    for damaged in (b"", other[:-1], other[:10]):
        thumbnail.write_bytes(damaged)
        make_thumbnail(paths, still)
        assert thumbnail.read_bytes() == kept
    later = thumbnail.stat().st_mtime + 10
    os.utime(still, (later, later))
    thumbnail.write_bytes(other)
    os.utime(thumbnail, (later - 5, later - 5))
    make_thumbnail(paths, still)
    assert thumbnail.read_bytes() == kept


def test_only_a_served_page_may_ask_a_server(tmp_path: Path) -> None:
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    paths = RunPaths(tmp_path / "run")
    made = page_contents(look_at(paths.root), read_index(paths.index))
    assert "connect-src 'none'" in page_html(made, live=False).replace("&#39;", "'")
    assert "connect-src 'self'" in page_html(made, live=True).replace("&#39;", "'")
    assert page_html(made, live=False) == paths.page.read_text(encoding="utf-8")


def test_seeds_keep_all_their_digits(tmp_path: Path) -> None:
    render(request(tmp_path / "run", f"run.seed={2**63 - 1}"), Recorder(), FakeWorker)
    classes = contents(tmp_path / "run")["classes"]
    assert isinstance(classes, list)
    assert classes[0]["seed"] == str(2**63 - 1)
