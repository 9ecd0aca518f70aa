"""Makes a short piece of music, to which films may move where no other sound is named: drums, a bass, chords.

It is written from the first note to the last one by this script, with no sound of others, and is in the public domain:

    scripts/make_music.py renderer/common/data/music.ogg

100 beats a minute, eight bars. Its end goes over into its beginning, so it may be repeated.
"""

import argparse
from pathlib import Path

import numpy as np

from renderer.common import ffmpeg

RATE = 48_000
BEAT = RATE * 60 // 100  # samples
BARS = 8
LENGTH = BARS * 4 * BEAT
SEED = 7
BIT_RATE = "84k"
# A minor, F, C, G: the bass, and three or four voices above it, as numbers of keys (69 is a' with 440 Hz).
CHORDS = ((45, (57, 60, 64, 71)), (41, (57, 60, 65, 67)), (48, (55, 60, 64, 71)), (43, (55, 59, 62, 69)))
MELODY = (
    (0, 76),
    (1.5, 79),
    (2.5, 76),
    (4, 72),
    (5.5, 74),
    (6.5, 72),
    (8, 71),
    (9.5, 72),
    (10.5, 67),
    (12, 74),
    (14, 71),
)
QUIET_BARS = (0, 1)  # chords and hats alone
BREAK_BAR = 7  # The drums become a fill, which leads to the beginning.


class Tape:
    """Two channels that end where they begin: what is too long for the end is heard at the beginning."""

    def __init__(self) -> None:
        self.sound = np.zeros((LENGTH, 2))

    def add(self, beat: float, note: np.ndarray, loud: float, pan: float = 0.0) -> None:
        """Play a note at a beat; pan from -1 (left) to 1 (right)."""
        places = (round(beat * BEAT) + np.arange(len(note))) % LENGTH
        sides = np.sqrt(np.array([1 - pan, 1 + pan]) / 2)
        np.add.at(self.sound, places, loud * note[:, None] * sides)


def seconds(length: float) -> np.ndarray:
    """The times of a note's samples."""
    return np.arange(round(length * RATE)) / RATE


def hertz(key: float) -> float:
    """The frequency of a key."""
    return float(440 * 2 ** ((key - 69) / 12))


def faded(note: np.ndarray, begin: float, end: float) -> np.ndarray:
    """The note without clicks at its ends."""
    time = np.arange(len(note)) / RATE
    return note * np.minimum(time / begin, 1) * np.minimum((time[-1] - time) / end, 1)


def kick() -> np.ndarray:
    """A drum whose tone falls from 160 Hz to 48 Hz."""
    time = seconds(0.4)
    phase = 48 * time + 112 * 0.028 * (1 - np.exp(-time / 0.028))
    return faded(np.tanh(1.6 * np.sin(2 * np.pi * phase) * np.exp(-time / 0.13)), 0.001, 0.02)


def clap(noise: np.random.Generator) -> np.ndarray:
    """Hands: noise around 1.5 kHz, of which three bursts follow one another."""
    time = seconds(0.3)
    bursts = sum(
        np.where(time >= late, np.exp(-(time - late) / fall), 0)
        for late, fall in ((0, 0.006), (0.011, 0.006), (0.022, 0.07))
    )
    return faded(band(noise.standard_normal(len(time)), 900, 4500) * bursts, 0.001, 0.02)


def hat(noise: np.random.Generator, fall: float) -> np.ndarray:
    """A cymbal: noise above 7 kHz."""
    time = seconds(6 * fall)
    return faded(band(noise.standard_normal(len(time)), 7000, 16_000) * np.exp(-time / fall), 0.0005, 0.01)


def bass(key: int, beats: float) -> np.ndarray:
    """A round low tone with a few overtones."""
    time = seconds(beats * BEAT / RATE)
    tone = sum(
        np.sin(2 * np.pi * hertz(key - 12) * number * time) * np.exp(-time * number / 0.5) / number**1.3
        for number in range(1, 7)
    )
    return faded(tone, 0.006, 0.03)


