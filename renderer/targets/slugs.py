"""File names from titles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from renderer.targets.target import Target

_LONGEST = 60


def slug(title: str) -> str:
    """Lower-case ASCII words joined by `-`, at most 60 characters: a safe part of a file name for any title.

    A title without a letter or digit that has an ASCII form gives `class`.
    """
    ascii_text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", ascii_text.lower().replace("'", ""))
    joined = "-".join(words)
    if len(joined) > _LONGEST:
        # Whole words, unless the first is too long by itself.
        joined = joined[: joined.rfind("-", 0, _LONGEST + 1)] if "-" in joined[: _LONGEST + 1] else joined[:_LONGEST]
    return joined or "class"


def still_name(target: Target, place: int = 1) -> str:
    """Name of a target's still, such as `0007-cock.png`; where the key is no number it says enough by itself.

    Args:
        target: The target.
        place: Of the variants, best first, from 1; the second one is `0007-cock_2.png`.
    """
    stem = f"{target.key}-{slug(target.title)}" if target.key.isdecimal() else target.key
    return f"{stem}{f'_{place}' if place > 1 else ''}.png"


def still_names(targets: Iterable[Target], stills: int) -> list[str]:
    """Names of the stills of some targets, with so many each."""
    return [still_name(target, place) for target in targets for place in range(1, stills + 1)]
