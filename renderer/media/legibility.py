"""Whether text over frames is large enough to be read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from renderer.media.fonts import drawable
from renderer.media.layout import lay_out
from renderer.settings.sections import Overlay

_READABLE = 9  # Height of the em in pixels; lower letters of the font that comes along run into each other.
_LARGEST = 0.5  # As the settings allow.
_MOST_TRIED = 40  # Laying out takes some milliseconds each.


def describe_small(overlay: Overlay, size: tuple[int, int], captions: Sequence[Sequence[str]]) -> str | None:
    """Say that a line is too low to be read, and what to do.

    Args:
        overlay: The settings.
        size: Width and height of the frames in pixels.
        captions: The filled templates of each class; of many, some are looked at.

    Returns:
        None where all lines can be read.

    Raises:
        UserError: The font cannot be read.
    """
    tried = captions[:: -(-len(captions) // _MOST_TRIED)] if captions else []
    lowest = min((_lowest(overlay, size, texts) for texts in tried), default=math.inf)
    if lowest >= _READABLE:
        return None
    remedies = ["write fewer or shorter overlay.lines"]
    larger = math.ceil(100 * overlay.size * _READABLE / lowest) / 100 if lowest else math.inf
    if larger <= _LARGEST:
        grown = overlay.model_copy(update={"size": larger})
        if min(_lowest(grown, size, texts) for texts in tried) >= _READABLE:
            remedies.insert(0, f"set overlay.size={larger:g}")
    told = f"at {size[0]}x{size[1]} a line is about {lowest:.1f} pixels high, too low to be read"
    return f"{told}; {', or '.join(remedies)}"


def _lowest(overlay: Overlay, size: tuple[int, int], texts: Sequence[str]) -> float:
    """Height of the lowest line in pixels; 0 where there is no room for any."""
    written = [drawable(overlay.font, text) for text in texts]
    rows = lay_out(overlay, size, written)
    return min((row.size for row in rows), default=0.0 if any(written) else math.inf)
