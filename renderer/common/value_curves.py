"""Curves: what stands for a number that changes over time, keyframes or an expression."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from renderer.common.expressions import Expression, ExpressionError, read_expression, smoothstep

TIMES = ("t", "film_share", "class_t", "class_share", "position")
"""Names for where in the film a moment is."""
OF_CLASS = frozenset({"class_t", "class_share", "position"})
"""Those of them that are the same whenever in the film a class is shown."""
SOUNDS = ("audio.level", "audio.low", "audio.mid", "audio.high", "audio.onset", "beat", "beats")
"""Names for what is heard."""
OWN_CURVES = "curves."
"""Begins the names of the curves of a file of the user's own."""

_MOST_KEYFRAMES = 1000
_KEY = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(s|%)?\s*")
_LATEST = 86400.0
_NEAR = 1e-6

Heard = Callable[[str, float], float]
"""What a curve of the sound is at a time of the film, in seconds."""


def silence(name: str, _seconds: float) -> float:
    """Refuse to be heard, where nothing is."""
    raise ExpressionError(f"needs a sound for {name!r}; set video.audio or film.curves")


@dataclass(frozen=True)
class Moment:
    """A moment of a class in a film.

    Attributes:
        position: Place of the class in the film, from 0.
        seconds: Time since the class began.
        duration: How long the class is shown, in seconds.
        film_seconds: Time since the film began; below 0 before it.
        film_duration: How long the film is, in seconds.
    """

    position: int
    seconds: float
    duration: float
    film_seconds: float = 0.0
    film_duration: float = 0.0

    def named(self, name: str) -> float:
        """What one of `TIMES` is."""
        match name:
            case "t":
                return self.film_seconds
            case "film_share":
                return self.film_seconds / self.film_duration if self.film_duration else 0.0
            case "class_t":
                return self.seconds
            case "class_share":
                return self.seconds / self.duration if self.duration else 0.0
            case _:
                return float(self.position)


@dataclass(frozen=True)
class Bounds:
    """Between what a number has to be; `closed` tells which ends it may be itself."""

    lowest: float = -math.inf
    highest: float = math.inf
    closed: tuple[bool, bool] = (True, True)

    def hold(self, value: float) -> bool:
        """Whether they hold a number."""
        above = value >= self.lowest if self.closed[0] else value > self.lowest
        below = value <= self.highest if self.closed[1] else value < self.highest
        return above and below

    def nearest(self, value: float) -> float:
        """The number that is nearest to the given one and between them."""
        # The very next number may count as the bound itself, where processors take the smallest ones for 0.
        lowest = self.lowest if self.closed[0] else self.lowest + _NEAR
        highest = self.highest if self.closed[1] else self.highest - _NEAR
        return min(max(value, lowest), highest)

    def __str__(self) -> str:
        if math.isfinite(self.lowest) and math.isfinite(self.highest):
            return f"from {self.lowest:g} to {self.highest:g}" if all(self.closed) else self._open
        return self._open

    @property
    def _open(self) -> str:
        ends = [
            f"{'at least' if self.closed[0] else 'above'} {self.lowest:g}" if math.isfinite(self.lowest) else "",
            f"{'at most' if self.closed[1] else 'below'} {self.highest:g}" if math.isfinite(self.highest) else "",
        ]
        return " and ".join(filter(None, ends))


@dataclass(frozen=True)
class Curve(ABC):
    """A number that changes over time.

    Attributes:
        bounds: Between what it is.
    """

    bounds: Bounds

    @property
    @abstractmethod
    def written(self) -> Any:
        """As the user wrote it, in plain data."""

    @property
    @abstractmethod
    def names(self) -> frozenset[str]:
        """From what it follows: names that expressions know."""

    @abstractmethod
    def raw(self, moment: Moment, heard: Heard) -> float:
        """What it is at a moment, even beyond its bounds; raises ExpressionError where it is nothing."""

    def at(self, moment: Moment, heard: Heard = silence) -> float:
        """What it is at a moment, within its bounds; raises ExpressionError where it is nothing."""
        return self.bounds.nearest(self.raw(moment, heard))


@dataclass(frozen=True)
class Keyframe:
    """What a number is at a time.

    Attributes:
        key: The time as the user wrote it.
        time: In seconds; or as a share.
        is_share: Whether of the whole.
        value: The number.
        easing: How it comes to that from the one before: `linear`, `smooth`, or `hold`, where it jumps at the end.
    """

    key: str
    time: float
    is_share: bool
    value: float
    easing: str = "linear"

    def seconds(self, duration: float) -> float:
        """Its time, in a span of the given length."""
        return self.time * duration if self.is_share else self.time


