"""The level control holds a picture that runs away, at any frame rate, and leaves detail alone."""

import pytest
import torch

from renderer.dream.dreaming import Level
from renderer.dream.level import keep_level


def drifted() -> torch.Tensor:
    """A picture with a burnt half and some detail."""
    picture = 0.1 * torch.rand(1, 3, 48, 80, generator=torch.Generator().manual_seed(0))
    picture[..., 40:] += 0.85
    return picture.clamp(0, 1)


def test_strength_zero_changes_nothing() -> None:
    assert torch.allclose(keep_level([Level(strength=0)], drifted(), 1.0), drifted(), atol=1e-6)


def test_a_runaway_loop_stays_level() -> None:
    picture = 0.5 + 0.1 * (drifted() - 0.5)
    for _ in range(300):
        picture = (0.5 + 1.06 * (picture + 0.01 - 0.5)).clamp(0, 1)  # Ever brighter, ever harder.
        picture = keep_level([Level(strength=0.9)], picture, 1 / 10)
    assert 0.4 < float(picture.mean()) < 0.65
    assert 0.1 < float(picture.std()) < 0.3


def test_burnt_regions_come_back_and_detail_stays() -> None:
    level = Level(strength=0.9, contrast=0.3)
    picture = drifted()
    for _ in range(10):
        picture = keep_level([level], picture, 0.2)
    assert abs(float(picture[..., 50:].mean() - picture[..., :30].mean())) < 0.3
    assert float(picture[..., :30].std()) > 0.8 * float(drifted()[..., :30].std())


def test_the_frame_rate_does_not_matter() -> None:
    level = Level(strength=0.5)
    slow, fast = drifted(), drifted()
    for _ in range(6):
        slow = keep_level([level], slow, 1 / 6)
    for _ in range(30):
        fast = keep_level([level], fast, 1 / 30)
    assert float((slow - fast).abs().mean()) < 0.01
    assert float(slow.std()) == pytest.approx(float(fast.std()), rel=0.05)
