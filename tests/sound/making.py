"""Sounds for tests, and files of them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 22_050


def clicks(tempo: float, seconds: float, first: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Short tones at a tempo, and the seconds at which they begin."""
    sound, times = np.zeros(round(seconds * RATE)), np.arange(first, seconds - 0.1, 60 / tempo)
    time = np.arange(RATE // 10) / RATE
    click = 0.7 * np.sin(2 * np.pi * 1500 * time) * np.exp(-time / 0.01)
    for begin in np.round(times * RATE).astype(int):
        sound[begin : begin + len(click)] += click[: len(sound) - begin]
    return sound, times


def tone(hertz: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def write_wav(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    """One row a channel, or one channel."""
    channels = np.atleast_2d(sound)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(channels.T, -1, 1) * 32_000).astype("<i2").tobytes())
    return path
