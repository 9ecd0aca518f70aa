"""Curves as tables: what was written is read, and what cannot be used is named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.sound import csv_file
from renderer.sound.csv_file import read_curves, write_curves
from renderer.sound.curves import Curves


def read(folder: Path, text: str) -> Curves:
    path = folder / "curves.csv"
    path.write_text(text, encoding="utf-8")
    return read_curves(path)


@pytest.mark.parametrize("rate", [100.0, 99.98732, 24000 / 1001, 30.0])
def test_what_was_written_is_read_as_the_same(tmp_path: Path, rate: float) -> None:
    random = np.random.default_rng(1)
    values = {
        "audio.low": random.random(700),
        "curves.light": random.normal(0, 50, 700),
        "beats": np.arange(700) * 0.37 - 1,
    }
    curves = Curves(rate, {name: column.astype(np.float32) for name, column in values.items()})
    write_curves(tmp_path / "c.csv", curves)
    again = read_curves(tmp_path / "c.csv")
    assert again.digest == curves.digest and again.names == curves.names
    assert (tmp_path / "c.csv").read_text().startswith("t,audio.low,curves.light,beats\n0.000000,")
    for time in (0.0, 1.234, 100.5):
        assert again.at("audio.low", time) == pytest.approx(curves.at("audio.low", time), abs=1e-2)


def test_points_have_lines_between_them(tmp_path: Path) -> None:
    curves = read(tmp_path, "t,curves.light,beats\n0,0,0\n1,1,2\n\n4,0.4,8\n")
    assert curves.seconds == pytest.approx(4)
    assert [curves.at("curves.light", time) for time in (0, 0.5, 1, 2.5)] == pytest.approx([0, 0.5, 1, 0.7], abs=1e-3)
    assert curves.beat_times(9) == pytest.approx([0.5 * number for number in range(18)], abs=1e-3)


def test_times_that_are_rounded_are_even(tmp_path: Path) -> None:
    rows = "".join(f"{number / 30:.3f},{number % 7}\n" for number in range(300))
    curves = read(tmp_path, "t,curves.light\n" + rows)
    assert curves.rate == pytest.approx(30, abs=1e-2) and curves.samples == 300
    assert [curves.at("curves.light", number / 30) for number in range(7)] == pytest.approx(list(range(7)), abs=0.02)


def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    curves = read(tmp_path, '\ufeffcurves.light, t\r\n"0.5",0\r\n1e-1, 0.01\r\n')
    assert curves.names == ("curves.light",) and curves.at("curves.light", 0) == 0.5
    assert curves.beat_times(10) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"csv:1: there is no column t"),
        ("0,1\n0.1,2\n", r"csv:1: there is no column t in the heading; begin with t,audio.level"),
        ("t;curves.light\n0;1\n", r"csv:1: .*separate the columns by commas"),
        ("t\n0\n1\n", r"csv:1: there are 0 curves"),
        ("t,curves.a,curves.a\n0,1,1\n", r"csv:1: there are two columns curves.a"),
        ("t,audio.lo w\n0,1\n", r"csv:1: 'audio.lo w' is no name of a curve.*did you mean audio.low"),
        ("t,beat\n0,1\n", r"csv:1: beat follows from beats"),
        ("t,curves.a\n0,1\n1,x\n", r"csv:3: curves.a is 'x'; give a number"),
        ("t,curves.a\n0,1\n1,\n", r"csv:3: curves.a is ''; give a number"),
        ("t,curves.a\n0,nan\n1,1\n", r"csv:2: curves.a is 'nan'; give a number"),
        ("t,curves.a\n0,1\n1,inf\n", r"csv:3: curves.a is 'inf'"),
        ("t,curves.a\n0,1\n1,1e30\n", r"csv:3: curves.a is '1e30'"),
        ("t,curves.a\n0,1\n1,2,3\n", r"csv:3: there are 3 fields, but 2 columns"),
        ("t,curves.a\n0,1\n1,2\n1,3\n", r"csv:4: t is 1 after 1; it must grow"),
        ("t,curves.a\n-1,1\n1,2\n", r"csv:2: t is -1; begin at 0 s"),
        ("t,curves.a\n0,1\n99999,2\n", r"csv:3: t is 99999 s; give 3 h at most"),
        ("t,beats\n0,1\n1,0.5\n", r"csv:3: beats falls"),
        ("t,curves.a\n0,1\n", r"csv has fewer than two rows"),
        ('t,curves.a\n0,"1\n', r"csv:2: not a CSV file"),
        ("t,curves.a\n0,1\x00\n", r"csv:2: "),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)


def test_files_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"there is no file .*none\.csv"):
        read_curves(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_curves(tmp_path / "picture.csv")
    monkeypatch.setattr(csv_file, "_MOST_BYTES", 10)
    with pytest.raises(UserError, match="is larger than"):
        read(tmp_path, "t,curves.light\n0,1\n1,2\n")
