"""Titles are data: whatever they contain is shown as text, and runs nothing."""

import csv
from pathlib import Path

from playwright.sync_api import expect

from renderer.atlas.page_contents import page_contents
from renderer.atlas.page_document import page_html, write_page
from renderer.atlas.seen import look_at
from renderer.jobs.commands import Request, render
from renderer.settings.loading import parse_settings
from renderer.store.evaluation_file import Evaluation, write_evaluation
from renderer.store.index_file import read_index
from renderer.store.paths import RunPaths
from tests.atlas.conftest import OpenPage, recognition, small_film
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder

ALARM = "window.alarm = 1; alert(1)"
TITLES = [
    f"<img src=x onerror='{ALARM}'>",
    f"</script><script>{ALARM}</script>",
    f"<svg/onload='{ALARM}'>",
    "\"'`--> <!-- quotes & marks \\u003c {{ 7 * 7 }} ${7 * 7}",
    "two\nlines\r\nand\ta tab \u2028 more",
    "\u202eright to left\u202c שלום עולם",
    "family 👨‍👩‍👧‍👦 and 🦓",
    f"javascript:{ALARM}",
]


def hostile_run(folder: Path) -> RunPaths:
    """A run in which everything that a user can name is hostile."""
    classes = folder / "classes.csv"
    with classes.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "title", "wnid", "synonyms", "hypernyms"])
        for index, title in enumerate(TITLES):
            writer.writerow(
                [
                    index,
                    title,
                    f'{index}"><b>',
                    f"<b onclick='{ALARM}'>; {title}",
                    f"all > <svg onload='{ALARM}' {index % 2} > {title}",
                ]
            )
    weights = folder / "nobody-reads.safetensors"
    weights.write_bytes(b"")
    network = f"network={{source: torchvision, weights: '{weights}', classes: '{classes}'}}"
    overrides = [*small_film(folder)[2:], network, "overlay.lines=[]", "film.seconds_per_class=0.5"]
    overrides.append(f'page.title="</title><script>{ALARM}</script>"')
    settings = parse_settings("", "hostile", overrides)
    directory = folder / "<b> & \"quotes\" 'run'"
    paths = render(Request("hostile", settings, directory), Recorder(), FakeWorker).paths
    judge = recognition(directory, TITLES[1], *((title, 0.1, None) for title in TITLES), rank=1)
    write_evaluation(paths.evaluation, Evaluation(network=judge, judges=(judge,)))
    write_page(look_at(directory), read_index(paths.index))
    return paths


def test_hostile_titles_are_text(tmp_path: Path, open_page: OpenPage) -> None:
    paths = hostile_run(tmp_path)
    page = open_page(paths.page.as_uri())
    shown = page.locator("#grid .name").all_text_contents()
    assert shown == TITLES
    expect(page.get_by_role("heading", level=1)).to_have_text(f"</title><script>{ALARM}</script>")
    for place, title in enumerate(TITLES):
        page.locator("#grid a").nth(place).click()
        assert page.locator("#opened").text_content() == title
        page.reload()
        assert page.locator("#opened").text_content() == title
        assert page.locator("#details h3").nth(1).text_content() == f"What {TITLES[1]} sees rank 1 · 25.0 %"
        assert page.locator(".bars").nth(1).locator("li > :first-child").all_text_contents() == TITLES
        page.wait_for_function("() => document.querySelector('#still img').naturalWidth > 0")
        page.keyboard.press("Escape")
    assert page.locator("#narrower button bdi").all_inner_texts() == [f"<svg onload='{ALARM}' {n}" for n in (0, 1)]
    page.get_by_label("Search").fill("<img")
    page.wait_for_timeout(200)
    assert page.evaluate("window.alarm") is None
    assert page.locator("main img[onerror], main b, aside b, aside svg, main svg, main script").count() == 0


def test_hostile_paths_are_addresses(tmp_path: Path, open_page: OpenPage) -> None:
    paths = hostile_run(tmp_path)
    contents = page_contents(look_at(paths.root), read_index(paths.index))
    hostile = f"stills/\"><img src=x onerror='{ALARM}'>#?%41.png"
    (paths.root / hostile).parent.mkdir(exist_ok=True, parents=True)
    (paths.root / hostile).write_bytes((paths.root / contents["classes"][0]["still"]).read_bytes())
    contents["classes"][0]["still"] = contents["classes"][0]["thumbnail"] = hostile
    paths.page.write_text(page_html(contents, live=False), encoding="utf-8")
    page = open_page(paths.page.as_uri())
    page.locator("#grid a").first.click()
    page.wait_for_function("() => document.querySelector('#still img').naturalWidth > 0")
    page.wait_for_function("() => document.querySelector('#grid img').naturalWidth > 0")
    assert page.evaluate("window.alarm") is None


def test_the_policy_stops_what_would_slip_through(tmp_path: Path, open_page: OpenPage) -> None:
    paths = hostile_run(tmp_path)
    html = paths.page.read_text(encoding="utf-8")
    page = open_page("about:blank")
    refused: list[str] = []
    for number, planted in enumerate(
        [f"<script>{ALARM}</script>", f"<img src=x onerror='{ALARM}'>", f"<svg onload='{ALARM}'></svg>"]
    ):
        copy = paths.root / f"planted-{number}.html"
        copy.write_text(html.replace("<main", f"{planted}<main", 1), encoding="utf-8")
        context = page.context.browser.new_context()  # type: ignore[union-attr]
        other = context.new_page()
        other.on("console", lambda message: refused.append(message.text))
        other.goto(copy.as_uri())
        other.wait_for_timeout(200)
        assert other.evaluate("window.alarm") is None
        context.close()
    assert sum("Content Security Policy" in text for text in refused) >= 3
