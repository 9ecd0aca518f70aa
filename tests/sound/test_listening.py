"""What is heard in a sound: beats where they are, loudness by band, onsets; and files of all kinds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.common.source_film import FILM
from renderer.sound import decoding
from renderer.sound.curves import HEARD, Curves
from renderer.sound.listening import MUSIC, count_beats, listen
from tests.sound.making import RATE, clicks, tone, write_wav


def heard(path: Path, sound: np.ndarray) -> Curves:
    return listen(write_wav(path / "sound.wav", sound))


def mean(curves: Curves, name: str, begin: float, end: float) -> float:
    return float(np.mean([curves.at(name, time) for time in np.arange(begin, end, 0.01)]))


@pytest.mark.parametrize("tempo", [60, 75, 97, 120, 140, 174])
def test_beats_are_where_the_clicks_are(tmp_path: Path, tempo: float) -> None:
    sound, times = clicks(tempo, 20)
    found = heard(tmp_path, sound).beat_times(float(times[-1]) + 0.05)
    assert len(found) == len(times)
    assert np.abs(np.array(found) - times).max() < 0.01


def test_a_tempo_that_changes_is_followed(tmp_path: Path) -> None:
    times = np.cumsum(60 / np.linspace(100, 112, 80)) - 0.3
    sound = np.zeros(round((times[-1] + 0.5) * RATE))
    click = clicks(60, 0.2, first=0.0)[0]
    for begin in np.round(times * RATE).astype(int):
        sound[begin : begin + len(click)] += click
    found = np.array(heard(tmp_path, sound).beat_times(float(times[-1]) + 0.05))
    assert len(found) == len(times) and np.abs(found - times).max() < 0.01


def test_a_beginning_without_rhythm_has_no_beats(tmp_path: Path) -> None:
    sound, times = clicks(110, 25, first=9.0)
    curves = heard(tmp_path, sound)
    assert curves.beat_times(20.0)[0] == pytest.approx(times[0], abs=0.02)
    assert curves.at("beats", 3.0) < 0 and curves.at("beat", 3.0) < 0.05


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(3 * RATE),
        tone(440, 8),
        np.random.default_rng(0).normal(0, 0.1, 8 * RATE),
        clicks(120, 1)[0],
        clicks(3, 12, first=5)[0],
        np.zeros(RATE // 50),
    ],
    ids=["silence", "tone", "noise", "one second", "a single bang", "a moment"],
)
def test_what_has_no_beats_has_none(tmp_path: Path, sound: np.ndarray) -> None:
    curves = heard(tmp_path, sound)
    assert curves.beat_times(100) == [] and curves.beats_a_pass == 0
    assert not curves.values["beats"].any() and curves.at("beat", 0.5) == 0
    assert curves.names == (*HEARD, "beat")


def test_silence_is_nothing_and_curves_stay_in_their_range(tmp_path: Path) -> None:
    silent = heard(tmp_path, np.zeros(2 * RATE))
    assert not any(values.any() for values in silent.values.values())
    for name in HEARD[:-1]:
        values = listen(MUSIC).values[name]
        assert values.min() >= 0 and 0.9 < values.max() <= 1 and np.isfinite(values).all()


def test_the_noise_of_a_quiet_room_is_quiet(tmp_path: Path) -> None:
    curves = heard(tmp_path, np.random.default_rng(0).integers(-1, 2, 3 * RATE) / 32_000)
    assert mean(curves, "audio.level", 0.5, 2.5) < 0.2


def test_each_tone_is_in_its_band(tmp_path: Path) -> None:
    sound = np.concatenate([tone(80, 2), tone(700, 2), tone(5000, 2), np.zeros(2 * RATE)])
    curves = heard(tmp_path, sound)
    for number, name in enumerate(("audio.low", "audio.mid", "audio.high")):
        loud = [mean(curves, name, 2 * part + 1, 2 * part + 1.9) for part in range(4)]
        assert loud[number] > 0.9
        assert max(loud[:number] + loud[number + 1 :]) < 0.05
    assert mean(curves, "audio.level", 3, 3.9) > 0.8 and mean(curves, "audio.level", 7, 7.9) < 0.05


def test_loudness_rises_at_once_and_falls_slowly(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(RATE), tone(500, 1), np.zeros(RATE)])
    level = heard(tmp_path, sound).values["audio.level"]
    assert level[:96].max() < 0.05 and level[106] > 0.8
    assert level[200] > 0.8 and 0.2 < level[220] < 0.6 and level[280] < 0.05
    assert np.abs(np.diff(level)).max() < 0.6


def test_an_onset_is_sharp_and_fades(tmp_path: Path) -> None:
    sound, times = clicks(60, 8)
    curves = heard(tmp_path, sound)
    for time in times[1:-1]:
        assert curves.at("audio.onset", time - 0.03) < 0.05
        assert curves.at("audio.onset", time + 0.015) > 0.6
        assert curves.at("audio.onset", time + 0.2) < 0.25


def test_a_sound_in_two_channels_at_an_odd_rate_is_heard_as_the_same(tmp_path: Path) -> None:
    sound, times = clicks(97, 12)
    both = np.stack([sound, 0.5 * sound])
    curves = listen(write_wav(tmp_path / "odd.wav", both, rate=RATE))
    slower = listen(write_wav(tmp_path / "slower.wav", sound, rate=19_111))
    assert curves.beats_a_pass == slower.beats_a_pass
    found = np.array(slower.beat_times(float(times[-1]) * RATE / 19_111 + 0.05))
    assert np.abs(found - times * RATE / 19_111).max() < 0.01


def test_curves_are_exactly_as_long_as_the_sound(tmp_path: Path) -> None:
    curves = heard(tmp_path, tone(300, 3.3337))
    assert curves.seconds == pytest.approx(3.3337, abs=2e-4)
    assert len({len(values) for values in curves.values.values()}) == 1


def test_a_film_is_listened_to() -> None:
    assert listen(FILM).seconds == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("contents", [b"", b"no sound\n" * 200, b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_sound_is_refused(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(contents)
    with pytest.raises(UserError, match=r"no sound can be read from .*broken\.wav"):
        listen(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*song\.ogg"):
        listen(tmp_path / "song.ogg")


def test_a_sound_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_SECONDS", 2)
    with pytest.raises(UserError, match="more than 2 s of sound"):
        heard(tmp_path, tone(300, 4))


def test_without_librosa_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(UserError, match=r'pip install "neuron-atlas\[music\]"'):
        listen(MUSIC)


def test_the_number_of_threads_changes_nothing() -> None:
    code = "from renderer.sound.listening import *; print(*(v.tobytes().hex() for v in listen(MUSIC).values.values()))"
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | one, check=True, capture_output=True, text=True
    )
    assert said.stdout.split() == [values.tobytes().hex() for values in listen(MUSIC).values.values()]


def test_the_music_that_comes_along_has_a_hundred_beats_a_minute_and_loops() -> None:
    curves = listen(MUSIC)
    assert MUSIC.stat().st_size < 250_000
    assert curves.seconds == pytest.approx(19.2, abs=1e-3) and curves.beats_a_pass == 32
    assert np.abs(np.array(curves.beat_times(60)) - 0.6 * np.arange(100)).max() < 0.02
    assert mean(curves, "audio.level", 0.5, 4.5) < 0.6 * mean(curves, "audio.level", 5, 19)


def test_counting_goes_on_at_the_ends_but_not_up_to_another_beat() -> None:
    at = np.arange(0, 4, 0.01)
    counted = count_beats(np.array([0.3, 0.8, 1.3, 1.8]), at)
    assert counted[0] == pytest.approx(-0.6) and counted[30] == pytest.approx(0)
    assert counted[105] == pytest.approx(1.5) and 3.9 < counted[-1] < 4
    assert (np.diff(counted) >= 0).all()
