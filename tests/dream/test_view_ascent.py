"""The frames of a film are changed view by view: what a step does not see stays as it is."""

import pytest
import torch
from torch import Tensor

from renderer.dream.dreaming import (
    AdamOptimizer,
    Dream,
    FourierParameterization,
    NormalizedOptimizer,
    OptimizerKind,
    Regularizers,
    Transforms,
)
from renderer.dream.optimizers import normalized_step, softened_step
from renderer.dream.parameterizations import Fourier, build_parameterization
from renderer.dream.randomness import PictureKey
from renderer.dream.regularizers import total_variation
from tests.dream import climbing
from tests.dream.climbing import ascend, ascend_fresh
from tests.networks.tiny import tiny_network

SIZE = (60, 84)
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005")]
CLOSE = Transforms(crop=(0.5, 0.5), scale=(1.0, 1.0), rotate=0.0, jitter=0.0, detail=0.0)
WHOLE = FourierParameterization(frames="whole")


def noise() -> Tensor:
    return climbing.noise(KEYS, SIZE)


def test_a_step_changes_only_what_it_sees() -> None:
    dream, before = Dream(transforms=CLOSE), noise()
    after = ascend(tiny_network(), dream, before, KEYS, [0, 3], 1).pictures
    for picture, same in zip(after, before, strict=True):
        rows, columns = (picture != same).any(dim=0).nonzero().unbind(1)
        assert 25 <= rows.max() - rows.min() <= 32
        assert 25 <= columns.max() - columns.min() <= 32


def test_frames_are_changed_as_a_whole_where_that_is_wished() -> None:
    dream = Dream(transforms=CLOSE, parameterization=WHOLE)
    after = ascend(tiny_network(), dream, noise(), KEYS, [0, 3], 1).pictures
    assert ((after - noise()).abs().amax(dim=(1,)) > 1e-4).float().mean() > 0.9


def test_fresh_pictures_are_changed_as_a_whole_in_any_case() -> None:
    views, whole = (
        ascend_fresh(tiny_network(), Dream(parameterization=kind), noise(), KEYS, 3).pictures
        for kind in (FourierParameterization(), WHOLE)
    )
    assert torch.equal(views, whole)


def test_several_views_share_a_step() -> None:
    def change(views: int) -> float:
        still = CLOSE.model_copy(update={"views": views, "crop": (1.0, 1.0), "flip": 0.0, "color": 0.0})
        square = noise()[..., : SIZE[0]]  # There is but one whole view of it.
        dream = Dream(transforms=still, optimizer=AdamOptimizer(learning_rate=0.01))
        return float((ascend(tiny_network(), dream, square, KEYS, [0, 3], 1).pictures - square).abs().mean())

    assert change(3) == pytest.approx(change(1), rel=0.02)


def test_penalties_hold_in_views() -> None:
    def roughness(weight: float) -> float:
        dream = Dream(regularizers=Regularizers(total_variation=weight))
        return float(total_variation(ascend(tiny_network(), dream, noise(), KEYS, [0, 0], 30).pictures).mean())

    assert roughness(1.0) < 0.9 * roughness(0.0)


@pytest.mark.parametrize("optimizer", [AdamOptimizer(learning_rate=0.3), NormalizedOptimizer(step=0.3)])
def test_the_rate_is_the_size_of_a_step(optimizer: OptimizerKind) -> None:
    gradient = torch.randn(2, 3, 8, 5) * torch.tensor([1e-9, 1e6]).view(2, 1, 1, 1)
    change = optimizer.single_step(gradient, [0.3, 0.6])
    assert change.abs().mean(dim=(1, 2, 3)).tolist() == pytest.approx([0.3, 0.6], rel=0.35)
    assert torch.equal(change.sign(), gradient.sign())


@pytest.mark.parametrize("step", [softened_step, normalized_step])
def test_no_gradient_is_no_step(step: object) -> None:
    assert callable(step)
    assert torch.equal(step(torch.zeros(2, 3, 4, 4), [0.1, 0.1]), torch.zeros(2, 3, 4, 4))


def test_pictures_are_pushed_as_if_they_were_held() -> None:
    held = build_parameterization(FourierParameterization(), SIZE, torch.device("cpu"))
    assert isinstance(held, Fourier)
    pictures = noise()
    change = torch.randn_like(held.encode(pictures)) * 0.1
    inside = pictures.clamp(0.004, 0.996)
    expected = held.decode(held.encode(pictures) + change) - inside
    torch.testing.assert_close(held.pushed(pictures, change), expected, atol=1e-5, rtol=0)


def test_what_is_not_changed_stays_exactly_as_it_is() -> None:
    held = build_parameterization(FourierParameterization(), SIZE, torch.device("cpu"))
    assert isinstance(held, Fourier)
    pictures = torch.stack([torch.zeros(3, *SIZE), torch.ones(3, *SIZE)])
    assert torch.equal(held.pushed(pictures, torch.zeros_like(held.encode(pictures))), torch.zeros_like(pictures))


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_a_change_never_leaves_the_range(far: float) -> None:
    held = build_parameterization(FourierParameterization(), SIZE, torch.device("cpu"))
    assert isinstance(held, Fourier)
    pictures = noise()
    changed = pictures + held.pushed(pictures, torch.randn_like(held.encode(pictures)) * far)
    assert changed.isfinite().all() and changed.min() > -0.01 and changed.max() < 1.01


def test_gradients_are_pulled_as_autograd_does() -> None:
    held = build_parameterization(FourierParameterization(), SIZE, torch.device("cpu"))
    assert isinstance(held, Fourier)
    pictures, gradient = noise(), torch.randn(2, 3, *SIZE)
    coordinates = held.encode(pictures).requires_grad_()
    (expected,) = torch.autograd.grad(held.decode(coordinates), coordinates, gradient)
    pulled = held.pulled(pictures, gradient)
    # A coefficient between the first and the last column stands for a pair.
    torch.testing.assert_close(pulled[..., 1:-1, :] * 2, expected[..., 1:-1, :], atol=1e-3, rtol=1e-3)
