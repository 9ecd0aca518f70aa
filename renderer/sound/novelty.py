"""Where something begins in a sound: the strength of what is new, and single onsets."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from renderer.sound.decoding import SAMPLE_RATE, Cutter, Frames, Sound

RATE = 200
"""Strengths a second."""
HOP = SAMPLE_RATE // RATE
_WINDOW = 512  # samples, 21 ms
_HERTZ = (0, 90, 200, 350, 500, 700, 1000, 1400, 2000, 2800, 3800, 5000, 6500, 8500)  # where bands begin
_GROUPS = (0, 2, 8)  # The bands at which low, middle and high tones begin: a drum counts as much as a cymbal.
_LAG = 2  # Strengths are compared with those so many before.
_EARLY = 2e-3  # seconds by which windows know of an onset before it comes, measured with clicks and drums
_DETAIL = 100.0  # What is so much weaker than loud places still counts (40 dB).
_LOUD_PERCENTILE = 95
_SILENCE = 0.003  # of the loudest place
_QUIETEST = 10 ** (-70 / 20)
_NOTHING = 0.03  # novelty, of sounds that only waver
_USUAL_SECONDS = 0.5  # Around a time, in which noise is as new as there: what is new on average is nothing.

Bands = Float32[np.ndarray, "times bands"]
Novelty = Float64[np.ndarray, "times"]


class NoveltyMeter:
    """Measures a sound that comes in pieces, `RATE` times a second."""

    def __init__(self) -> None:
        self._cutter = Cutter(_WINDOW, HOP)
        self._measured: list[Bands] = []

    def hear(self, sound: Sound) -> None:
        """The next piece."""
        self._measured.append(_bands(self._cutter.cut(sound)))

    def end(self) -> Novelty:
        """How much is new at each time, about 1 where a note begins after silence; the first is at 0 s."""
        return _novelty(np.concatenate([*self._measured, _bands(self._cutter.end())]))


def exact_time(novelty: Novelty, index: int) -> float:
    """The seconds at which something begins, from the index of a peak: between samples, where a parabola is highest."""
    before, peak, after = (
        novelty[place] if 0 <= place < len(novelty) else 0.0 for place in range(index - 1, index + 2)
    )
    bend = before - 2 * peak + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return max(0.0, (index + min(max(shift, -0.5), 0.5)) / RATE + _EARLY)


def _bands(frames: Frames) -> Bands:
    """Amplitudes by frequency."""
    weights = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * weights)) ** 2
    first = [round(hertz * _WINDOW / SAMPLE_RATE) for hertz in _HERTZ]
    scale = 2 / (_WINDOW * float((weights**2).sum()))
    return np.sqrt(np.add.reduceat(power, first, axis=1) * scale).astype(np.float32)


def _novelty(bands: Bands) -> Novelty:
    """How much louder the bands are than just before, in units of how one hears: equal steps for equal proportions."""
    seen = np.log1p(bands * np.float32(_DETAIL / _loud(bands)))
    silence = np.zeros_like(seen[:_LAG])
    rise = np.maximum(seen - np.concatenate([silence, seen[:-_LAG]]), 0)
    sizes = np.diff([*_GROUPS, seen.shape[1]])
    new = (np.add.reduceat(rise, _GROUPS, axis=1) / sizes).mean(axis=1).astype(np.float64)
    new[-_WINDOW // HOP :] = 0  # That the sound is cut off is nothing new.
    novelty: Novelty = np.maximum(new - _average(new, round(_USUAL_SECONDS * RATE)) - _NOTHING, 0)
    return novelty


def _loud(bands: Bands) -> float:
    """How loud the loud places are, whatever silence there is between them."""
    loud = np.sqrt((bands**2).sum(axis=1))
    heard = loud[loud > _SILENCE * loud.max(initial=0)]
    return max(float(np.percentile(heard, _LOUD_PERCENTILE)) if len(heard) else 0.0, _QUIETEST)


def _average(values: Novelty, count: int) -> Novelty:
    """Of so many values around each."""
    sums = np.cumsum(np.concatenate([np.zeros(1), values]))
    first = np.maximum(np.arange(len(values)) - count // 2, 0)
    last = np.minimum(first + count, len(values))
    average: Novelty = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return average
