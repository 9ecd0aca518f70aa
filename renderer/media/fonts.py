"""Fonts: loading them, and finding the characters that they lack."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from PIL import ImageFont

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file

_UNASSIGNED = "\U0010ffff"  # a code point that no font has a glyph for


@functools.lru_cache(128)
def load_font(path: Path | None, size: float) -> ImageFont.FreeTypeFont:
    """Load the font of the settings, or the one that comes with Pillow.

    Args:
        path: TrueType or OpenType file, or None.
        size: Height of the em in pixels, 1 at least.

    Raises:
        UserError: The file cannot be read as a font that can be scaled.
    """
    if path is not None and not is_ordinary_file(path):
        raise UserError(f"overlay.font: {path} cannot be read as a font: it is no file. Give a .ttf or .otf file.")
    try:
        font = ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)
    except OSError as error:
        raise UserError(f"overlay.font: {path} cannot be read as a font: {error}. Give a .ttf or .otf file.") from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UserError("overlay.font: this Pillow has no scalable font of its own; give a .ttf or .otf file.")
    return font


def missing_glyphs(path: Path | None, texts: Iterable[str]) -> list[str]:
    """Find the characters that a font has no glyph for.

    Args:
        path: TrueType or OpenType file, or None for the font that comes with Pillow.
        texts: Titles, or other texts.

    Returns:
        The characters, sorted.

    Raises:
        UserError: The file cannot be read as a font.
    """
    characters = {character for text in texts for character in text}
    return sorted(character for character in characters if not _has_glyph(path, character))


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
