"""What people do on the page, done in a browser: it is opened from the disk, without a server or a network."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from renderer.atlas.page_contents import page_contents
from renderer.atlas.page_document import page_html, write_page
from renderer.atlas.seen import look_at
from renderer.store.index_file import read_index
from renderer.store.paths import RunPaths
from tests.atlas.conftest import OpenPage, titles

Atlas = Callable[..., Page]

ORDER = ["tench", "goldfish", "great white shark", "tiger shark", "hammerhead", "electric ray"]
ORDER += ["Chihuahua", "golden retriever", "tabby", "zebra"]
FPS, SECONDS_PER_CLASS = 8, 1.5


def moment(page: Page) -> float:
    """Where the film is, once it has got there."""
    page.wait_for_function(
        "() => { const v = document.querySelector('video'); return v.readyState >= 2 && !v.seeking }"
    )
    return float(page.evaluate("document.querySelector('video').currentTime"))


def begins_with(page: Page, title: str) -> bool:
    start = ORDER.index(title) * SECONDS_PER_CLASS
    return start <= moment(page) <= start + 1 / FPS


def test_everything_is_there_and_pictures_are_loaded(atlas: Atlas) -> None:
    page = atlas()
    assert titles(page) == ORDER
    assert page.title() == "dreams"
    expect(page.locator("#summary")).to_have_text("Dreamed by squeezenet1_1 · 10 classes · film of 0:15")
    page.wait_for_function("() => [...document.querySelectorAll('#grid img')].every((i) => i.naturalWidth === 64)")
    assert all(".webp" in source for source in page.eval_on_selector_all("#grid img", "all => all.map((i) => i.src)"))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Shark", ["great white shark", "tiger shark", "hammerhead"]),
        ("tinca", ["tench"]),
        ("n02123045", ["tabby"]),
        ("n0212", ["tabby"]),
        ("340", ["zebra"]),
        ("0004", ["hammerhead"]),
        ("golden  RETR", ["golden retriever"]),
        ("gôlden", ["golden retriever"]),
    ],
)
def test_search(atlas: Atlas, typed: str, found: list[str]) -> None:
    page = atlas()
    page.get_by_label("Search").press_sequentially(typed)
    assert titles(page) == found
    expect(page.get_by_role("status")).to_have_text(f"{len(found)} of 10")


def test_a_search_without_result_can_be_cleared(atlas: Atlas) -> None:
    page = atlas()
    page.get_by_label("Search").fill("unicorn")
    expect(page.locator("#nothing")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    assert titles(page) == ORDER


def test_groups_narrow_down_and_lead_back(atlas: Atlas) -> None:
    page = atlas()
    choices = page.locator("#narrower button")
    assert choices.all_inner_texts() == ["fish 6", "placental 4"]
    choices.get_by_text("placental").click()
    assert titles(page) == ORDER[6:]
    page.locator("#narrower button", has_text="domestic animal").click()
    page.locator("#narrower button", has_text="dog").click()
    assert titles(page) == ["Chihuahua", "golden retriever"]
    crumbs = page.locator("#crumbs button").all_inner_texts()
    assert crumbs == ["All", "placental", "domestic animal", "dog"]
    page.get_by_label("Search").fill("golden")
    assert titles(page) == ["golden retriever"]
    page.get_by_label("Search").fill("")
    page.locator("#crumbs button", has_text="All").click()
    assert titles(page) == ORDER


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("title", "Chihuahua", "zebra"),
        ("index", "tench", "zebra"),
        ("probability", "tench", "zebra"),
        ("rank", "tench", "tabby"),
        ("similarity", "zebra", "tench"),
    ],
)
def test_sort(atlas: Atlas, order: str, first: str, last: str) -> None:
    page = atlas()
    page.get_by_label("Sort by").select_option(order)
    found = titles(page)
    assert sorted(found) == sorted(ORDER)
    assert [found[0], found[-1]] == [first, last]


def test_the_slider_sizes_the_pictures(atlas: Atlas) -> None:
    page = atlas()
    picture = page.locator("#grid img").first
    widths = []
    for size in ("64", "320"):
        page.get_by_label("Size").fill(size)
        box = picture.bounding_box()
        assert box
        assert box["width"] / box["height"] == pytest.approx(64 / 48, rel=0.02)
        widths.append(box["width"])
    assert widths[0] < 90
    assert widths[1] > 300


def test_a_class_shows_all_that_is_known(atlas: Atlas, finished: Path) -> None:
    page = atlas()
    page.locator("#grid a", has_text="tabby").click()
    details = page.locator("#details")
    expect(details.get_by_role("heading", name="tabby")).to_be_visible()
    for text in ("tabby cat", "n02123045", "61.9 %", "291.00", "rank"):
        expect(details).to_contain_text(text)
    rows = details.locator(".bars li").all_inner_texts()
    assert [row.split("\n") for row in rows] == [["tiger cat", "50.0 %"], ["tabby", "30.9 %"], ["tiger cat", "1.0 %"]]
    still = page.get_by_role("img", name="Dream of tabby")
    page.wait_for_function("() => document.querySelector('#still img').naturalWidth === 64")
    assert str(still.get_attribute("src")).endswith("0281-tabby.png")
    download = details.get_by_role("link", name="Download the still")
    assert download.get_attribute("download") == "0281-tabby.png"
    assert download.evaluate("link => link.href") == (finished / "stills" / "0281-tabby.png").as_uri()


def test_a_class_shows_what_judges_see(judged: Path, open_page: OpenPage) -> None:
    page = open_page((judged / "index.html").as_uri() + "#n02123045")
    details = page.locator("#details")
    headings = details.get_by_role("heading", level=3).all_inner_texts()
    assert [" ".join(heading.split()) for heading in headings] == [
        "What squeezenet1_1 sees",
        "What mobilenet_v2 sees rank 2 · 25.0 %",
        "What resnet18 sees rank 41 · 25.0 %",
    ]
    bars = details.locator(".bars").nth(1)
    rows = [row.split("\n") for row in bars.locator("li").all_inner_texts()]
    assert rows == [["tabby", "50.0 %"], ["7", "25.0 %"], ["zebra", "< 0.1 %"]]
    drawn = "(row) => parseFloat(getComputedStyle(row, '::before').width) / row.clientWidth"
    shares = [row.evaluate(drawn) for row in bars.locator("li").all()]
    assert shares[:2] == pytest.approx([0.5, 0.25], abs=0.01)
    expect(bars.locator(".own")).to_have_text("tabby50.0 %")
    expect(details.locator(".bars").nth(2).locator("li")).to_have_text("constructor60.0 %")
    bars.get_by_role("link", name="zebra").click()
    expect(page.locator("#opened")).to_have_text("zebra")
    expect(details.locator(".bars").nth(1).locator(".own")).to_have_text("zebra< 0.1 %")


def test_a_card_tells_how_many_stills_a_class_has(faceted: Path, atlas: OpenPage, open_page: OpenPage) -> None:
    page = open_page((faceted / "index.html").as_uri())
    cards = page.locator(".card:visible")
    expect(page.locator(".card .count:visible")).to_have_text(["3"] * cards.count())
    expect(page.get_by_role("img", name="3 stills").first).to_be_visible()
    expect(atlas("").locator(".card .count")).to_have_count(0)


def test_the_stills_of_a_class_can_be_chosen(faceted: Path, open_page: OpenPage) -> None:
    page = open_page((faceted / "index.html").as_uri() + "#n02123045")
    details, tabby = page.locator("#details"), read_index(RunPaths(faceted).index).classes[8]
    choices = page.get_by_role("group", name="Stills of this class").get_by_role("button")
    expect(choices).to_have_count(3)
    page.wait_for_function("() => [...document.querySelectorAll('#facets img')].every((i) => i.naturalWidth === 64)")
    expect(choices.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(details.locator(".bars")).to_have_count(1)

    choices.nth(2).click()
    chosen = tabby.facets[1]
    page.wait_for_function("() => document.querySelector('#still img').src.endsWith('0281-tabby_3.png')")
    assert chosen.still.endswith("0281-tabby_3.png")
    for text in (str(chosen.seed), f"{100 * (chosen.probability or 0):.1f} %"):
        expect(details).to_contain_text(text)
    expect(details.locator(".bars")).to_have_count(0)  # known of the best alone
    expect(choices.nth(2)).to_be_focused()
    expect(choices.nth(2)).to_have_attribute("aria-pressed", "true")
    download = details.get_by_role("link", name="Download the still")
    assert download.get_attribute("download") == "0281-tabby_3.png"

    page.keyboard.press("ArrowRight")
    expect(page.locator("#opened")).to_have_text("zebra")
    assert str(page.locator("#still img").get_attribute("src")).endswith("0340-zebra.png")
    expect(choices.nth(0)).to_have_attribute("aria-pressed", "true")


def test_a_class_with_one_still_has_no_choice(atlas: Atlas) -> None:
    expect(atlas("#n02123045").locator("#facets")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_transparent_stills_stand_on_the_ground_of_the_page(
    faceted: Path, open_page: OpenPage, tmp_path: Path, scheme: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(faceted, run)
    for path in (run / "stills").iterdir():
        Image.new("RGBA", (64, 48), (255, 0, 0, 0)).save(path)
    page = open_page((run / "index.html").as_uri() + "#n02123045", scheme=scheme)
    page.wait_for_function("() => document.querySelector('#still img').naturalWidth === 64")
    shown = Image.open(io.BytesIO(page.locator("#still img").screenshot())).convert("RGB")
    color = shown.getpixel((shown.width // 2, shown.height // 2))
    assert isinstance(color, tuple)
    assert (min(color) > 200) if scheme == "light" else (max(color) < 80)


def test_a_damaged_evaluation_leaves_the_page_as_it_was(judged: Path, tmp_path: Path, open_page: OpenPage) -> None:
    directory = tmp_path / "run"
    shutil.copytree(judged, directory)
    (directory / "evaluation.json").write_text('{"version": 1, "network": ')
    write_page(look_at(directory), read_index(RunPaths(directory).index))
    page = open_page((directory / "index.html").as_uri() + "#n02123045")
    expect(page.locator("#summary")).to_contain_text("film of 0:15 · evaluation.json is damaged; write it anew")
    expect(page.locator("#details .bars")).to_have_count(1)


def test_a_step_of_the_path_is_a_filter(atlas: Atlas) -> None:
    page = atlas("#n02123045")
    page.locator(".path button", has_text="domestic animal").click()
    assert titles(page) == ["Chihuahua", "golden retriever", "tabby"]
    expect(page.locator("#opened")).to_have_text("tabby")
    page.locator(".path button", has_text="mammal").click()
    assert titles(page) == ORDER[6:]
    expect(page.locator("#crumbs [aria-current]")).to_have_text("mammal")


def test_links_survive_reload_and_the_back_button_works(atlas: Atlas) -> None:
    page = atlas("#n02123045")
    opened = page.locator("#opened")
    expect(opened).to_have_text("tabby")
    assert page.title() == "tabby · dreams"
    page.reload()
    expect(opened).to_have_text("tabby")
    page.get_by_role("button", name="Next class").click()
    expect(opened).to_have_text("zebra")
    assert page.url.endswith("#n02391049")
    page.get_by_role("button", name="Close").click()
    expect(opened).to_be_hidden()
    assert "#" not in page.url
    for expected in ("zebra", "tabby"):
        page.go_back()
        expect(opened).to_have_text(expected)
    page.go_forward()
    expect(opened).to_have_text("zebra")


def test_an_address_may_name_an_index_or_nothing(atlas: Atlas) -> None:
    expect(atlas("#207").locator("#opened")).to_have_text("golden retriever")
    for unknown in ("#n99999999", "#%E0%A4%A"):
        expect(atlas(unknown).locator("#opened")).to_be_hidden()


def test_previous_and_next_follow_what_is_shown(atlas: Atlas) -> None:
    page = atlas()
    page.get_by_label("Sort by").select_option("title")
    page.get_by_label("Search").fill("shark")
    assert titles(page) == ["great white shark", "hammerhead", "tiger shark"]
    page.locator("#grid a", has_text="great white").click()
    expect(page.get_by_role("button", name="Previous class")).to_be_disabled()
    for expected in ("hammerhead", "tiger shark"):
        page.get_by_role("button", name="Next class").click()
        expect(page.locator("#opened")).to_have_text(expected)
    expect(page.get_by_role("button", name="Next class")).to_be_disabled()


def test_keyboard(atlas: Atlas) -> None:
    page = atlas()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("s")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Search")).to_have_value("")
    page.keyboard.press("ArrowDown")
    cards = page.locator("#grid a")
    expect(cards.nth(0)).to_be_focused()
    columns = page.evaluate("getComputedStyle(document.querySelector('#grid')).gridTemplateColumns.split(' ').length")
    for key, place in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(cards.nth(place)).to_be_focused()
    page.keyboard.press("End")
    expect(cards.nth(9)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#opened")).to_have_text("zebra")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#opened")).to_have_text("tabby")
    expect(cards.nth(8)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#details")).to_be_hidden()
    expect(cards.nth(8)).to_be_focused()


def test_there_is_one_tab_stop_in_the_grid(atlas: Atlas) -> None:
    page = atlas()
    assert page.locator("#grid a[tabindex='0']").count() == 1
    page.get_by_label("Search").fill("tabby")
    assert page.locator("#grid .card:visible a[tabindex='0']").count() == 1


@pytest.mark.parametrize("title", ["goldfish", "hammerhead", "zebra"])
def test_the_film_goes_to_the_class_and_plays(atlas: Atlas, title: str) -> None:
    page = atlas()
    page.locator("#grid a", has_text=title).click()
    assert begins_with(page, title)
    page.evaluate("HTMLMediaElement.prototype.play = async function () { this.played_by_page = true }")
    page.get_by_role("button", name="Film", exact=True).click()
    expect(page.locator("video")).to_be_visible()
    assert begins_with(page, title)
    assert page.evaluate("document.querySelector('video').played_by_page") is True


def test_the_list_follows_the_film(atlas: Atlas) -> None:
    page = atlas()
    page.evaluate("HTMLMediaElement.prototype.play = async () => {}")
    current = page.locator("#chapter-list [aria-current]")
    for title in ("tabby", "tench", "electric ray"):
        page.locator("#chapter-list button", has_text=title).click()
        assert begins_with(page, title)
        expect(current).to_contain_text(title)
        expect(page.locator("#grid .playing")).to_contain_text(title)
    page.evaluate("document.querySelector('video').currentTime = 1.5 * 3 - 0.1")
    expect(current).to_contain_text("great white shark")


def test_the_film_really_plays_into_the_next_class(atlas: Atlas) -> None:
    page = atlas()
    page.locator("#chapter-list button", has_text="tiger shark").click()
    current = page.locator("#chapter-list [aria-current]")
    expect(current).to_contain_text("tiger shark")
    expect(current).to_contain_text("hammerhead")


FRAMES_BY_HAND = """() => {
  const asked = new Map();
  let number = 0;
  window.requestAnimationFrame = (callback) => (asked.set(++number, callback), number);
  window.cancelAnimationFrame = (which) => asked.delete(which);
  window.asked = asked;
  window.nextFrame = () => {
    const callbacks = [...asked.values()];
    asked.clear();
    callbacks.forEach((callback) => callback());
  };
}"""
"""From now on the browser's frames come when the test calls `nextFrame`; `asked` is what waits for the next one."""

