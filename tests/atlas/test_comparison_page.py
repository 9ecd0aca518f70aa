"""The page that compares runs, in a browser, opened from the disk; any complaint of the browser fails a test."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from renderer.atlas.compare import write_comparison
from renderer.jobs.commands import Request, render
from renderer.settings.loading import parse_settings
from renderer.store.evaluation_file import Evaluation, write_evaluation
from renderer.store.paths import RunPaths
from renderer.targets.target import Guess, Score
from tests import fake_worker
from tests.atlas.conftest import OpenPage, recognition, small_film
from tests.atlas.test_accessible import axe, violations
from tests.atlas.test_hostile import hostile_run
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder

__all__ = ["axe"]  # a fixture

FILMS = """() => {
  const { runs, rows } = JSON.parse(document.querySelector("#contents").textContent);
  const title = document.querySelector("#showing").textContent;
  const row = rows.find((row) => row.title === title);
  const items = [...document.querySelectorAll("#runs > li")];
  const films = items.map((item, place) => {
    const [video, cell] = [item.querySelector("video"), row.cells[place]];
    return {
      paused: video.paused,
      ready: video.readyState >= 2 && !video.seeking,
      share: cell ? (video.currentTime - cell.start) / cell.seconds : null,
      absent: item.classList.contains("absent"),
      muted: video.muted,
      frame: cell ? 1 / (runs[place].film.fps * cell.seconds) : null,
    };
  });
  return { title, films };
}"""


def films(page: Page) -> list[dict[str, Any]]:
    """Where each film is, once all have got there: what share of the class that is named."""
    page.wait_for_function(f"() => ({FILMS})().films.every((film) => film.ready)")
    found: list[dict[str, Any]] = page.evaluate(FILMS)["films"]
    return found


def shown_class(page: Page) -> str:
    return page.locator("#showing").inner_text()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with three runs, and a comparison: another order, speed, rate and size, and a class that one lacks."""
    weights = tmp_path_factory.mktemp("compared")
    folder = weights / "in #1 50%"  # addresses must escape it
    runs = {
        "plain": (),
        "by title": ("classes.order=title", "film.seconds_per_class=2.5", "film.fps=12", "run.seed=1"),
        "small": ("classes.select=[1,2,3,151,281]", "film.seconds_per_class=1", "film.width=48", "run.seed=2"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for number, (name, overrides) in enumerate(runs.items()):
            patch.setattr(fake_worker, "fake_score", partial(_score, number))
            settings = parse_settings("", "dreams", [*small_film(weights), *overrides])
            render(Request("dreams", settings, folder / name), Recorder(), FakeWorker)
    judge = recognition(folder / "plain", "mobilenet_v2", ("tabby", 0.5, 281), rank=2)
    write_evaluation(RunPaths(folder / "plain").evaluation, Evaluation(network=judge, judges=(judge,)))
    write_comparison([folder / name for name in runs], folder / "side by side", Recorder(), film=True)
    return folder


def _score(number: int, unit: int, _seed: int) -> Score:
    """Tabby is where the runs differ most, and all but the first take it for something else."""
    probability = 0.9 - (0.8 if unit == 281 and number else 0.0) - number / 100
    return Score(10.0 + unit, probability, 3 if probability < 0.5 else 1, (Guess(unit, probability),))


@pytest.fixture
def page(compared: Path, open_page: OpenPage) -> Page:
    return open_page((compared / "side by side" / "index.html").as_uri())


def titles(page: Page) -> list[str]:
    return page.locator("#rows th > :first-child").all_inner_texts()


def test_everything_is_there_and_pictures_are_loaded(page: Page) -> None:
    assert page.title() == "squeezenet1_1: plain · by title · small"
    assert page.locator("#runs h3").all_inner_texts() == ["plain", "by title", "small"]
    expect(page.locator("#summary")).to_have_text("3 runs · 10 classes in two or more · sheet.jpg · compare.mp4")
    assert len(titles(page)) == 10
    expect(page.locator("#rows img")).to_have_count(25)
    first_row = page.locator("#rows tr").first
    expect(first_row.locator("td").nth(2)).to_have_text("not in this run")
    page.wait_for_function("() => [...document.querySelectorAll('#rows img')].slice(0, 6).every((i) => i.naturalWidth)")
    expect(page.locator("#runs li").nth(1)).to_contain_text("film.seconds_per_class2.5")


@pytest.mark.parametrize("title", ["tabby", "goldfish", "Chihuahua"])
def test_a_class_takes_all_films_to_its_beginning(page: Page, title: str) -> None:
    page.get_by_role("button", name=title).click()
    page.get_by_role("button", name="Pause").click()
    assert shown_class(page) == title
    shares = [film["share"] for film in films(page)]
    assert max(shares) - min(shares) <= sum(film["frame"] for film in films(page))


def test_films_play_in_step_through_all_classes(page: Page) -> None:
    page.get_by_role("button", name="goldfish").click()
    in_step = f"""() => {{
      const {{ title, films }} = ({FILMS})();
      const shares = films.map((film) => film.share);
      return title === "great white shark" && films.every((film) => !film.paused && film.ready && film.muted)
        && Math.min(...shares) > 0 && Math.max(...shares) - Math.min(...shares) < 0.2;
    }}"""
    page.wait_for_function(in_step)  # a class further, where each film has had to go on
    page.get_by_role("button", name="Pause").click()
    page.wait_for_function(f"() => ({FILMS})().films.every((film) => film.paused)")
    page.wait_for_function(
        f"() => {{ const all = ({FILMS})().films; const shares = all.map((film) => film.share);"
        " return Math.max(...shares) - Math.min(...shares) <= 2 * Math.max(...all.map((film) => film.frame)) }"
    )


def test_a_film_without_the_class_waits(page: Page) -> None:
    page.get_by_role("button", name="tench").click()
    page.wait_for_function(f"() => ({FILMS})().films[2].absent && ({FILMS})().films[2].paused")
    assert [film["absent"] for film in page.evaluate(FILMS)["films"]] == [False, False, True]
    page.wait_for_function("() => document.querySelector('#showing').textContent === 'goldfish'")
    page.wait_for_function(f"() => ({FILMS})().films.every((film) => !film.absent && !film.paused)")


def test_one_set_of_controls_moves_all(page: Page) -> None:
    films(page)
    page.get_by_label("Place in the films").fill("12.5")  # the ninth class of the first film
    assert shown_class(page) == "tabby"
    for film in films(page):
        assert film["share"] == pytest.approx(1 / 3, abs=2 * film["frame"])
    page.get_by_role("button", name="Class before").click()
    assert shown_class(page) == "golden retriever"
    page.get_by_role("button", name="Class after").click()
    assert shown_class(page) == "tabby"
    expect(page.get_by_label("Place in the films")).to_have_attribute("aria-valuetext", "tabby")


def test_search_and_sort(page: Page) -> None:
    page.get_by_label("Search").fill("shark")
    assert titles(page) == ["great white shark", "tiger shark", "hammerhead"]
    expect(page.get_by_role("status")).to_have_text("3 of 10")
    page.get_by_label("Sort by").select_option("title")
    assert titles(page) == ["great white shark", "hammerhead", "tiger shark"]
    page.get_by_label("Search").fill("unicorn")
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Sort by").select_option("disagreement")
    assert titles(page)[0] == "tabby"
    expect(page.locator("#rows tr").first).to_contain_text("apart")


def test_a_picture_opens_large_beside_those_of_the_other_runs(page: Page) -> None:
    page.get_by_label("Search").fill("tabby")
    page.locator("#rows .picture").nth(1).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="tabby")).to_be_visible()
    expect(dialog.locator("img")).to_have_count(3)
    page.wait_for_function("() => [...document.querySelectorAll('dialog img')].every((i) => i.naturalWidth)")
    assert all(str(image.get_attribute("src")).endswith(".png") for image in dialog.locator("img").all())
    expect(page.get_by_role("button", name="Next target")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#rows .picture").nth(1)).to_be_focused()
    page.get_by_label("Search").fill("")
    page.locator("#rows .picture").first.click()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("goldfish")


def test_what_networks_recognize_is_told_of_what_all_runs_have(page: Page) -> None:
    expect(page.locator("#measured")).to_have_text("Of the 5 classes that all runs have a still of.")
    rows = page.locator("#figures tbody tr")
    cells = rows.nth(0).locator("td").all_inner_texts()
    assert cells[:4] == ["squeezenet1_1", "10 of 10", "100.0 %", "100.0 %"]
    assert cells[5:] == ["0.0 %", "100.0 %", "\N{MINUS SIGN}1.40"]  # the judge puts each class second
    assert rows.nth(1).locator("td").all_inner_texts()[5:] == 3 * ["\N{EN DASH}"]


def test_the_page_moves_with_its_runs(compared: Path, tmp_path: Path, open_page: OpenPage) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(compared, moved)
    page = open_page((moved / "side by side" / "index.html").as_uri())
    assert len(films(page)) == 3
    page.locator("#rows .picture").first.click()
    page.wait_for_function("() => [...document.querySelectorAll('dialog img')].every((i) => i.naturalWidth)")
    assert page.locator("video").first.evaluate("video => video.src").startswith(moved.as_uri())


def test_alone_it_shows_the_small_pictures(compared: Path, tmp_path: Path, open_page: OpenPage) -> None:
    shutil.copytree(compared / "side by side", tmp_path / "alone")
    browser = open_page("about:blank").context.browser
    assert browser
    context = browser.new_context()
    page = context.new_page()  # which may complain of what is not there
    page.goto((tmp_path / "alone" / "index.html").as_uri())
    expect(page.get_by_text("This film cannot be played here")).to_have_count(3)
    expect(page.locator("#player")).to_be_hidden()
    page.locator("#rows .picture").first.click()
    page.wait_for_function("() => [...document.querySelectorAll('dialog img')].every((i) => i.naturalWidth === 64)")
    context.close()


def test_copies_play_without_the_runs(compared: Path, tmp_path: Path, open_page: OpenPage) -> None:
    runs = [compared / "plain", compared / "small"]
    write_comparison(runs, tmp_path / "copied", Recorder(), copy=True)
    page = open_page((tmp_path / "copied" / "index.html").as_uri())
    assert len(films(page)) == 2
    assert page.locator("#runs a").count() == 0
    for video in page.locator("video").all():
        assert str(video.evaluate("video => video.src")).startswith((tmp_path / "copied").as_uri())


def test_hostile_titles_are_shown_as_text(tmp_path: Path, open_page: OpenPage) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    runs = [hostile_run(tmp_path / name).root for name in "ab"]
    write_comparison(runs, tmp_path / "out", Recorder())
    page = open_page((tmp_path / "out" / "index.html").as_uri())
    assert len(titles(page)) == 8
    page.locator("#rows .picture").first.click()
    assert page.evaluate("window.alarm") is None
    assert page.locator("main img[onerror], main b, main svg, main script, dialog b").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("opened", [False, True])
def test_axe_finds_nothing(
    compared: Path, open_page: OpenPage, axe: str, scheme: str, width: int, opened: bool
) -> None:
    page = open_page((compared / "side by side" / "index.html").as_uri(), scheme=scheme, width=width)
    if opened:
        page.locator("#rows .picture").nth(1).click()
    assert violations(page, axe) == []
