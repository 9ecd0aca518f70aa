"""Text that is too low to be read is named, with what helps."""

import re

from renderer.media.legibility import describe_small
from tests.film_helpers import tiny_settings

TITLES = [("lion", "sports car", "pizza")]


def said(size: tuple[int, int], *overrides: str, texts: list[tuple[str, ...]] = TITLES) -> str | None:
    return describe_small(tiny_settings(*overrides).overlay, size, texts)


def test_small_lines_of_a_small_film_are_named_and_the_remedy_helps() -> None:
    told = said((256, 192))
    assert told is not None and "at 256x192 a line is about 6.3 pixels high" in told
    remedy = re.search(r"overlay\.size=[\d.]+", told)
    assert remedy and said((256, 192), remedy[0]) is None
    assert said((256, 192), texts=[("sports car",)]) is None


def test_usual_films_can_be_read() -> None:
    assert said((384, 384)) is said((1280, 720)) is said((512, 512), texts=[("", "lion", "pizza")]) is None


def test_without_text_nothing_is_too_small() -> None:
    assert said((64, 48), texts=[]) is said((64, 48), texts=[()]) is said((64, 48), texts=[("", "")]) is None


def test_long_lines_are_not_helped_by_a_larger_size() -> None:
    told = said((256, 256), texts=[("a title of very many words " * 20,)])
    assert told is not None and told.endswith("read; write fewer or shorter overlay.lines")
