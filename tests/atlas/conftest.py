"""A browser, and pages of runs that were really rendered, with a worker that needs no network."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from renderer.atlas.page_document import write_page
from renderer.atlas.seen import look_at
from renderer.jobs.commands import Request, render, render_stills
from renderer.settings.loading import parse_settings
from renderer.store.evaluation_file import Evaluation, PictureScore, Recognition, Seen, write_evaluation
from renderer.store.files import digest
from renderer.store.index_file import read_index
from renderer.store.paths import RunPaths
from renderer.store.records import SimilarityRecord, write_record
from renderer.targets.target import Guess, Score
from tests import fake_worker
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder

CHROMIUM = Path("/usr/bin/chromium")
LONGEST_WAIT = 60_000
"""In milliseconds: how long a test waits for a page. Long, because the machine may be busy."""
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLASSES = '["0-5",151,207,281,340]'
"""Six fishes and four mammals: Chihuahua, golden retriever, tabby and zebra."""

OpenPage = Callable[..., Page]


def small_film(folder: Path, *overrides: str) -> tuple[str, ...]:
    """Settings of a small film of ImageNet classes, with a weights file that nobody reads."""
    weights = folder / "nobody-reads.safetensors"
    weights.write_bytes(b"")
    return (
        f"network={{source: torchvision, name: squeezenet1_1, weights: {weights}}}",
        f"classes.select={CLASSES}",
        *("film.width=64", "film.height=48", "film.fps=8", "film.seconds_per_class=1.5", "film.chains=1"),
        *("run.batch=2", "stills.width=64", "stills.height=48", *overrides),
    )


def small_request(folder: Path, *overrides: str) -> Request:
    """A request for such a film, in a folder with a name that addresses must escape."""
    settings = parse_settings("", "dreams", small_film(folder, *overrides))
    return Request("dreams", settings, folder / "a run #1 50%")


def score_by_index(class_index: int, seed: int) -> Score:
    """Classes with a higher index are less probable, and tabby is third."""
    probability = 0.9 - class_index / 1000
    top = (Guess(282, 0.5), Guess(class_index, probability / 2), Guess(class_index + 1, 0.01))
    return Score(10.0 + class_index, probability, 3 if class_index == 281 else 1, top)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a finished run with ten classes in its film."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_worker, "fake_score", score_by_index)
        request = small_request(folder)
        render(request, Recorder(), FakeWorker)
        paths = RunPaths(request.directory)
        order = (340, 281, 207, 151, 5, 4, 3, 2, 1, 0)
        write_record(paths.similarity, SimilarityRecord(keys=tuple(f"{index:04d}" for index in order)))
        render(request, Recorder(), FakeWorker)
    return request.directory


def recognition(directory: Path, name: str, *tops: tuple[str, float, int | None], rank: int) -> Recognition:
    """What a judge would say that sees the same in each of a run's stills: titles, probabilities, the run's classes."""
    index = read_index(RunPaths(directory).index)
    top = tuple(
        Seen(index=place, title=title, probability=share, dreamed=dreamed)
        for place, (title, share, dreamed) in enumerate(tops)
    )
    scores = tuple(
        PictureScore(
            index=entry.index,
            wnid=entry.wnid,
            title=entry.title,
            shown=("still", "film"),
            still_digest=digest(directory / str(entry.still)),
            rank=rank,
            probability=0.25,
            log_probability=-1.4,
            top=top,
        )
        for entry in index.classes
    )
    network = {"source": "torchvision", "name": name, "weights": f"{name}.pth"}
    return Recognition(network=network, contents=name, unknown=(), figures=(), pictures=scores)


@pytest.fixture(scope="session")
def judged(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the finished run, in which two judges have looked at the stills."""
    directory = tmp_path_factory.mktemp("judged") / "run"
    shutil.copytree(finished, directory, symlinks=True)
    paths = RunPaths(directory)
    first = recognition(directory, "mobilenet_v2", ("tabby", 0.5, 281), ("7", 0.25, None), ("zebra", 1e-5, 340), rank=2)
    second = recognition(directory, "resnet18", ("constructor", 0.6, None), rank=41)
    write_evaluation(paths.evaluation, Evaluation(network=first, judges=(first, second)))
    write_page(look_at(directory), read_index(paths.index))
    return directory


@pytest.fixture(scope="session")
def faceted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a run with three transparent stills of each class."""
    wanted = small_request(tmp_path_factory.mktemp("faceted"), "stills.variants=3", "stills.alpha=true")
    return render_stills(wanted, Recorder(), FakeWorker).paths.root


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none, tests are skipped, except in continuous integration."""
    if not CHROMIUM.is_file():
        if os.environ.get("CI"):
            pytest.fail(f"needs {CHROMIUM}")
        pytest.skip(f"needs {CHROMIUM}")
    expect.set_options(timeout=LONGEST_WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens addresses in windows of their own; anything that the browser complains of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_in_window(address: str, *, scheme: str = "light", width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONGEST_WAIT)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        return page

    yield open_in_window
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def atlas(open_page: OpenPage, finished: Path) -> Callable[..., Page]:
    """Opens the finished run's page from the disk, at the given place and with the given window."""

    def open_atlas(place: str = "", **window: object) -> Page:
        return open_page((finished / "index.html").as_uri() + place, **window)

    return open_atlas


def titles(page: Page) -> list[str]:
    """Titles of the cards that can be seen, in order."""
    return page.locator("#grid .card:visible .name").all_inner_texts()