PLAYING = """() => {
  window.plays = true;
  Object.defineProperty(HTMLMediaElement.prototype, "paused", { get: () => !window.plays });
  window.visited = 0;
  for (const name of ["filter", "find", "findLast", "forEach", "map", "some"]) {
    const method = Array.prototype[name];
    Array.prototype[name] = function (...given) {
      window.visited += this.length;
      return method.apply(this, given);
    };
  }
}"""
"""From now on the film seems to play, and `visited` counts the elements of lists that are gone through."""

ONE_FRAME = """() => {
  const observer = new MutationObserver(() => {});
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  const before = window.visited;
  window.nextFrame();
  return [window.asked.size, window.visited - before, observer.takeRecords().length];
}"""
"""Lets one frame pass: how many callbacks wait for the next one, elements visited, changes of the page."""


def test_one_loop_follows_the_film_however_often_it_tells_its_time(atlas: Atlas) -> None:
    page = atlas()
    page.evaluate("HTMLMediaElement.prototype.play = async () => {}")
    page.locator("#chapter-list button", has_text="tiger shark").click()
    expect(page.locator("#chapter-list [aria-current]")).to_contain_text("tiger shark")
    page.evaluate(FRAMES_BY_HAND)
    page.evaluate(PLAYING)
    tell = "for (let n = 0; n < 240; n++) document.querySelector('video').dispatchEvent(new Event('timeupdate'))"
    page.evaluate(tell)
    for _ in range(3):
        waiting, visited, changes = page.evaluate(ONE_FRAME)
        assert waiting == 1
        assert visited < len(ORDER)
        assert changes == 0
    page.evaluate("plays = false")
    assert page.evaluate(ONE_FRAME)[0] == 0
    page.evaluate(tell)
    assert page.evaluate("asked.size") == 0


