"""Optimizers take each picture by itself: with its own rate, and not at all where its step is left out."""

import pytest
import torch

from renderer.dream.dreaming import AdamOptimizer, NormalizedOptimizer, OptimizerKind

ALL = torch.tensor([True, True, True])
KINDS = [AdamOptimizer(learning_rate=0.1), NormalizedOptimizer(step=0.1)]


def gradients(count: int, rows: int = 3) -> torch.Tensor:
    return torch.randn(count, rows, 4, 5, generator=torch.Generator().manual_seed(0))


def climb(kind: OptimizerKind, steps: torch.Tensor, rates: list[float], followed: list[torch.Tensor]) -> torch.Tensor:
    coordinates = torch.zeros_like(steps[0])
    optimizer = kind.build(coordinates)
    for gradient, which in zip(steps, followed, strict=True):
        optimizer.step(coordinates, gradient, rates, which)
    return coordinates


def test_adam_is_torchs_own() -> None:
    steps = gradients(12)
    expected = torch.zeros_like(steps[0]).requires_grad_()
    usual = torch.optim.Adam([expected], lr=0.1, maximize=True)
    for gradient in steps:
        expected.grad = gradient.clone()
        usual.step()
    assert torch.equal(climb(KINDS[0], steps, [0.1] * 3, [ALL] * 12), expected.detach())


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_whose_step_is_left_out_stays_where_it_is(kind: OptimizerKind) -> None:
    """Also after good steps, when the averages of Adam would carry it on."""
    steps, out = gradients(10), torch.tensor([True, False, True])
    steps[6:, 1] = 0
    after_six = climb(kind, steps[:6], [0.1] * 3, [ALL] * 6)
    after_ten = climb(kind, steps, [0.1] * 3, [ALL] * 6 + [out] * 4)
    assert torch.equal(after_ten[1], after_six[1])
    assert not torch.equal(after_ten[0], after_six[0])


def test_what_is_left_out_changes_nothing_of_the_steps_that_follow() -> None:
    steps, out = gradients(10), torch.tensor([True, False, True])
    with_gap = climb(KINDS[0], steps, [0.1] * 3, [ALL] * 3 + [out] * 2 + [ALL] * 5)
    without = climb(KINDS[0], steps[[0, 1, 2, 5, 6, 7, 8, 9]][:, 1:2], [0.1], [torch.tensor([True])] * 8)
    torch.testing.assert_close(with_gap[1:2], without)


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_has_a_rate_of_its_own(kind: OptimizerKind) -> None:
    steps = gradients(5)
    together = climb(kind, steps, [0.1, 0.2, 0.05], [ALL] * 5)
    for place, rate in enumerate((0.1, 0.2, 0.05)):
        alone = climb(kind, steps[:, place : place + 1], [rate], [torch.tensor([True])] * 5)
        torch.testing.assert_close(together[place : place + 1], alone)
