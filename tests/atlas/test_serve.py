"""The served page: what a running render does appears without reload, and nothing but the run can be read."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile, copytree, rmtree
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from renderer.atlas.serve import make_server
from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.store.live_file import LiveProgress, read_progress
from renderer.store.paths import RunPaths
from tests.atlas.conftest import OpenPage, small_request
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder

ROOT = Path(__file__).parents[2]
LONGEST_WAIT = 60


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory and give the page's address."""
    server = make_server(directory, 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join(LONGEST_WAIT)
        assert not thread.is_alive()


def answer(address: str, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Ask for exactly this path, which a browser would tidy up."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=LONGEST_WAIT)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read(), response.headers
    connection.close()
    return found


@pytest.fixture(scope="module")
def address(finished: Path) -> Iterator[str]:
    with served(finished) as found:
        yield found


def test_the_page_and_its_files_are_served(address: str, finished: Path) -> None:
    status, page, headers = answer(address, "/")
    assert status == 200
    assert b"Content-Security-Policy" in page
    assert headers["Cache-Control"] == "no-cache"
    assert answer(address, "/stills/0000-tench.png")[1] == (finished / "stills" / "0000-tench.png").read_bytes()
    assert answer(address, "/thumbs/0000-tench.webp")[0] == 200


def test_a_part_of_the_film_can_be_asked_for(address: str, finished: Path) -> None:
    film = (finished / "atlas.mp4").read_bytes()
    status, part, headers = answer(address, "/atlas.mp4", Range="bytes=100-199")
    assert (status, part) == (206, film[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(film)}"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/hostname",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/stills/../../secret.txt",
        "/stills/..%2f..%2fsecret.txt",
        "/stills/%252e%252e/%252e%252e/secret.txt",
        "/..;/secret.txt",
        "//etc/hostname",
        "/%2fetc/hostname",
        "/%00/../secret.txt",
        "/link.txt",
        "/linked/hostname",
    ],
)
def test_nothing_outside_the_run_can_be_read(address: str, finished: Path, path: str) -> None:
    (finished.parent / "secret.txt").write_text("secret")
    for name, target in (("link.txt", finished.parent / "secret.txt"), ("linked", Path("/etc"))):
        if not (finished / name).is_symlink():
            (finished / name).symlink_to(target)
    status, body, _ = answer(address, path)
    assert status in {400, 404}
    assert b"secret" not in body
    hostname = Path("/etc/hostname")
    assert not hostname.is_file() or hostname.read_bytes().strip() not in body


def test_a_killed_render_is_not_taken_for_a_running_one(address: str, finished: Path) -> None:
    left_over = RunPaths(finished).progress
    left_over.write_text(
        '{"unit": "frames", "done": 1, "total": 2, "classes_done": 0, "classes": 2, "share": 0.5, '
        '"seconds_left": null, "title": "tench", "picture": 0}'
    )
    assert read_progress(left_over)
    assert json.loads(answer(address, "/live.json")[1])["progress"] is None
    left_over.unlink()


def test_shards_are_told_of_together(tmp_path: Path, finished: Path) -> None:
    directory = copytree(finished, tmp_path / "copy", symlinks=True)
    shards = [RunPaths(directory, f"shard-{number}-of-3") for number in (1, 2, 3)]
    told = LiveProgress(
        unit="frames", done=1, total=2, classes_done=1, classes=2, share=0.5, seconds_left=5, title="tench", picture=3
    )
    for number, shard in enumerate(shards):
        shard.lock.write_text("77")
        own = told.model_copy(update={"done": number, "seconds_left": 5.0 + number})
        shard.progress.write_text(own.model_dump_json())
    os.utime(shards[2].progress, (1, 1))  # It was killed long ago.
    with served(directory) as address:
        progress = json.loads(answer(address, "/live.json")[1])["progress"]
    assert (progress["done"], progress["total"], progress["classes"]) == (1, 4, 4)
    assert (progress["share"], progress["seconds_left"]) == (0.5, 6.0)
    assert progress["preview"] in {f"state/now-shard-{number}-of-3.jpg" for number in (1, 2)}


def test_a_run_that_is_begun_anew_is_waited_for(tmp_path: Path, finished: Path) -> None:
    directory = tmp_path / "copy"
    copytree(finished, directory, symlinks=True)
    with served(directory) as address:
        rmtree(directory / "state")
        (directory / "run.yaml").rename(directory / "gone.yaml")
        assert [answer(address, path)[0] for path in ("/live.json", "/contents.json", "/")] == [503] * 3
        (directory / "state").mkdir()
        (directory / "gone.yaml").rename(directory / "run.yaml")
        assert [answer(address, path)[0] for path in ("/live.json", "/contents.json", "/")] == [200] * 3


def test_the_command_says_where_and_ends_with_an_interrupt(finished: Path) -> None:
    script = "from renderer.cli import main; main()"
    command = [sys.executable, "-c", script, "serve", str(finished), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        address = process.stdout.readline().split()[0]
        assert answer(address, "/")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_WAIT) == 130


def test_only_this_machine_is_answered_under_its_own_name(address: str, finished: Path) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    assert answer(address, "/", Host="rebound.example")[0] == 400
    assert answer(address, "/", Host="localhost")[0] == 200


def test_what_cannot_be_served_is_the_users_to_mend(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        make_server(tmp_path, 0)
    with served(finished) as address, pytest.raises(UserError, match="--port"):
        make_server(finished, urlsplit(address).port or 0)


def test_the_film_seeks_and_a_still_can_be_downloaded(open_page: OpenPage, address: str) -> None:
    page = open_page(f"{address}#n02123045")
    page.wait_for_function(
        "() => { const v = document.querySelector('video'); return v.readyState >= 2 && !v.seeking }"
    )
    assert 12 <= page.evaluate("document.querySelector('video').currentTime") <= 12 + 1 / 8
    expect(page.locator("#live")).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the still").click()
    assert download.value.suggested_filename == "0281-tabby.png"


def test_what_judges_see_appears_without_reload(
    open_page: OpenPage, tmp_path: Path, finished: Path, judged: Path
) -> None:
    directory = tmp_path / "copy"
    # Another test puts a link to a stranger's folder there.
    copytree(finished, directory, symlinks=True)
    with served(directory) as address:
        page = open_page(f"{address}#n02123045")
        expect(page.locator("#details .bars")).to_have_count(1)
        copyfile(judged / "evaluation.json", directory / "evaluation.json")
        expect(page.locator("#details .bars")).to_have_count(3)


def test_a_running_render_appears_without_reload(open_page: OpenPage, tmp_path: Path) -> None:
    request = small_request(tmp_path)
    go_on: dict[int, threading.Event] = {number: threading.Event() for number in (20, 60, 110)}
    reached: dict[int, threading.Event] = {number: threading.Event() for number in go_on}

    def pause(number: int) -> None:
        if number in go_on:
            reached[number].set()
            assert go_on[number].wait(LONGEST_WAIT)

    with ThreadPoolExecutor(1) as pool:
        rendering = pool.submit(render, request, Recorder(), lambda settings: FakeWorker(settings, pause))
        assert reached[20].wait(LONGEST_WAIT)
        with served(request.directory) as address:
            page = open_page(address)
            page.evaluate("window.same = true")
            pictures = page.locator("#grid img")
            expect(pictures).to_have_count(1)
            expect(page.locator("#grid .blank")).to_have_count(9)
            expect(page.locator("#dreaming")).to_contain_text("Dreaming")
            page.wait_for_function("() => document.querySelector('#preview').naturalWidth === 64")
            before = page.locator("#progress").evaluate("(bar) => bar.value")
            go_on[20].set()
            assert reached[60].wait(LONGEST_WAIT)
            expect(pictures).to_have_count(5)
            page.wait_for_timeout(1200)
            go_on[60].set()
            assert reached[110].wait(LONGEST_WAIT)
            expect(pictures).to_have_count(9)
            page.wait_for_function(f"() => document.querySelector('#progress').value > {before}")
            expect(page.locator("#film")).to_be_hidden()
            go_on[110].set()
            expect(pictures).to_have_count(10)
            expect(page.locator("#live")).to_be_hidden()
            expect(page.locator("video")).to_be_visible()
            expect(page.locator("#chapter-list li")).to_have_count(10)
            assert page.evaluate("window.same") is True
        rendering.result()
