"""How loud a sound is, all of it and its low, middle and high tones, as curves that look calm in a picture."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Float32

from renderer.sound.decoding import SAMPLE_RATE, Cutter, Frames, Sound

BORDERS = (200.0, 2000.0)
"""In hertz: `audio.low` lies below the first, `audio.mid` between them, `audio.high` from the second on."""
RATE = 100
"""Loudnesses a second."""
_WINDOW = 1024  # samples, 43 ms
_ATTACK, _RELEASE = 0.015, 0.18  # seconds in which a curve comes nearer by 63%
_LOUD_PERCENTILE = 98  # of what is heard; as loud as that is 1
_SILENCE = 0.003  # of the loudest place, -50 dB
_HEARD_LOW = (
    0.1  # of the power of low tones counts for the whole, about as in the ear (-10 dB); else it is the bass alone
)
_QUIETEST = 10 ** (-70 / 20)  # As loud a sound is taken at least to be: the noise of a quiet room must not be 1,
_LEAST_SHARE = 0.02  # nor that of a band in which there is next to nothing, compared with the whole.

Values = Float[np.ndarray, "values"]
Loudness = Float32[np.ndarray, "times 4"]
"""Of the whole, and of low, middle and high tones: amplitudes (root mean square), where 1 is full scale."""


class LoudnessMeter:
    """Measures a sound that comes in pieces, `RATE` times a second."""

    def __init__(self) -> None:
        self._cutter = Cutter(_WINDOW, SAMPLE_RATE // RATE)
        self._measured: list[Loudness] = []

    def hear(self, sound: Sound) -> None:
        """The next piece."""
        self._measured.append(_loudness(self._cutter.cut(sound)))

    def end(self) -> Loudness:
        """All that was measured; the first is at 0 s."""
        return np.concatenate([*self._measured, _loudness(self._cutter.end())])


def as_curves(loudness: Loudness) -> Loudness:
    """Curves from 0 to 1 that rise at once and fall slowly; each has its range, so that music uses all of it."""
    followed = np.stack([_followed(values) for values in loudness.T], axis=1)
    whole = max(_loud(followed[:, 0]), _QUIETEST)
    scales = [whole] + [max(_loud(values), _LEAST_SHARE * whole) for values in followed[:, 1:].T]
    curves: Loudness = np.clip(followed / np.array(scales), 0, 1).astype(np.float32)
    curves[followed <= _SILENCE * np.array(scales)] = 0
    return curves


def _loudness(frames: Frames) -> Loudness:
    """Of each window."""
    weights = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * weights)) ** 2 * (2 / (_WINDOW * float((weights**2).sum())))
    borders = [math.ceil(border * _WINDOW / SAMPLE_RATE) for border in BORDERS]
    # The first bin is what is no tone.
    bands = np.add.reduceat(power[:, 1:], [0, *(border - 1 for border in borders)], axis=1)
    whole = (bands * np.array([_HEARD_LOW, 1, 1])).sum(axis=1)
    loudness: Loudness = np.sqrt(np.column_stack([whole, bands])).astype(np.float32)
    return loudness


def _followed(values: Values) -> Values:
    """The values, where what falls does so slowly."""
    attack, release = (1 - math.exp(-1 / (RATE * seconds)) for seconds in (_ATTACK, _RELEASE))
    now, followed = 0.0, []
    for value in values.tolist():
        now += (value - now) * (attack if value > now else release)
        followed.append(now)
    return np.array(followed)


def _loud(values: Values) -> float:
    """How loud the loud places are, whatever silence there is between them."""
    heard = values[values > _SILENCE * values.max(initial=0.0)]
    return float(np.percentile(heard, _LOUD_PERCENTILE)) if len(heard) else 0.0
