"""Titles keep to their place, whatever they say."""

from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.media.fonts import load_font
from renderer.media.titles import LINE, FittedTitle, draw_title, fit_title

LONG = "a soft-coated wheaten terrier, or a West Highland white terrier, whichever nobody has seen in its own habitat"
WORD = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen"
MOST_CHARACTERS = 100_000
"""That may be laid out to fit one title: each break of a longest title of one-letter words, and some more."""
HOSTILE = [
    LONG,
    WORD,
    "",
    "   ",
    "gjpqy|Q[]{}",
    "line\nbreak\x00\x1b[31m",
    "\u202egnp.exe",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd " * 4,
    "\u6f22\u5b57" * 30,
    "\U0001f469\u200d\U0001f467 " * 20,
    "z\u0335\u0321a\u0336l\u0337g\u0338o" * 30,
    "\ufdfd" * 9,
    "W" * 1_200_000,
    "a " * 9_000,
]


def ink(font: Path | None, row: str, size: float) -> int:
    left, _, right, _ = load_font(font, size).getbbox(row)
    return int(right - left)


@pytest.mark.parametrize("width", [90, 160])
@pytest.mark.parametrize("title", HOSTILE, ids=lambda title: ascii(title[:12]))
def test_no_title_is_wider_than_its_place_or_has_more_than_two_rows(title: str, width: int) -> None:
    fitted = fit_title(None, title, 14, width)
    assert 1 <= len(fitted.rows) <= 2
    assert 0.79 * 14 < fitted.size <= 14
    assert max(ink(None, row, fitted.size) for row in fitted.rows) <= width
    if title.strip():
        assert "".join(fitted.rows)


@pytest.mark.parametrize("title", HOSTILE, ids=lambda title: ascii(title[:12]))
def test_however_long_a_title_is_few_characters_are_laid_out(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    asked: list[str] = []

    def measuring(font: Path | None, text: str, size: float) -> int:
        asked.append(text)
        return ink(font, text, size)

    monkeypatch.setattr("renderer.media.titles._width", measuring)
    fit_title(None, title, 14, 90)
    assert asked
    assert sum(map(len, asked)) < MOST_CHARACTERS


def test_a_short_title_is_left_as_it_is() -> None:
    assert fit_title(None, "hen", 14, 160) == FittedTitle(("hen",), 14)


def test_a_somewhat_long_title_shrinks_a_little() -> None:
    width = ink(None, "Staffordshire bullterrier", 14) - 6
    fitted = fit_title(None, "Staffordshire bullterrier", 14, width)
    assert fitted.rows == ("Staffordshire bullterrier",)
    assert 12 < fitted.size < 14


def test_a_long_title_is_broken_between_words_into_even_rows() -> None:
    assert fit_title(None, "open mailbox with lowered flag", 14, 160) == FittedTitle(
        ("open mailbox", "with lowered flag"), 14
    )


def test_a_long_word_is_broken_and_nothing_of_it_lost() -> None:
    fitted = fit_title(None, WORD[:38], 14, 160)
    assert len(fitted.rows) == 2
    assert "".join(fitted.rows) == WORD[:38]


@pytest.mark.parametrize("title", [LONG, WORD])
def test_an_ellipsis_is_the_last_resort(title: str) -> None:
    fitted = fit_title(None, title, 14, 160)
    first, second = fitted.rows
    assert second.endswith("\u2026")
    said = f"{first} {second[:-1]}" if title == LONG else first + second[:-1]
    assert title.startswith(said)
    assert len(said) > 40
    assert ink(None, second, fitted.size) > 120


def test_what_belongs_together_is_not_torn_apart() -> None:
    family = "\U0001f469\u200d\U0001f467\u200d\U0001f466"
    for row in fit_title(None, family * 60, 14, 160).rows:
        assert row.rstrip("\u2026").replace(family, "") == ""


def test_what_is_invisible_draws_nothing() -> None:
    assert fit_title(None, "\u202ehen\u200b\u2066", 14, 160).rows == ("hen",)


def test_a_plainer_character_stands_in_for_a_missing_one() -> None:
    assert fit_title(None, "h\u0151s", 14, 160).rows == ("hos",)


@pytest.mark.parametrize("title", ["hen", "gjpqy|Q[]{}", LONG])
def test_a_title_is_drawn_whole_and_centered(title: str) -> None:
    fitted, room, line = fit_title(None, title, 28, 300), (300, 70), round(28 * LINE)
    mask = np.asarray(draw_title(None, fitted, room, line))
    assert mask.shape == (70, 300)
    assert mask.max() == 255
    rows, columns = np.nonzero(mask > 64)
    assert rows.min() > 0
    assert rows.max() < len(fitted.rows) * line - 1
    assert abs(int(columns.min()) - (299 - int(columns.max()))) <= 3


def test_rows_follow_each_other_from_the_top() -> None:
    one = np.asarray(draw_title(None, FittedTitle(("hen",), 28), (200, 70), 35))
    two = np.asarray(draw_title(None, FittedTitle(("hen", "hen"), 28), (200, 70), 35))
    assert (two[:35] == one[:35]).all()
    assert (two[35:] == one[:35]).all()


def test_a_font_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"overlay\.font: there is no file .*missing\.ttf"):
        fit_title(tmp_path / "missing.ttf", "hen", 14, 160)
