"""Curves over time that values of a film may follow: how loud a sound is, and its beats."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from renderer.common.digests import bytes_digest, data_digest
from renderer.common.value_curves import SOUNDS

BEATS, BEAT = "beats", "beat"
HEARD = tuple(name for name in SOUNDS if name != BEAT)
"""The names that listening gives."""
DECIMALS = 4
"""Of what is heard: less is no difference."""
_NAME = re.compile(r"curves(\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)
_ALMOST = 1e-4  # Of a beat: what the next pass begins with is not reached before it.
_ON_BEAT = 1e-3  # Of a beat; who asks at the very time of a beat must not get the value before it.

Samples = Float32[np.ndarray, "samples"]


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves of a sound, all sampled at the same times; a sound that is over is heard again and again.

    Attributes:
        rate: Samples a second; the first one is at 0 s.
        values: By name: those of `HEARD`, and others of the user's own (`is_curve_name`). All are equally long,
            two samples at least. `audio.*` are from 0 to 1. `beats` is the number of beats so far: 0 at the first
            beat, growing evenly up to the next one, and never falling; so a beat is where it reaches a whole number.
    """

    rate: float
    values: Mapping[str, Samples]

    @property
    def names(self) -> tuple[str, ...]:
        """What `at` knows; `beat` is there where `beats` is."""
        return (*self.values, BEAT) if BEATS in self.values else tuple(self.values)

    @property
    def samples(self) -> int:
        """How many values each curve has."""
        return len(next(iter(self.values.values()), ()))

    @property
    def seconds(self) -> float:
        """How long the sound is: when it begins again."""
        return self.samples / self.rate

    @property
    def beats_a_pass(self) -> int:
        """How many beats it has from its beginning until it begins again; 0 where it has none."""
        return self._beats_and_count[1] if BEATS in self.values else 0

    @cached_property
    def digest(self) -> str:
        """Tells curves apart; what was written to a file and read has the same."""
        return data_digest({name: self.digest_of(name) for name in self.values})

    def digest_of(self, name: str) -> str:
        """Tells one curve apart; `beat` follows from `beats`."""
        values = bytes_digest(self.values[BEATS if name == BEAT else name].astype("<f4").tobytes())
        return data_digest({"rate": round(self.rate, 3), "samples": self.samples, "values": values})

    def at(self, name: str, seconds: float) -> float:
        """The value of a curve at a time, between samples on the straight line from one to the next.

        `beats` goes on counting in each further pass; `beat` is 1 on a beat, and falls evenly to 0 until the next.

        Args:
            name: One of `names`.
            seconds: At least 0; after the end the sound is heard again.

        Raises:
            KeyError: There is no such curve.
        """
        if name == BEAT:
            return self._beat(seconds)
        passes, place = self._place(seconds)
        if name == BEATS:
            beats, count = self._beats_and_count
            return passes * count + _between(beats, place, float(beats[0]) + count)
        values = self.values[name]
        return _between(values, place, float(values[0]))

    def beat_times(self, until: float) -> list[float]:
        """The seconds at which there are beats, in order, from 0 until before a time."""
        if not self._times or until <= 0:
            return []
        passes = range(math.ceil(until / self.seconds))
        times = (number * self.seconds + time for number in passes for time in self._times)
        return [time for time in times if time < until]

    def _beat(self, seconds: float) -> float:
        beats = self.at(BEATS, seconds)
        if not self.beats_a_pass:
            return 0.0
        return min(1.0, 1.0 - ((beats + _ON_BEAT) % 1.0 - _ON_BEAT))

    def _place(self, seconds: float) -> tuple[int, float]:
        """How often the sound was heard before, and where it is, in samples."""
        passes = math.floor(seconds * self.rate / self.samples)
        return passes, seconds * self.rate - passes * self.samples

    @cached_property
    def _beats_and_count(self) -> tuple[Float64[np.ndarray, "samples"], int]:
        """The beats so far, so that they never fall where the sound begins again, and how many a pass has.

        How many is the whole number next to what a pass counts: so the last beat is none where the first one of the
        next pass follows at once.
        """
        beats = self.values[BEATS].astype(np.float64)
        count = round(2 * float(beats[-1]) - float(beats[-2]) - float(beats[0]))
        return np.minimum(beats, beats[0] + max(0.0, count - _ALMOST)), max(0, count)

    @cached_property
    def _times(self) -> list[float]:
        """When the beats of the first pass are."""
        if BEATS not in self.values:
            return []
        beats, count = self._beats_and_count
        line = np.append(beats, beats[0] + count)
        first = math.ceil(line[0] - _ALMOST)
        wanted = np.arange(first, first + count)
        after = np.searchsorted(line, wanted - _ALMOST)
        before = np.maximum(after - 1, 0)
        rise = np.where(line[after] > line[before], line[after] - line[before], 1.0)
        shares = np.clip((wanted - line[before]) / rise, 0.0, 1.0)
        return [float(time) for time in (before + shares * (after > 0)) / self.rate]


def is_curve_name(name: str) -> bool:
    """Whether a curve may be called so: as one of those that are heard, or `curves.` and a word of the user's own."""
    return name in HEARD or bool(_NAME.fullmatch(name))


def _between(values: np.ndarray[Any, Any], place: float, end: float) -> float:
    """The value at a place among samples; `end` is what follows the last one."""
    before = min(int(place), len(values) - 1)
    first = float(values[before])
    second = float(values[before + 1]) if before + 1 < len(values) else end
    return float(first + (second - first) * min(place - before, 1.0))
