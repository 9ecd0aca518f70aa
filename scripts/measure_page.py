"""Measures how fast a run's page is: until its first view is drawn, and from a typed character to the next frame."""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

TYPED = ("t", "te", "ter", "terr", "terri", "terrie", "terrier", "terri", "te", "")

FIRST_VIEW = """() => new Promise((resolve) => {
  const look = () => {
    const shown = [...document.querySelectorAll("#grid .card:not([hidden])")].slice(0, 60);
    const seen = shown.filter((card) => card.getBoundingClientRect().top < innerHeight);
    const painted = performance.getEntriesByType("paint").length > 0;
    const whole = seen.every((card) => card.querySelector("img")?.naturalWidth !== 0);
    if (painted && seen.length > 0 && whole) requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    else setTimeout(look, 10);
  };
  look();
})"""
"""Milliseconds from the beginning of the navigation until all pictures in the window are there and drawn."""

KEYSTROKE = """(typed) => new Promise((resolve) => {
  const field = document.querySelector("#search");
  const began = performance.now();
  field.value = typed;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
})"""
"""Milliseconds from a typed character until the frame that it leads to is drawn."""


def open_page(browser: Browser, document: Path) -> tuple[Page, float]:
    """Open a page in a window of its own; also gives the milliseconds until its first view."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(document.absolute().as_uri())
    return page, float(page.evaluate(FIRST_VIEW))


def measure(document: Path, chromium: Path, attempts: int) -> tuple[list[float], list[float]]:
    """Milliseconds until the first view, by attempt, and after each character, the quickest of the attempts.

    Other work on the machine slows one attempt or another; the quickest tells what the page itself takes.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        views = [open_page(browser, document)[1] for _ in range(attempts)]
        page, _ = open_page(browser, document)
        keys = [[float(page.evaluate(KEYSTROKE, text)) for text in TYPED] for _ in range(attempts)]
        browser.close()
    return views, [min(times) for times in zip(*keys, strict=True)]


def main() -> None:
    """Print the milliseconds of a run's page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", type=Path, help="directory of a run, whose index.html is opened")
    options.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"), help="the browser")
    options.add_argument("--attempts", type=int, default=3)
    given = options.parse_args()
    views, keys = measure(given.run / "index.html", given.chromium, given.attempts)
    print("first view after", ", ".join(f"{time:.0f} ms" for time in views))
    print("a character takes", ", ".join(f"{time:.0f} ms" for time in keys))


if __name__ == "__main__":
    main()
