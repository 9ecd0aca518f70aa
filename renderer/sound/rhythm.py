"""Onsets and beats, from what is new in a sound at each time; librosa finds them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np
from jaxtyping import Float64

from renderer.common.errors import UserError
from renderer.sound.decoding import SAMPLE_RATE
from renderer.sound.novelty import HOP, RATE, Novelty, exact_time

_DECAY = 0.1  # seconds in which an onset's curve falls to 37%; to 14% in twice that
_STRONG_PERCENTILE = 80  # of onsets; those are 1
_LEAST_STRONG = 0.5  # novelty that an onset of 1 has at least: nothing in even noise
_DELTA = 0.12  # of a strong onset; what stands out less from what is around it is none

_SLOWEST, _FASTEST = 50.0, 210.0  # beats a minute
_USUAL, _OCTAVES = 120.0, 0.9  # Ellis 2007: of two tempos that fit, the one nearer to what is usual.
_DOUBLE_BELOW, _DOUBLE_SHARE = 190.0, 0.97  # Where between beats there is as much as on them, they are beats too.
_PART_SECONDS, _STEP_SECONDS = 20, 10  # The tempo may change from part to part,
_NEAR_OCTAVES = 0.3  # but not to half or twice of what it is elsewhere.
_LEAST_ALIKE = 0.2  # by which what is new is like what was new a beat before (correlation); else there are no beats
_LEAST_BEATS, _LEAST_SECONDS = 4, 2
_NEAR = 0.03  # seconds within which a beat is moved to the onset that is meant

Times = Float64[np.ndarray, "onsets"]
Values = Float64[np.ndarray, "values"]


def onsets(novelty: Novelty) -> tuple[Times, Times]:
    """When something begins, in seconds, and how strongly, from 0 to 1.

    Raises:
        UserError: librosa is not installed.
    """
    strong = _strong(novelty)
    peaks = _peaks(novelty / strong)
    times = [exact_time(novelty, index) for index in peaks]
    return np.array(times), np.minimum(novelty[peaks] / strong, 1.0)


def onset_curve(times: Times, strengths: Times, at: Times) -> Times:
    """A curve that is as high as an onset is strong when it comes, and falls quickly until the next."""
    curve = np.zeros(len(at))
    for time, strength in zip(times, strengths, strict=True):
        first, last = np.searchsorted(at, [time, time + 10 * _DECAY])
        fall = strength * np.exp((time - at[first:last]) / _DECAY)
        curve[first:last] = np.maximum(curve[first:last], fall)
    return curve


def beats(novelty: Novelty) -> Times:
    """When the beats are, in seconds; none where nothing comes again and again.

    Raises:
        UserError: librosa is not installed.
    """
    tempo = _tempo(novelty)
    if tempo is None:
        return np.zeros(0)
    found = librosa().beat.beat_track(
        onset_envelope=novelty, sr=SAMPLE_RATE, hop_length=HOP, bpm=tempo, trim=False, units="frames"
    )[1]
    # The outermost ones are bent toward any onset, as there is nothing beyond them.
    times = _on_onsets([int(index) / RATE for index in found[2:-2]], novelty)
    times = _longer(_longer(times, novelty)[::-1], novelty)[::-1]
    return np.array(times if len(times) >= _LEAST_BEATS else [])


def librosa() -> ModuleType:
    """The library, which takes seconds to load.

    Raises:
        UserError: It is not installed.
    """
    try:
        import librosa as library  # noqa: PLC0415  it is large, and only listening needs it
    except ImportError as error:
        raise UserError(
            'to find beats, librosa is needed, which is not installed; run: pip install "neuron-atlas[music]"'
        ) from error
    module: ModuleType = library
    return module


def _peaks(strength: Novelty) -> list[int]:
    """Where what is new stands out."""
    found = librosa().onset.onset_detect(
        onset_envelope=strength, sr=SAMPLE_RATE, hop_length=HOP, normalize=False, delta=_DELTA, units="frames"
    )
    return [int(index) for index in found]


def _strong(novelty: Novelty) -> float:
    """How new strong onsets are."""
    middle = novelty[1:-1]
    is_peak = (middle >= novelty[:-2]) & (middle > novelty[2:]) & (middle > _DELTA * _LEAST_STRONG)
    peaks = middle[is_peak]
    return max(_LEAST_STRONG, float(np.percentile(peaks, _STRONG_PERCENTILE))) if len(peaks) else _LEAST_STRONG


def _moved(novelty: Novelty, time: float) -> float | None:
    """The time of the onset that is meant by one near it, both in seconds; None where there is no onset."""
    reach, index = round(_NEAR * RATE), round(time * RATE)
    first = max(0, index - reach)
    around = novelty[first : index + reach + 1]
    peak = first + int(np.argmax(around)) if len(around) else 0
    return exact_time(novelty, peak) if len(around) and novelty[peak] > _DELTA * _LEAST_STRONG else None


def _on_onsets(times: Sequence[float], novelty: Novelty) -> list[float]:
    """The beats, each on its onset where it has one; the first and the last one have."""
    moved = [_moved(novelty, time) for time in times]
    heard = [number for number, time in enumerate(moved) if time is not None]
    inside = slice(heard[0], heard[-1] + 1) if heard else slice(0)
    kept = [time if near is None else near for time, near in zip(times[inside], moved[inside], strict=True)]
    return [time for number, time in enumerate(kept) if not number or time > kept[number - 1] + _NEAR]


def _longer(times: list[float], novelty: Novelty) -> list[float]:
    """The beats with those after the last one: librosa leaves some out at the ends. Also backward in time."""
    longer = list(times)
    while len(longer) > 1:
        after = 2 * longer[-1] - longer[-2]
        found = _moved(novelty, after) if -_NEAR < after < len(novelty) / RATE + _NEAR else None
        if found is None or abs(found - longer[-1]) < _NEAR:
            break
        longer.append(found)
    return longer


def _tempo(novelty: Novelty) -> Values | None:
    """Beats a minute at each time; None where there are none."""
    step, length = _STEP_SECONDS * RATE, _PART_SECONDS * RATE
    smooth = np.convolve(novelty, np.hanning(9)[1:-1] / 4, "same")
    firsts = range(0, max(1, len(smooth) - length // 2), step)
    parts = [smooth[first : first + length] for first in firsts]
    weights = np.array([part.var() for part in parts])  # What is quiet says little.
    if not weights.sum() or len(smooth) < _LEAST_SECONDS * RATE:
        return None
    tempos = _tempos([_likeness(part) for part in parts], weights / weights.sum())
    if tempos is None:
        return None
    middles = (np.array(firsts) + length / 2) / RATE
    tempo: Values = np.interp(np.arange(len(novelty)) / RATE, middles, tempos)
    return tempo


def _tempos(parts: Sequence[Values], weights: Values) -> Values | None:
    """Beats a minute of each part, less than an octave apart; None where there are none."""
    tempos = np.array([_best(part, _USUAL, _OCTAVES) for part in parts])
    fits = np.array([_fit(part, tempo) for part, tempo in zip(parts, tempos, strict=True)])
    if (fits * weights).sum() < _LEAST_ALIKE:
        return None
    order = np.argsort(tempos, kind="stable")
    whole = tempos[order][np.searchsorted(np.cumsum(weights[order]), 0.5)]
    twice = np.array([_fit(part, tempo * 2) for part, tempo in zip(parts, tempos, strict=True)])
    if 2 * whole <= _DOUBLE_BELOW and weights[twice > _DOUBLE_SHARE * fits].sum() > 0.5:
        whole, tempos = 2 * whole, 2 * tempos
    is_other = np.abs(np.log2(tempos / whole)) > 0.5
    near = [_best(part, whole, _NEAR_OCTAVES) for part in parts]
    return np.where(is_other, near, tempos)


def _likeness(part: Novelty) -> Values:
    """How alike what is new is to what was new so many steps of time before (correlation), from 0 steps on."""
    most = round(2 * 60 / _SLOWEST * RATE) + 2
    count = len(part)
    change = np.fft.rfft(part - part.mean(), 2 * count)
    sums = np.fft.irfft(np.abs(change) ** 2)[: min(count, most)]
    found = np.zeros(most)
    if sums[0] > 0:
        found[: len(sums)] = sums / sums[0] * count / np.maximum(count - np.arange(len(sums)), count / 4)
    return found


def _best(alike: Values, usual: float, octaves: float) -> float:
    """Beats a minute that fit best, and of those that fit as well, the ones nearest to what is usual."""
    tempos = np.geomspace(_SLOWEST, _FASTEST, 600)
    likely = _fit(alike, tempos) * np.exp(-0.5 * (np.log2(tempos / usual) / octaves) ** 2)
    return float(tempos[np.argmax(likely)])


def _fit(alike: Values, tempos: Values | float) -> Values:
    """How well beats a minute fit: what is new is as it was a beat before, and two beats before."""
    steps, lags = np.arange(len(alike)), 60 * RATE / np.asarray(tempos)
    fit: Values = (2 * np.interp(lags, steps, alike) + np.interp(2 * lags, steps, alike)) / 3
    return fit
