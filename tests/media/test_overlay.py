from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from renderer.common.errors import UserError
from renderer.media import overlay as overlay_module
from renderer.media.captions import Caption, fill_templates
from renderer.media.fonts import describe_missing, load_font, missing_glyphs
from renderer.media.layout import lay_out
from renderer.media.overlay import CaptionWriter, text_opacity
from renderer.settings.sections import Overlay
from renderer.targets.target import class_target

LONG = "a soft-coated wheaten terrier, or a West Highland white terrier, whichever nobody has seen in its own habitat"
WORD = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen"
DEEP = "gjpqy|Q[]{}"


def caption(previous, title, following):
    records = [None if text is None else class_target(1, text) for text in (previous, title, following)]
    return Caption(records[1], records[0], records[2], position=2, count=3)


def texts(previous, title, following, overlay=None):
    """The lines over a frame."""
    return fill_templates((overlay or Overlay()).lines, caption(previous, title, following))


def gray(width, height, level=100):
    return np.full((height, width, 3), level, np.uint8)


def changed(before, after):
    """First and last row, first and last column of the pixels that differ."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return rows.min(), rows.max(), columns.min(), columns.max()


def traces(overlay, size, rows, border=200):
    """Left, top, right and bottom of what Pillow draws of the rows where there is room enough around the frame."""
    canvas = Image.new("L", (size[0] + 2 * border, size[1] + 2 * border))
    for row in rows:
        place, font = (row.left + border, row.baseline + border), load_font(overlay.font, row.size)
        ImageDraw.Draw(canvas).text(place, row.text, 255, font, anchor="ls", stroke_width=row.stroke)
    return tuple(side - border for side in canvas.getbbox())


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (512, 96), (40, 300), (320, 320)])
@pytest.mark.parametrize("title", [LONG, WORD, DEEP])
@pytest.mark.parametrize("settings", [{}, {"position": "top", "margin": 0.0}, {"size": 0.3, "margin": 0.0}])
def test_nothing_is_cut(size, title, settings):
    overlay = Overlay(**settings)
    rows = lay_out(overlay, size, ["hen", title, title])
    left, top, right, bottom = traces(overlay, size, rows)
    assert left >= 0
    assert top >= 0
    assert right <= size[0]
    assert bottom <= size[1]
    assert "".join(row.text for row in rows).replace(" ", "") == f"hen{title}{title}".replace(" ", "")


def test_a_long_title_is_broken_before_it_gets_too_small_to_read():
    rows = lay_out(Overlay(), (320, 320), [LONG])
    assert 1 < len(rows) <= 4
    assert len({row.size for row in rows}) == 1
    assert rows[0].size > 0.5 * 0.06 * 320


def test_a_somewhat_long_title_shrinks_to_one_row():
    overlay = Overlay()
    (row,) = lay_out(overlay, (200, 400), ["Staffordshire bullterrier"])
    assert 0.6 * 0.06 * 400 < row.size < 0.06 * 400
    left, _, right, _ = traces(overlay, (200, 400), [row])
    assert abs(left - (200 - right)) <= 2


def test_the_middle_line_is_large_and_the_others_stand_above_and_below():
    above, middle, below = lay_out(Overlay(size=0.1, small=0.5), (600, 300), ["a", "b", "c"])
    assert (above.size, middle.size, below.size) == (15, 30, 15)
    assert above.baseline < middle.baseline < below.baseline
    assert (above.opacity, middle.opacity, below.opacity) == (0.8, 1.0, 0.8)


@pytest.mark.parametrize(("position", "place"), [("top", 0.2), ("center", 0.5), ("bottom", 0.8)])
def test_the_position_is_kept_at_any_aspect(position, place):
    for width, height in [(400, 200), (200, 400)]:
        overlay = Overlay(position=position, lines=("{title}",))
        written = CaptionWriter(overlay, (width, height)).write(gray(width, height), texts(None, "ibex", None, overlay))
        top, bottom, left, right = changed(gray(width, height), written)
        assert abs((top + bottom) / 2 / height - place) < 0.18
        assert abs((left + right + 1) / 2 - width / 2) <= 2


def test_lines_stay_where_they_are_when_a_neighbor_is_missing():
    with_neighbors = lay_out(Overlay(), (512, 512), ["gyps", "tench", "cock"])[1]
    (alone,) = lay_out(Overlay(), (512, 512), ["", "tench", ""])
    assert alone == with_neighbors


@pytest.mark.parametrize("level", [0, 128, 255])
def test_text_stands_out_from_any_picture(level):
    before = gray(256, 256, level)
    written = CaptionWriter(Overlay(), (256, 256)).write(before, texts("cock", "hen", "ostrich"))
    top, bottom, left, right = changed(before, written)
    part = written[top : bottom + 1, left : right + 1, 0]
    assert part.max() > 240
    assert part.min() < 80


def test_colors_and_opacity_are_those_of_the_settings():
    overlay = Overlay(lines=("{title}",), size=0.5, color="#ff8000", outline_width=0, opacity=0.5)
    written = CaptionWriter(overlay, (90, 60)).write(gray(90, 60, 0), texts(None, "I", None, overlay))
    assert written.reshape(-1, 3).max(axis=0) == pytest.approx([128, 64, 0], abs=1)
    outlined = overlay.model_copy(update={"outline_width": 0.2, "outline": "#00ff00", "opacity": 1.0})
    written = CaptionWriter(outlined, (90, 60)).write(gray(90, 60, 0), texts(None, "I", None, overlay))
    assert written[..., 1].max() > 200


def test_the_outline_of_a_line_does_not_darken_the_line_above():
    overlay = Overlay(size=0.15, small=1.0, small_opacity=1.0, outline_width=0.5)
    upper, lower = lay_out(overlay, (120, 120), ["XXXX", "XXXX"])
    written = CaptionWriter(overlay.model_copy(update={"lines": ("{title}", "{title}")}), (120, 120)).write(
        gray(120, 120), ("XXXX", "XXXX")
    )
    for row in (upper, lower):
        assert written[row.baseline - round(row.size / 3) : row.baseline].max() == 255
    assert lower.baseline - upper.baseline < upper.reach + upper.size


def test_the_picture_itself_is_left_alone_and_no_text_gives_it_back():
    picture = gray(64, 48)
    CaptionWriter(Overlay(), (64, 48)).write(picture, texts(None, "hen", None))
    assert (picture == 100).all()
    assert CaptionWriter(Overlay(lines=()), (64, 48)).write(picture, ()) is picture


def test_opacity_scales_all_there_is():
    picture, said = gray(128, 96), texts("cock", "hen", "ostrich")
    writer = CaptionWriter(Overlay(), (128, 96))
    full, half, none = (writer.write(picture, said, share).astype(int) for share in (1.0, 0.5, 0.0))
    assert np.abs((half - 100) * 2 - (full - 100)).max() <= 4
    assert (none == 100).all()


def test_white_on_white_does_not_wrap_around():
    white = gray(128, 96, 255)
    writer = CaptionWriter(Overlay(outline="#ffffff"), (128, 96))
    for share in np.linspace(0, 1, 52):
        assert writer.write(white, texts("cock", "hen", "ostrich"), float(share)).min() == 255


def test_fading_is_even_and_no_frame_is_without_text():
    overlay = Overlay(fade_seconds=0.2)
    shares = [text_opacity(overlay, 25, frame, 50) for frame in range(50)]
    assert shares[:6] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert shares == shares[::-1]
    assert text_opacity(Overlay(fade_seconds=0), 25, 0, 1) == 1
    assert max(text_opacity(Overlay(fade_seconds=9), 25, frame, 8) for frame in range(8)) == 1


def test_a_font_file_is_used(tmp_path):
    font = tmp_path / "font.ttf"
    font.write_bytes(ImageFont.load_default(20).font_bytes)
    assert load_font(font, 20).path == str(font)
    own = CaptionWriter(Overlay(font=font), (128, 96)).write(gray(128, 96), texts("cock", "hen", "ostrich"))
    assert (own != 100).any()


@pytest.mark.parametrize("name", ["missing.ttf", "broken.ttf"])
def test_a_font_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(UserError, match=r"overlay\.font: .*" + name):
        CaptionWriter(Overlay(font=tmp_path / name), (64, 48))


def test_missing_glyphs_are_found():
    assert missing_glyphs(None, ["hen\u2019s egg", "\u6f22 \u5b57\n"]) == ["\u5b57", "\u6f22"]


def test_a_plainer_character_stands_in_for_a_missing_one():
    writer = CaptionWriter(Overlay(), (200, 100))
    assert missing_glyphs(None, ["\u0151"]) == ["\u0151"]
    accented = writer.write(gray(200, 100), texts(None, "h\u0151s", None))
    assert (accented == writer.write(gray(200, 100), texts(None, "hos", None))).all()


def test_the_font_that_comes_along_has_what_western_titles_need():
    western = "".join(map(chr, (*range(0xA1, 0xAD), *range(0xAE, 0xB2), *range(0xBF, 0x100))))
    assert missing_glyphs(None, [western.replace("\u00aa", ""), "\u0152\u0153\u0178\u2013\u201c\u20ac"]) == []
    writer = CaptionWriter(Overlay(), (200, 100))
    pinata = writer.write(gray(200, 100), texts(None, "pi\u00f1ata", None))
    assert (pinata != writer.write(gray(200, 100), texts(None, "pinata", None))).any()


def test_the_font_that_comes_along_draws_what_pillow_has_as_pillow_does():
    plain = "".join(map(chr, range(0x20, 0x7F)))
    for size in (11.3, 24, 80):
        ours, theirs = load_font(None, size), ImageFont.load_default(size)
        assert bytes(ours.getmask(plain)) == bytes(theirs.getmask(plain))
        assert ours.getbbox(plain) == theirs.getbbox(plain)


def test_missing_characters_are_told_with_the_font_that_lacks_them():
    assert describe_missing(None, ["\u6f22"]).startswith("the font that comes along has no \u6f22; set overlay.font")
    own = describe_missing(Path("own.ttf"), [chr(0x6F22 + number) for number in range(30)])
    assert own.startswith("overlay.font: own.ttf has no \u6f22 ") and "and others; choose another" in own


def test_text_is_drawn_once_and_blended_into_its_own_part_of_each_frame(monkeypatch):
    draw, layers = overlay_module._draw_layer, []
    monkeypatch.setattr(overlay_module, "_draw_layer", lambda *given: layers.append(draw(*given)) or layers[-1])
    writer = CaptionWriter(Overlay(), (512, 512))
    for level in range(20):
        writer.write(gray(512, 512, level), texts("cock", "hen", "ostrich"))
    assert len(layers) == 1
    height, width, _ = layers[0].color.shape
    assert 0 < height * width < 512 * 512 / 4
    assert layers[0].color.dtype == layers[0].opacity.dtype == np.uint8  # and not floats, which are slow to blend
