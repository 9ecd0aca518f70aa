"""From a sound file to curves: how loud it is, when something begins, and where the beats are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from renderer.sound import loudness, novelty, rhythm
from renderer.sound.curves import DECIMALS, HEARD, Curves, Samples
from renderer.sound.decoding import SAMPLE_RATE, decode

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_RATE = 100
_SHORT_OF = 0.02  # of a beat: how far the count stays from a beat that does not come
_ONE_BEAT = 1.1  # of the time between beats: what is before the first one is no longer than that, or has no rhythm

Times = Float64[np.ndarray, "times"]


def listen(path: Path) -> Curves:
    """Listen to a sound: the curves `HEARD`, about 100 samples a second.

    A rate is taken by which the curves are exactly as long as the sound, so that both begin again together. The same
    file gives the same curves. Where there are no beats, `beats` stays 0.

    Args:
        path: Any file with sound that ffmpeg reads, a film too; all channels are heard as one.

    Raises:
        UserError: There is no such file, no sound can be read from it, it is too long, or librosa is not installed.
    """
    with _alone():
        return _listened(path)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process listen at a time: what librosa compiles and keeps is damaged where two write it, and crashes."""
    if fcntl is None:
        yield
        return
    with (Path(tempfile.gettempdir()) / f"neuron-atlas-listening-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _listened(path: Path) -> Curves:
    rhythm.librosa()
    loud, new, heard = loudness.LoudnessMeter(), novelty.NoveltyMeter(), 0
    for sound in decode(path):
        loud.hear(sound)
        new.hear(sound)
        heard += len(sound)
    seconds = heard / SAMPLE_RATE
    count = max(2, round(seconds * _RATE))
    at = np.arange(count) * (seconds / count)
    return Curves(count / seconds, _values(loud.end(), new.end(), at))


def _values(loud: loudness.Loudness, new: novelty.Novelty, at: Times) -> dict[str, Samples]:
    measured = np.arange(len(loud)) / loudness.RATE
    followed = [np.interp(at, measured, curve) for curve in loudness.as_curves(loud).T]
    onset = rhythm.onset_curve(*rhythm.onsets(new), at)
    curves = [*followed, onset, count_beats(rhythm.beats(new), at)]
    return {name: curve.round(DECIMALS).astype(np.float32) for name, curve in zip(HEARD, curves, strict=True)}


def count_beats(beats: Times, at: Times) -> Times:
    """How many beats there were at each time: 0 at the first one, negative before, and a whole number at each.

    It counts on evenly before the first beat and after the last one, but never so far that there would be another: what
    has no rhythm has no beats.
    """
    if len(beats) < 2:
        return np.zeros(len(at))
    first, last = beats[1] - beats[0], beats[-1] - beats[-2]
    least = -1.0 if beats[0] < _ONE_BEAT * first else -_SHORT_OF
    before = np.maximum((at - beats[0]) / first, least)
    after = len(beats) - 1 + np.minimum((at - beats[-1]) / last, 1 - _SHORT_OF)
    between = np.interp(at, beats, np.arange(len(beats)))
    counted: Times = np.where(at < beats[0], before, np.where(at > beats[-1], after, between))
    return counted
