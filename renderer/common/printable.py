"""Text of anybody's, as it may be shown on a terminal: titles, paths and messages can hold what moves its cursor."""

from __future__ import annotations

import unicodedata

_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, *, lines: bool = False) -> str:
    r"""Show control characters, halves of characters and changes of direction as what they are, such as `\x1b`.

    Args:
        text: Any text.
        lines: Leave line breaks as they are, for what has several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character, lines=lines) for character in text)


def _shown(character: str, *, lines: bool) -> str:
    if lines and character == "\n":
        return character
    if unicodedata.category(character) in _UNSEEN or character in _DIRECTIONS:
        return character.encode("unicode_escape").decode()
    return character
