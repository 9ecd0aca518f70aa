"""Curves between their samples, beyond their end, and their beats."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from renderer.sound.curves import Curves, is_curve_name


def counted(first: float, last: float, samples: int = 200, rate: float = 100) -> Curves:
    """Two seconds; what is counted after the last sample is `last`."""
    beats = first + (last - first) * np.arange(samples) / samples
    return Curves(rate, {"beats": beats.astype(np.float32)})


def test_between_samples_and_at_the_seam_values_are_on_the_line() -> None:
    curves = Curves(10, {"curves.light": np.array([0, 1, 0.5, 0.2], np.float32)})
    asked = [0.0, 0.05, 0.1, 0.15, 0.35, 0.4, 0.45, 4.05]
    assert [curves.at("curves.light", time) for time in asked] == pytest.approx([0, 0.5, 1, 0.75, 0.1, 0, 0.5, 0.5])
    assert curves.seconds == 0.4 and curves.names == ("curves.light",)
    with pytest.raises(KeyError):
        curves.at("audio.low", 0)


def test_beats_go_on_counting_when_the_sound_is_heard_again() -> None:
    curves = counted(-0.5, 3.5)
    assert curves.beats_a_pass == 4 and curves.names == ("beats", "beat")
    assert [curves.at("beats", time) for time in (0, 1, 2, 3.25, 20)] == pytest.approx([-0.5, 1.5, 3.5, 6, 39.5])
    assert curves.beat_times(4.1) == pytest.approx([0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75])
    assert curves.beat_times(0.25) == [] == curves.beat_times(0)


def test_a_beat_is_one_and_falls_evenly() -> None:
    curves = counted(0, 4)
    assert [curves.at("beat", time) for time in (0, 0.125, 0.25, 0.5, 2.0, 2.375)] == pytest.approx(
        [1, 0.75, 0.5, 1, 1, 0.25], abs=1e-3
    )
    assert 0 <= curves.at("beat", 0.499) < 0.01


@pytest.mark.parametrize("last", [3.6, 3.8, 4.0, 4.2, 4.4])
@pytest.mark.parametrize("first", [-0.7, -0.3, 0.0])
def test_where_a_sound_does_not_loop_well_no_beat_comes_twice_and_none_is_taken_back(first: float, last: float) -> None:
    curves = counted(first, first + last)
    beats = [curves.at("beats", time) for time in np.arange(0, 12, 0.003)]
    assert (np.diff(beats) >= 0).all()
    assert curves.beats_a_pass == 4
    times = curves.beat_times(12)
    assert len(times) == 24 and min(np.diff(times)) > 0.2
    for time in times:
        assert curves.at("beats", time - 0.01) < round(curves.at("beats", time)) <= curves.at("beats", time) + 1e-3


def test_what_has_no_beats_has_none() -> None:
    flat = Curves(100, {"beats": np.zeros(50, np.float32)})
    assert flat.beat_times(10) == [] and flat.at("beats", 7) == 0 == flat.at("beat", 7)
    without = Curves(100, {"audio.low": np.zeros(50, np.float32)})
    assert without.beat_times(10) == [] and without.beats_a_pass == 0


def test_a_digest_tells_curves_apart_by_what_can_be_seen() -> None:
    values = np.linspace(0, 1, 50, dtype=np.float32)
    own = Curves(100, {"audio.low": values})
    assert own.digest == Curves(100, {"audio.low": values.copy()}).digest
    others = [{"audio.mid": values}, {"audio.low": values + np.float32(1e-6)}, {"audio.low": values[:-1]}]
    assert len({own.digest, Curves(50, own.values).digest, *(Curves(100, other).digest for other in others)}) == 5
    assert pickle.loads(pickle.dumps(own)).digest == own.digest  # noqa: S301  own data


@pytest.mark.parametrize(
    ("name", "is_good"),
    [("audio.low", True), ("curves.l_1", True), ("curves.b.c", True), ("beats", True), ("beat", False), ("low", False)]
    + [
        (name, False)
        for name in ("", "1.a", "curves.", ".a", "curves.b c", "my.light", "curves.é", "curves.b\n", "audio.loud")
    ],
)
def test_names_are_those_that_are_heard_or_ones_own(name: str, is_good: bool) -> None:
    assert is_curve_name(name) is is_good
