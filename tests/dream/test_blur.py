"""A blur takes detail away, keeps brightness, and can be none."""

import pytest
import torch

from renderer.dream.blur import blur


def test_a_blur_keeps_the_mean_and_takes_detail_away() -> None:
    picture = torch.rand(2, 3, 30, 44, generator=torch.Generator().manual_seed(0))
    blurred = blur(picture, 1.0)
    assert blurred.shape == picture.shape
    assert torch.allclose(blurred.mean(dim=(2, 3)), picture.mean(dim=(2, 3)), atol=0.01)
    assert float(blurred.std()) < 0.5 * float(picture.std())


def test_a_point_becomes_a_gaussian() -> None:
    point = torch.zeros(1, 3, 31, 41)
    point[..., 15, 20] = 1.0
    profile = blur(point, 2.0)[0, 0].sum(0)
    spread = ((torch.arange(41) - 20.0).square() * profile).sum().sqrt()
    assert float(spread) == pytest.approx(2.0, rel=0.03)


def test_no_deviation_changes_nothing_and_a_small_picture_is_no_error() -> None:
    picture = torch.rand(1, 3, 4, 3)
    assert torch.equal(blur(picture, 0.0), picture)
    assert blur(picture, 5.0).shape == picture.shape