def chord(keys: tuple[int, ...], bright: float) -> np.ndarray:
    """Four beats of soft strings: each voice is two that are out of tune a little, and grows slowly."""
    time = seconds(4.6 * BEAT / RATE)
    tone = np.zeros(len(time))
    for key in keys:
        for off in (-0.05, 0.06):
            for number in range(1, 9):
                weight = np.exp(-number / bright) / number**0.5
                tone += weight * np.sin(2 * np.pi * (hertz(key + off) * number * time + 0.13 * key * number + off))
    return faded(tone / len(keys), 0.25, 0.5)


def bell(key: int) -> np.ndarray:
    """A struck tone, the melody."""
    time = seconds(1.1)
    strike = np.sin(
        2 * np.pi * hertz(key) * time + 1.4 * np.exp(-time / 0.12) * np.sin(2 * np.pi * hertz(key) * 3 * time)
    )
    return faded(strike * np.exp(-time / 0.3), 0.002, 0.05)


def band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """What of a sound is between two frequencies, with soft borders."""
    at = np.fft.rfftfreq(len(sound), 1 / RATE) + 1e-9
    return np.fft.irfft(np.fft.rfft(sound) / (1 + (low / at) ** 4) / (1 + (at / high) ** 4), len(sound))


def drums(tape: Tape, noise: np.random.Generator) -> None:
    """The rhythm: hats throughout, the other drums from the third bar on."""
    for bar in range(BARS):
        first, is_quiet = 4 * bar, bar in QUIET_BARS
        for eighth in range(8):
            is_open = eighth == 7 and not is_quiet
            tape.add(
                first + eighth / 2,
                hat(noise, 0.09 if is_open else 0.028),
                (0.10 if eighth % 2 else 0.17) * (0.6 if is_quiet else 1),
                0.3,
            )
        if is_quiet:
            tape.add(first, kick(), 0.24)
            continue
        for beat in range(4):
            tape.add(first + beat, kick(), 0.56)
            if beat % 2:
                tape.add(first + beat, clap(noise), 0.34, -0.1)
    for sixteenth in range(6):
        tape.add(4 * BREAK_BAR + 2.5 + sixteenth / 4, clap(noise), 0.1 + 0.045 * sixteenth, -0.3 + 0.12 * sixteenth)


def harmony(tape: Tape) -> None:
    """Chords throughout; the bass between the kicks, and the melody over the last four bars."""
    for bar in range(BARS):
        root, keys = CHORDS[bar % 4]
        is_quiet = bar in QUIET_BARS
        tape.add(4 * bar, chord(keys, 1.6 if is_quiet else 2.6), 0.21 if is_quiet else 0.2, -0.25)
        tape.add(4 * bar + 0.02, chord(tuple(key + 12 for key in keys[:3]), 1.6), 0.09, 0.35)
        if not is_quiet:
            for beat, key in ((0, root), (0.75, root), (1.5, root), (2.5, root + 12), (3, root), (3.5, root + 7)):
                tape.add(4 * bar + beat, bass(key, 0.45), 0.25)
    for beat, key in MELODY:
        tape.add(16 + beat, bell(key), 0.15, 0.15)
        tape.add(16 + beat + 0.75, bell(key), 0.05, -0.5)


def music() -> np.ndarray:
    """The whole piece, in two channels."""
    tape, noise = Tape(), np.random.default_rng(SEED)
    drums(tape, noise)
    harmony(tape)
    return np.tanh(1.1 * tape.sound) * 0.8


def write_music(path: Path, sound: np.ndarray) -> None:
    """Encode it; the same sound gives the same file."""
    raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:"]
    output = [
        "-c:a",
        "libvorbis",
        "-b:a",
        BIT_RATE,
        "-flags",
        "+bitexact",
        "-fflags",
        "+bitexact",
        f"file:{path.absolute()}",
    ]
    with ffmpeg.fed([*raw, *output], f"encoding {path.name}") as (_, pipe):
        pipe.write(sound.astype("<f4").tobytes())


def main() -> None:
    """Does what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="the file, an .ogg")
    options = parser.parse_args()
    sound = music()
    write_music(options.music, sound)
    print(f"{options.music}: {len(sound) / RATE:g} s, {options.music.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
