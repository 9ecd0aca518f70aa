"""Completes the font that comes along: Pillow's Aileron has ASCII and little more, this one adds the rest of Latin-1.

The glyphs that Pillow has stay as they are, so that text looks as it did; what is added comes from a full Aileron
(Sora Sagano, CC0), such as `files/aileron-latin-400-normal.woff` of the package `@fontsource/aileron`. Needs fontTools.
"""

import argparse
from io import BytesIO
from pathlib import Path

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from PIL import ImageFont

FONT = Path(__file__).parents[1] / "renderer" / "media" / "data" / "aileron.ttf"


def bundled_with_pillow() -> TTFont:
    """The font of `ImageFont.load_default`."""
    data = ImageFont.load_default(24).path
    data.seek(0)
    return TTFont(BytesIO(data.read()))


def add_glyphs(font: TTFont, full: TTFont) -> int:
    """Copy what a font lacks from a fuller one, at its scale and without hints, as its own glyphs are; count it."""
    known, order, glyphs = font.getBestCmap(), list(font.getGlyphOrder()), full.getGlyphSet()
    scale = font["head"].unitsPerEm / full["head"].unitsPerEm
    added = {code: name for code, name in full.getBestCmap().items() if code not in known}
    for code, name in added.items():
        outline, drawn = DecomposingRecordingPen(glyphs), TTGlyphPen(None)
        glyphs[name].draw(outline)
        outline.replay(TransformPen(drawn, (scale, 0, 0, scale, 0, 0)))
        own = f"uni{code:04X}"
        glyph = font["glyf"].glyphs[own] = drawn.glyph()
        glyph.recalcBounds(font["glyf"])
        font["hmtx"].metrics[own] = (round(glyphs[name].width * scale), getattr(glyph, "xMin", 0))
        order.append(own)
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[code] = own
    font.setGlyphOrder(order)
    font["glyf"].setGlyphOrder(order)
    return len(added)


def main() -> None:
    """Write the font."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("full", type=Path, help="file of the full Aileron, regular")
    font = bundled_with_pillow()
    count = add_glyphs(font, TTFont(parser.parse_args().full))
    font["head"].modified = font["head"].created  # so that the file does not depend on the day
    font.recalcTimestamp = False
    font.save(FONT)
    print(f"wrote {FONT} with {count} more characters")


if __name__ == "__main__":
    main()
