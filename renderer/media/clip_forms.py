"""The kinds of file that a clip can be, and the search for a form that makes it small enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from renderer.settings.sections import Codec

_NARROWER = 0.95
_READABLE, _NARROWEST = 240, 96  # in pixels: first it shrinks to the one, at last to the other
_SLOWEST = 8.0  # frames per second
_CLOSE, _AIM = 0.9, 0.97  # shares of the limit: what is near enough, and what is aimed at
_BISECTED, _ENOUGH = 3, 6  # tries: from then on halves are taken; with so many, what fits is good enough


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        codec: Its name in the settings.
        width: How wide it is at most where nobody asks for a width, in pixels.
        fps: Its frames per second at most where nobody asks for them.
        quality: As `Video.quality`.
        worst: What it falls to before anything else is made smaller.
        last: What it falls to where nothing else can be.
        halving: By how much quality must rise to halve the file; None where it makes no difference.
    """

    codec: Codec
    width: int
    fps: float
    quality: int = 0
    worst: int = 0
    last: int = 0
    halving: float | None = None

    def rates(self, fps: float) -> list[float]:
        """Frames per second for a film of so many, so that equally many are left out each time; the most first."""
        rates = [fps / step for step in range(1, 100)]
        suitable = [rate for rate in rates if _SLOWEST <= rate <= self.fps]
        return suitable or [next((rate for rate in rates if rate <= self.fps), rates[-1])]


KINDS: Mapping[str, Kind] = {
    "mp4": Kind("h264", 1920, 60.0, quality=20, worst=34, last=48, halving=6),
    "webp": Kind("webp", 320, 25.0, quality=16, worst=44, last=60, halving=12),
    "gif": Kind("gif", 320, 15.0),
}
"""All kinds, by the suffix of their files."""


@dataclass(frozen=True)
class Form:
    """How a clip is encoded: its width in pixels, its frames per second, and the quality as `Video.quality`."""

    width: int
    fps: float
    quality: int


def smaller_forms(kind: Kind, form: Form, rates: Sequence[float], *, any_width: bool) -> list[Form]:
    """Forms that make a clip ever smaller, beginning with the given one.

    First quality falls, then the width as long as text can be read; then frames are left out; then the width falls
    again, and at last quality.

    Args:
        kind: The kind of file.
        form: The best form.
        rates: Frames per second to which it may fall, the most first.
        any_width: Whether the width may fall.
    """
    forms = [form, *_worse(form, kind.worst)]
    forms += _narrower(forms[-1], _READABLE) if any_width else []
    forms += [replace(forms[-1], fps=fps) for fps in rates if fps < form.fps]
    forms += _narrower(forms[-1], _NARROWEST) if any_width else []
    return [*forms, *_worse(forms[-1], kind.last)]


def _worse(form: Form, worst: int) -> list[Form]:
    return [replace(form, quality=quality) for quality in range(form.quality + 1, worst + 1)]


def _narrower(form: Form, least: int) -> list[Form]:
    widths = (int(form.width * _NARROWER**step) for step in range(1, 200))
    return [replace(form, width=width) for width in takewhile(lambda width: width >= least, widths)]


def find_form(kind: Kind, forms: Sequence[Form], limit: int, attempt: Callable[[Form], int]) -> Form | None:
    """Find the best form whose file is small enough, in a few attempts.

    Args:
        kind: The kind of file.
        forms: Forms that make it ever smaller; see `smaller_forms`.
        limit: Bytes that it may have.
        attempt: Makes the file, and says how many bytes it has.

    Returns:
        The form; what fits is attempted from worse to better, so it is the last attempt that did. None if none fits.
    """
    below, fitting, tries, place = -1, len(forms), 0, 0
    while True:
        size, tries = attempt(forms[place]), tries + 1
        if size > limit:
            below = place
        else:
            fitting = place
        near = size <= limit and size >= _CLOSE * limit
        if fitting - below <= 1 or (fitting < len(forms) and (near or tries >= _ENOUGH)):
            return forms[fitting] if fitting < len(forms) else None
        guess = _smaller_by(kind, forms, place, _AIM * limit / size) if tries < _BISECTED else (below + fitting) // 2
        place = min(max(guess, below + 1), fitting - 1)


def _smaller_by(kind: Kind, forms: Sequence[Form], place: int, factor: float) -> int:
    """Place of the first form whose file should have this share of the one at the given place; may be beyond all."""
    wanted = _bits(kind, forms[place]) + math.log2(factor)
    return next((number for number, form in enumerate(forms) if _bits(kind, form) <= wanted), len(forms))


def _bits(kind: Kind, form: Form) -> float:
    """Logarithm of the size that a file of this form should have, but for a constant."""
    saved = form.quality / kind.halving if kind.halving else 0.0
    return 2 * math.log2(form.width) + math.log2(form.fps) - saved
