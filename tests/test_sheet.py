"""The contact sheet of a run: which stills in which order, finished or not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.atlas.sheet import Sheet, make_sheet
from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.media.contact_sheet import SheetStyle
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

ROW = SheetStyle(columns=4, thumbnail=20, per_page=None, titles=False)
"""Four pictures of 20 pixels side by side, as large as the stills are."""


def _cells(sheet: Sheet) -> list[np.ndarray]:
    """The pictures of a sheet of `ROW`, from its first page."""
    drawn = np.asarray(Image.open(sheet.pages[0].path).convert("RGB"))
    gap, margin = 2, 3
    return [drawn[margin:-margin, left : left + 20] for left in range(margin, margin + 4 * (20 + gap), 20 + gap)]


def test_all_stills_stand_in_the_order_of_the_film(tmp_path: Path) -> None:
    render_stills(request(tmp_path / "run", "classes.order=title"), Recorder(), FakeWorker)
    sheet = make_sheet(tmp_path / "run", ROW, tmp_path / "out.png")
    assert (sheet.stills, sheet.classes, sheet.remark) == (4, 4, None)
    by_index = sorted((tmp_path / "run" / "stills").iterdir())
    by_title = sorted(by_index, key=lambda path: path.name[5:])
    assert by_title != by_index
    for drawn, path in zip(_cells(sheet), by_title, strict=True):
        assert (drawn == np.asarray(Image.open(path))).all()
    assert not (tmp_path / "run" / "sheet.webp").exists()


def test_an_unfinished_run_shows_what_is_there(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError("a class of its own")

    render_stills(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, fail))
    with locked(RunPaths(tmp_path).lock):  # another process may be working there
        sheet = make_sheet(tmp_path, ROW, tmp_path / "out.png")
    assert (sheet.stills, sheet.classes) == (2, 4)
    first, second, third, fourth = _cells(sheet)
    stills = sorted((tmp_path / "stills").iterdir())
    assert (first == np.asarray(Image.open(stills[0]))).all()
    assert (second == np.asarray(Image.open(stills[1]))).all()
    assert (third == third[0, 0]).all()
    assert (fourth == fourth[0, 0]).all()


def test_a_run_without_a_still_and_a_folder_without_a_run_are_refused(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        raise RuntimeError("nothing works")

    with pytest.raises(UserError, match="holds no run"):
        make_sheet(tmp_path, ROW)
    with pytest.raises(RuntimeError):
        render_stills(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, fail))
    with pytest.raises(UserError, match="holds no finished still yet"):
        make_sheet(tmp_path, ROW)
    assert not list(tmp_path.glob("sheet*"))


def test_pages_of_an_older_sheet_go_and_other_files_stay(tmp_path: Path) -> None:
    render_stills(request(tmp_path), Recorder(), FakeWorker)
    (tmp_path / "sheet-mine.webp").write_text("mine")
    (tmp_path / "sheet.png").write_text("mine")
    pages = SheetStyle(columns=1, thumbnail=20, per_page=1, titles=False)
    assert len(make_sheet(tmp_path, pages).pages) == 4
    make_sheet(tmp_path, ROW, tmp_path / "elsewhere.png")
    assert len(list(tmp_path.glob("sheet-0*.webp"))) == 4
    make_sheet(tmp_path, ROW)
    assert sorted(path.name for path in tmp_path.glob("sheet*")) == ["sheet-mine.webp", "sheet.png", "sheet.webp"]


def test_restart_removes_the_sheet(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    make_sheet(tmp_path, ROW)
    render(request(tmp_path, restart=True), Recorder(), FakeWorker)
    assert not list(tmp_path.glob("sheet*"))


def test_characters_without_a_glyph_are_told(tmp_path: Path) -> None:
    (tmp_path / "classes.csv").write_text("index,title\n0,\u6f22\u5b57 hen\n", encoding="utf-8")
    network = f"network={{source: torchvision, weights: {tmp_path}/none.pth, classes: {tmp_path}/classes.csv}}"
    (tmp_path / "none.pth").touch()
    render_stills(request(tmp_path / "run", network, "classes.select=all"), Recorder(), FakeWorker)
    titled = SheetStyle(columns=None, thumbnail=160, per_page=None, titles=True)
    remark = make_sheet(tmp_path / "run", titled).remark
    assert remark and remark.startswith("the font that comes along has no \u5b57 \u6f22; set overlay.font")
    assert make_sheet(tmp_path / "run", ROW).remark is None
