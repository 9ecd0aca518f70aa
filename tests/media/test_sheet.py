"""The contact sheet: what stands where, in which files, and what becomes of missing stills and large sizes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.common.errors import UserError
from renderer.media import contact_sheet as sheet
from renderer.media.contact_sheet import Cell, SheetStyle, check_sheet_path, write_sheet

COLORS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (200, 30, 200), (30, 200, 200)]
PLAIN = SheetStyle(columns=None, thumbnail=40, per_page=None, titles=False)
TITLED = SheetStyle(columns=None, thumbnail=160, per_page=None, titles=True)


def stills(folder: Path, count: int, size: tuple[int, int] = (24, 16)) -> list[Cell]:
    """Cells whose stills are each of one color."""
    cells = []
    for number in range(count):
        path = folder / f"{number:04d}.png"
        Image.new("RGB", size, COLORS[number % len(COLORS)]).save(path)
        cells.append(Cell(f"class {number}", (path,)))
    return cells


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def box_of(page: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what has a color."""
    rows, columns = np.nonzero((np.abs(page - color) < 8).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_pictures_stand_in_order_row_by_row_and_keep_their_aspect(tmp_path: Path) -> None:
    (page,) = write_sheet(
        tmp_path / "sheet.png", stills(tmp_path, 5), SheetStyle(columns=3, thumbnail=60, per_page=None, titles=False)
    )
    drawn = pixels(page.path)
    assert drawn.shape == (page.height, page.width, 3)
    boxes = [box_of(drawn, color) for color in COLORS[:5]]
    assert {(right - left, bottom - top) for left, top, right, bottom in boxes} == {(60, 40)}
    lefts, tops = [box[0] for box in boxes], [box[1] for box in boxes]
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[3:] == lefts[:2]
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    left, top, right, _ = boxes[2][2], boxes[0][1], page.width, 0
    assert right - left == lefts[0] == top == page.height - boxes[4][3]


def test_stills_of_different_shapes_are_centered_in_equal_cells(tmp_path: Path) -> None:
    cells = [*stills(tmp_path, 1, (48, 24)), Cell("high", (tmp_path / "high.png",))]
    Image.new("RGB", (20, 40), COLORS[1]).save(tmp_path / "high.png")
    (page,) = write_sheet(tmp_path / "sheet.png", cells, SheetStyle(2, 40, None, titles=False))
    wide, high = (box_of(pixels(page.path), color) for color in COLORS[:2])
    assert (wide[2] - wide[0], wide[3] - wide[1]) == (40, 20)
    assert (high[2] - high[0], high[3] - high[1]) == (20, 40)
    assert wide[1] + wide[3] == high[1] + high[3]


def test_titles_stand_under_their_pictures_and_change_nothing_of_them(tmp_path: Path) -> None:
    cells = [Cell("hen" if number else "", cell.stills) for number, cell in enumerate(stills(tmp_path, 2))]
    style = SheetStyle(2, 160, None, titles=True)
    (page,) = write_sheet(tmp_path / "sheet.png", cells, style)
    drawn = pixels(page.path)
    first, second = (box_of(drawn, color) for color in COLORS[:2])
    below = drawn[second[3] :]
    assert below[:, second[0] : second[2]].max() > 180
    assert below[:, : first[2]].max() < 40
    text = np.nonzero((below > 120).all(axis=2))[1]
    assert abs((text.min() + text.max() + 1) / 2 - (second[0] + second[2]) / 2) <= 1


def test_missing_and_broken_stills_leave_their_cells_empty_with_the_title(tmp_path: Path) -> None:
    whole, broken, gone = stills(tmp_path, 3)
    broken.stills[0].write_bytes(broken.stills[0].read_bytes()[:-30])
    gone.stills[0].unlink()
    none = Cell("none", ())
    (page,) = write_sheet(tmp_path / "sheet.png", [broken, whole, gone, none], SheetStyle(4, 160, None, titles=True))
    drawn = pixels(page.path)
    left, top, right, bottom = box_of(drawn, COLORS[0])
    step = page.width // 4 - (page.width // 4 - (right - left)) // 2
    for center in (left - step + 80, right + 92, right + 264):
        cell = drawn[top:bottom, center - 60 : center + 60]
        assert (cell == cell[0, 0]).all()
        assert cell[0, 0].sum() > drawn[0, 0].sum()
        assert drawn[bottom:, center - 60 : center + 60].max() > 180


@pytest.mark.parametrize(("count", "size"), [(10, (64, 64)), (100, (64, 64)), (37, (96, 54)), (250, (54, 96))])
def test_a_sheet_is_about_16_to_10_by_itself(tmp_path: Path, count: int, size: tuple[int, int]) -> None:
    (page,) = write_sheet(tmp_path / "sheet.png", stills(tmp_path, count, size), PLAIN)
    assert 1.2 < page.width / page.height < 2.2


def test_a_thousand_classes_are_one_large_picture(tmp_path: Path) -> None:
    few = enumerate(stills(tmp_path, 6))
    cells = [Cell(f"Staffordshire bullterrier {number}", cell.stills) for number, cell in few]
    (page,) = write_sheet(tmp_path / "sheet.jpg", cells * 167, TITLED)
    assert page.path == tmp_path / "sheet.jpg"
    assert page.width < 16384
    assert page.height < 16384
    assert 1.5 < page.width / page.height < 1.7


def test_what_does_not_fit_into_one_picture_has_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "LONGEST_SIDE", 200)
    pages = write_sheet(tmp_path / "sheet.webp", stills(tmp_path, 40), PLAIN)
    assert len(pages) > 1
    assert [page.path.name for page in pages] == [f"sheet-{n:02d}.webp" for n in range(1, len(pages) + 1)]
    assert max(max(page.width, page.height) for page in pages) <= 200
    assert not (tmp_path / "sheet.webp").exists()
    monkeypatch.setattr(sheet, "LONGEST_SIDE", 9999)
    monkeypatch.setattr(sheet, "MOST_PIXELS", 200 * 150)
    assert all(p.width * p.height <= 30000 for p in write_sheet(tmp_path / "sheet.webp", stills(tmp_path, 40), PLAIN))