def test_a_film_that_browsers_cannot_play_is_linked(finished: Path, open_page: OpenPage) -> None:
    paths = RunPaths(finished)
    contents = page_contents(look_at(finished), read_index(paths.index))
    contents["film"] |= {"path": "atlas.mkv", "kind": "file"}
    other = finished / "other.html"
    other.write_text(page_html(contents, live=False), encoding="utf-8")
    page = open_page(other.as_uri())
    assert page.locator("#film a").evaluate("link => link.href") == (finished / "atlas.mkv").as_uri()
    page.locator("#grid a", has_text="tabby").click()
    expect(page.locator("#opened")).to_have_text("tabby")


def ground(page: Page) -> int:
    """Brightness of the page's background, 0 to 255."""
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return int(color.removeprefix("rgb(").split(",")[0])


def test_light_and_dark(atlas: Atlas) -> None:
    assert ground(atlas(scheme="light")) > 230
    assert ground(atlas(scheme="dark")) < 30


def test_a_phone(atlas: Atlas) -> None:
    page = atlas(width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#grid a", has_text="tabby").click()
    box = page.locator("#side").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.locator(".path button", has_text="feline").click()
    expect(page.locator("#details")).to_be_hidden()
    assert titles(page) == ["tabby"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_comes_from_elsewhere(finished: Path) -> None:
    html = (finished / "index.html").read_text()
    outside = html.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in outside
    assert "https:" not in outside
    assert html.count("Content-Security-Policy") == 1
    contents = html.split('id="contents">')[1].split("</script>")[0]
    assert len(json.loads(contents)["classes"]) == 10
