"""Fonts: loading them, and finding the characters that they lack."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import ImageFont

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file

BUNDLED_FONT = Path(__file__).parent / "data" / "aileron.ttf"
"""Aileron by Sora Sagano (CC0) as Pillow has it, with the rest of Latin-1; made by `scripts/complete_font.py`."""

_UNASSIGNED = "\U0010ffff"  # a code point that no font has a glyph for
_MOST_SHOWN = 20


@functools.lru_cache(128)
def load_font(path: Path | None, size: float) -> ImageFont.FreeTypeFont:
    """Load the font of the settings, or the one that comes along.

    Args:
        path: TrueType or OpenType file, or None.
        size: Height of the em in pixels, 1 at least.

    Raises:
        UserError: The file cannot be read as a font that can be scaled.
    """
    if path is None:  # laid out alike on every computer, with or without the library for difficult scripts
        return ImageFont.truetype(BUNDLED_FONT, size, layout_engine=ImageFont.Layout.BASIC)
    if not is_ordinary_file(path):
        raise UserError(f"overlay.font: {no_such_file(path)}. Give a .ttf or .otf file, not a font's name.")
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise UserError(f"overlay.font: {path} cannot be read as a font: {error}. Give a .ttf or .otf file.") from error


def missing_glyphs(path: Path | None, texts: Iterable[str]) -> list[str]:
    """Find the characters that a font has no glyph for.

    Args:
        path: TrueType or OpenType file, or None for the font that comes along.
        texts: Titles, or other texts.

    Returns:
        The characters, sorted.

    Raises:
        UserError: The file cannot be read as a font.
    """
    characters = {character for text in texts for character in text}
    return sorted(character for character in characters if not _has_glyph(path, character))


def describe_missing(path: Path | None, missing: Sequence[str]) -> str:
    """Say of a font, as above, which characters it lacks, and what to do; at least one is missing."""
    shown = " ".join(missing[:_MOST_SHOWN]) + (" and others" if len(missing) > _MOST_SHOWN else "")
    if path is None:
        return f"the font that comes along has no {shown}; set overlay.font to a font file that has them"
    return f"overlay.font: {path} has no {shown}; choose another font file"


def drawable(path: Path | None, text: str) -> str:
    """Replace characters that a font has no glyph for, where a simpler one is nearly as good: `é` by `e`."""
    return "".join(character if _has_glyph(path, character) else _plainer(path, character) for character in text)


def _plainer(path: Path | None, character: str) -> str:
    if unicodedata.category(character) == "Pd":
        return "-"
    decomposed = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in decomposed if not unicodedata.combining(part))
    return plain if all(_has_glyph(path, part) for part in plain) else character


@functools.lru_cache(4096)
def _has_glyph(path: Path | None, character: str) -> bool:
    """Whether it looks different from a code point without a glyph; spaces and control characters need no glyph."""
    if unicodedata.category(character)[0] in "CZ":
        return True
    font = load_font(path, 24.0)
    return _appearance(font, character) != _appearance(font, _UNASSIGNED)


def _appearance(font: ImageFont.FreeTypeFont, character: str) -> tuple[bytes, object]:
    mask = font.getmask(character)
    return bytes(mask), mask.size
