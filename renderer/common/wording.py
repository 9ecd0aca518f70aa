"""Words for messages: choices, durations, amounts, and the nearest known words for one that is unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_MOST_NAMES = 5


def either(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`; at least one word."""
    return _joined(words, "or")


def together(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; at least one word."""
    return _joined(words, "and")


def listed(names: Sequence[str]) -> str:
    """The first few names, and whether there are others."""
    return ", ".join(names[:_MOST_NAMES]) + (" and others" if len(names) > _MOST_NAMES else "")


def did_you_mean(words: Sequence[str]) -> str:
    """`; did you mean a or b?`, or nothing where there are no words."""
    return f"; did you mean {either(words)}?" if words else ""


def format_duration(seconds: float) -> str:
    """A duration in the two largest units that matter, such as `2 h 5 min`; tenths of a second below a second."""
    if 0.05 <= seconds < 0.95:
        return f"{seconds:.1f} s"
    whole = max(0, round(seconds))
    units = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((place for place, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count) or "0 s"


def format_bytes(count: float) -> str:
    """So many bytes in the largest unit that fits, such as `4.2 GB`; decimal units, as disks are sold."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= 0.95 * factor:
            amount = count / factor
            return f"{amount:.0f} {unit}" if amount >= 99.5 else f"{amount:.1f} {unit}"
    return f"{math.ceil(count / 1e3)} kB"


def shortened(text: str, most: int = 60) -> str:
    """The text, or its beginning and `...` where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def nearest(word: str, known: Iterable[str], *, count: int = 3, likeness: float = 0.65) -> list[str]:
    """The known words that resemble a word most, best first; case does not matter.

    Args:
        word: The unknown word.
        known: The known words.
        count: Most words to give.
        likeness: Least likeness of a word that is given, in [0, 1].
    """
    by_case: dict[str, str] = {}
    for candidate in known:
        by_case.setdefault(candidate.casefold(), candidate)
    return [by_case[match] for match in get_close_matches(word.casefold(), by_case, count, likeness)]


def _joined(words: Sequence[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]