@dataclass(frozen=True)
class Keyframes(Curve):
    """A number that goes from keyframe to keyframe.

    Attributes:
        frames: The keyframes.
        of_film: Whether they are in the time of the film, not of the class.
    """

    frames: tuple[Keyframe, ...]
    of_film: bool

    @property
    def written(self) -> Any:
        """As the user wrote it, but for what is as usual."""
        frames = {
            one.key: one.value if one.easing == "linear" else {"value": one.value, "easing": one.easing}
            for one in self.frames
        }
        return {"film": frames} if self.of_film else frames

    @property
    def names(self) -> frozenset[str]:
        """The time, and the length where it counts; nothing where all keyframes are the same."""
        if all(one.value == self.frames[0].value for one in self.frames):
            return frozenset()
        span = "film" if self.of_film else "class"
        shares = {f"{span}_share"} if any(one.is_share for one in self.frames) else set()
        return frozenset({"t" if self.of_film else "class_t"} | shares)

    def raw(self, moment: Moment, heard: Heard) -> float:  # noqa: ARG002
        """Between the keyframes around the moment; before the first and after the last, as there."""
        now, duration = moment.seconds, moment.duration
        if self.of_film:
            now, duration = moment.film_seconds, moment.film_duration
        ordered = self._ordered(duration)
        after = next((place for place, (time, _) in enumerate(ordered) if time > now), len(ordered))
        if after in (0, len(ordered)):
            return ordered[min(after, len(ordered) - 1)][1].value
        (begin, first), (end, last) = ordered[after - 1], ordered[after]
        share = _EASINGS[last.easing]((now - begin) / (end - begin))
        return first.value if first.value == last.value else first.value + (last.value - first.value) * share

    def _ordered(self, duration: float) -> Sequence[tuple[float, Keyframe]]:
        return _ordered(self.frames, duration)


@lru_cache(maxsize=256)
def _ordered(frames: tuple[Keyframe, ...], duration: float) -> tuple[tuple[float, Keyframe], ...]:
    return tuple(sorted(((one.seconds(duration), one) for one in frames), key=lambda timed: timed[0]))


_EASINGS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "smooth": smoothstep,
    "hold": lambda _share: 0.0,
}


@dataclass(frozen=True)
class Formula(Curve):
    """A number that an expression gives.

    Attributes:
        text: The expression.
    """

    text: str

    @property
    def written(self) -> Any:
        """The expression."""
        return self.text

    @property
    def names(self) -> frozenset[str]:
        """What is in it."""
        return _read(self.text).names

    def raw(self, moment: Moment, heard: Heard) -> float:
        """Its value."""
        return _read(self.text).at(
            lambda name: moment.named(name) if name in TIMES else heard(name, moment.film_seconds)
        )


@lru_cache(maxsize=1024)
def _read(text: str) -> Expression:
    return read_expression(text, (*TIMES, *SOUNDS), OWN_CURVES)


def read_curve(value: str | dict[Any, Any] | Curve, bounds: Bounds, check: Callable[[Any], float]) -> Curve:
    """A curve as the user wrote it; raises ValueError where it is none.

    Args:
        value: Keyframes or an expression, in plain data.
        bounds: Between what it is.
        check: Checks a number of it.
    """
    if isinstance(value, str):
        return _formula(value, bounds)
    if isinstance(value, Curve):
        return read_curve(value.written, bounds, check)
    of_film = set(value) == {"film"} and isinstance(value["film"], dict)
    frames = _keyframes(value["film"] if of_film else value, bounds, check)
    return Keyframes(bounds, frames, of_film)


def _formula(text: str, bounds: Bounds) -> Formula:
    try:
        expression = _read(text)
        found = None if expression.names else expression.at(_nothing)
    except ExpressionError as error:
        raise ValueError(f"must be a number, keyframes or an expression; {text!r:.60} is none: {error}") from error
    if found is not None and not bounds.hold(found):
        raise ValueError(f"must be {bounds}, and {text!r:.60} is {found:g}")
    return Formula(bounds, text)


def _nothing(name: str) -> float:
    raise AssertionError(name)


def _keyframes(values: Mapping[Any, Any], bounds: Bounds, check: Callable[[Any], float]) -> tuple[Keyframe, ...]:
    if not values:
        raise ValueError('has no keyframes; write some, as in {0: 1.0, "50%": 1.4}')
    if len(values) > _MOST_KEYFRAMES:
        raise ValueError(f"has {len(values):,} keyframes; write {_MOST_KEYFRAMES:,} at most")
    frames = tuple(_keyframe(str(key), value, bounds, check) for key, value in values.items())
    places = [(one.is_share and one.time > 0, one.time) for one in frames]
    if len(set(places)) < len(places):
        raise ValueError("has two keyframes for one time; keep one")
    return frames


def _keyframe(key: str, value: Any, bounds: Bounds, check: Callable[[Any], float]) -> Keyframe:
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f"{key!r:.40} is no time for a keyframe; write seconds or a share, as in 2, 2s or 50%")
    number, is_share = float(found[1]), found[2] == "%"
    if number > (100 if is_share else _LATEST):
        raise ValueError(f"{key!r:.40} is beyond {'100%' if is_share else 'a day'}")
    easing = "linear"
    if isinstance(value, dict):
        if set(value) - {"value", "easing"} or "value" not in value:
            raise ValueError(f"at {key}: a keyframe is a number, or {{value: 1.4, easing: smooth}}")
        value, easing = value["value"], str(value.get("easing", easing))
    if easing not in _EASINGS:
        raise ValueError(f"at {key}: there is no easing {easing!r:.40}; there are {', '.join(_EASINGS)}")
    return Keyframe(key, number / 100 if is_share else number, is_share, _number(key, value, bounds, check), easing)


def _number(key: str, value: Any, bounds: Bounds, check: Callable[[Any], float]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not bounds.hold(value):
        raise ValueError(f"at {key}: must be {f'a number {bounds}'.strip()}, not {value!r:.40}")
    return float(check(value))


def are_keyframes(value: Mapping[str, Any]) -> bool:
    """Whether plain data are keyframes, as `Keyframes.written` gives them."""
    frames = value["film"] if set(value) == {"film"} and isinstance(value["film"], dict) else value
    values = (value["value"] if isinstance(value, dict) and "value" in value else value for value in frames.values())
    return bool(frames) and all(map(_KEY.fullmatch, frames)) and all(isinstance(value, float) for value in values)
