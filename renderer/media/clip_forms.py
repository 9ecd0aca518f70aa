"""The kinds of file that a clip can be, and the search for a form that makes it small enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from renderer.settings.sections import Codec

_NARROWER = 0.95
_READABLE, _NARROWEST = (240, 0.75), (96, 0.4)  # in pixels, or as a share of the first width
_REGAINED = 0.7  # share of what fewer frames should save
_CLOSE, _AIM = 0.9, 0.97  # shares of the limit: what is near enough, and what is aimed at
# Numbers of tries: so many without a file that fits, and the last form is tried; from the next on every other one takes
# the half of what is left; after the last, what fits is good enough.
_DOUBTED, _BISECTED, _ENOUGH = 3, 5, 8
_FLATTEST = 0.2  # of what is expected of a change, so much at least is counted on


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        codec: Its name in the settings.
        width: How wide it is at most where nobody asks for a width, in pixels.
        fps: Its frames per second at most where nobody asks for them.
        slowest: So many it keeps at least, if the film has them.
        quality: As `Video.quality`.
        worst: What it falls to before anything else is made smaller.
        last: What it falls to where nothing else can be.
        halving: By how much quality must rise to halve the file.
    """

    codec: Codec
    width: int
    fps: float
    slowest: float
    quality: int
    worst: int
    last: int
    halving: float

    def rates(self, fps: float) -> list[float]:
        """Frames per second for a film of so many, so that equally many are left out each time; the most first."""
        rates = [fps / step for step in range(1, 100)]
        suitable = [rate for rate in rates if self.slowest <= rate <= self.fps]
        return suitable or [next((rate for rate in rates if rate <= self.fps), rates[-1])]


KINDS: Mapping[str, Kind] = {
    "mp4": Kind("h264", 1920, 60.0, slowest=8.0, quality=20, worst=34, last=48, halving=6),
    "webp": Kind("webp", 320, 25.0, slowest=5.0, quality=16, worst=44, last=60, halving=26),
    "gif": Kind("gif", 320, 15.0, slowest=5.0, quality=18, worst=48, last=63, halving=41),
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

    First quality falls, then the width as long as text can be read; then frames are left out, of which the others gain
    nearly as much as that saves, and both fall again. At last the width falls further, and then quality.

    Args:
        kind: The kind of file.
        form: The best form.
        rates: Frames per second to which it may fall, the most first.
        any_width: Whether the width may fall.
    """
    forms = [form]
    for fps in (form.fps, *(rate for rate in rates if rate < form.fps)):
        if fps != forms[-1].fps:
            forms.append(_slower(kind, forms[-1], fps))
        forms += _worse(forms[-1], kind.worst)
        forms += _narrower(forms[-1], *_READABLE, form.width) if any_width else []
    forms += _narrower(forms[-1], *_NARROWEST, form.width) if any_width else []
    return [*forms, *_worse(forms[-1], kind.last)]


def _slower(kind: Kind, form: Form, fps: float) -> Form:
    saved = math.log2(form.fps / fps)
    return replace(form, fps=fps, quality=max(kind.quality, form.quality - int(_REGAINED * saved * kind.halving)))


def _worse(form: Form, worst: int) -> list[Form]:
    return [replace(form, quality=quality) for quality in range(form.quality + 1, worst + 1)]


def _narrower(form: Form, pixels: int, share: float, first: int) -> list[Form]:
    least = _least(pixels, share, first)
    widths = (int(form.width * _NARROWER**step) for step in range(1, 200))
    return [replace(form, width=width) for width in takewhile(lambda width: width >= least, widths)]


def is_readable(form: Form, first: int) -> bool:
    """Whether a form is as wide as text needs it, in a clip that is so many pixels wide at first."""
    return form.width >= _least(*_READABLE, first)


def _least(pixels: int, share: float, first: int) -> int:
    return max(2, min(pixels, int(share * first)))


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
    sizes: dict[int, float] = {}
    below, fitting, place = -1, len(forms), 0
    while True:
        size = attempt(forms[place])
        sizes[place] = math.log2(size)
        if size > limit:
            below = place
        else:
            fitting = place
        is_near = _CLOSE * limit <= size <= limit
        if fitting - below <= 1 or (fitting < len(forms) and (is_near or len(sizes) >= _ENOUGH)):
            return forms[fitting] if fitting < len(forms) else None
        guess = _guess(kind, forms, sizes, math.log2(_AIM * limit))
        if fitting == len(forms) and len(sizes) >= _DOUBTED:
            guess = len(forms) - 1
        elif len(sizes) >= _BISECTED and len(sizes) % 2:
            guess = (below + fitting) // 2
        place = min(max(guess, below + 1), fitting - 1)


def _guess(kind: Kind, forms: Sequence[Form], sizes: Mapping[int, float], wanted: float) -> int:
    """Place of the first form that should be no larger than wanted; beyond all if none should.

    Args:
        kind: The kind of file.
        forms: The forms.
        sizes: What is known: logarithms of sizes by place.
        wanted: Logarithm of the size that is wanted.
    """
    larger = max((place for place, size in sizes.items() if size > wanted), default=None)
    smaller = min((place for place, size in sizes.items() if size <= wanted), default=None)
    known = [place for place in (larger, smaller) if place is not None]
    if len(known) < 2 and len(sizes) > 1:
        known = sorted(sizes, key=lambda place: abs(sizes[place] - wanted))[:2]
    start, other = known[0], known[-1]
    expected = _bits(kind, forms[start]) - _bits(kind, forms[other])
    slope = (sizes[start] - sizes[other]) / expected if expected else 1.0
    due = _bits(kind, forms[start]) + (wanted - sizes[start]) / max(slope, _FLATTEST)
    return next((number for number, form in enumerate(forms) if _bits(kind, form) <= due), len(forms))


def _bits(kind: Kind, form: Form) -> float:
    """Logarithm of the size that a file of this form should have, but for a constant."""
    return 2 * math.log2(form.width) + math.log2(form.fps) - form.quality / kind.halving