def test_pages_hold_as_many_as_asked_for(tmp_path: Path) -> None:
    style = SheetStyle(columns=3, thumbnail=40, per_page=4, titles=False)
    pages = write_sheet(tmp_path / "dreams.png", stills(tmp_path, 6), style)
    assert [page.path.name for page in pages] == ["dreams-01.png", "dreams-02.png"]
    first, second = (pixels(page.path) for page in pages)
    assert box_of(first, COLORS[3])[1] > box_of(first, COLORS[2])[1]
    assert box_of(second, COLORS[4])[:2] == box_of(first, COLORS[0])[:2]
    assert box_of(second, COLORS[5])[:2] == box_of(first, COLORS[1])[:2]
    assert first.shape[1] == second.shape[1]
    assert first.shape[0] > second.shape[0]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.webp", "WEBP"), ("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG")]
)
def test_the_name_tells_the_format(tmp_path: Path, name: str, kind: str) -> None:
    (page,) = write_sheet(tmp_path / "new" / name, stills(tmp_path, 1), PLAIN)
    with Image.open(page.path) as image:
        assert (image.format, image.size) == (kind, (page.width, page.height))
    assert [path.name for path in page.path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", ["sheet.gif", "sheet", "sheet.webp.txt"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"--output: .*\.webp, \.png or \.jpg"):
        check_sheet_path(tmp_path / name)


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.png").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        write_sheet(tmp_path / "mine.png", stills(tmp_path, 1), PLAIN)
    (tmp_path / "pages-02.png").mkdir()
    with pytest.raises(UserError, match=r"pages-02\.png is a folder"):
        write_sheet(tmp_path / "pages.png", stills(tmp_path, 2), SheetStyle(None, 40, 1, titles=False))
    assert (tmp_path / "pages-02.png").is_dir()
    assert not (tmp_path / "pages-01.png").exists()


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    style = SheetStyle(columns=1000, thumbnail=160, per_page=None, titles=False)
    cells = stills(tmp_path, 1) * 200
    with pytest.raises(UserError, match=r"--columns: 200 .*--thumbnail"):
        write_sheet(tmp_path / "sheet.png", cells, style)
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sheet.png"
    write_sheet(path, stills(tmp_path, 1), PLAIN)
    before, names = path.read_bytes(), sorted(tmp_path.iterdir())

    def fail(*arguments: object, **options: object) -> None:
        Path(str(arguments[1])).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk is full"):
        write_sheet(path, [Cell("gone", ())], PLAIN)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == names


def test_no_still_is_needed_for_a_sheet(tmp_path: Path) -> None:
    (page,) = write_sheet(tmp_path / "sheet.png", [Cell("one", ()), Cell("two", ())], PLAIN)
    assert page.width > 80
