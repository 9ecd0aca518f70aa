"""The ascent raises what it is to raise, in every picture of a batch, whatever company it has."""

import numpy as np
import pytest
import torch

from renderer.config.models import (
    AdamOptimizer,
    Dream,
    FourierParameterization,
    LogitObjective,
    NormalizedOptimizer,
    Optimizer,
    Parameterization,
    PixelParameterization,
    Regularizers,
    Transforms,
)
from renderer.dream.ascent import ascend
from renderer.dream.randomness import PictureKey, normal
from renderer.dream.regularizers import total_variation
from tests.networks.tiny import tiny_network

SIZE = (36, 52)
KEYS = [PictureKey(0, 2), PictureKey(0, 5)]


def noise(keys: list[PictureKey]) -> torch.Tensor:
    return torch.from_numpy(np.stack([0.5 + 0.05 * normal(key, (3, *SIZE)) for key in keys]))


def logits(pictures: torch.Tensor) -> torch.Tensor:
    network = tiny_network()
    return network.logits(torch.nn.functional.interpolate(pictures, (32, 32), mode="bilinear", antialias=True))


@pytest.mark.parametrize("parameterization", [FourierParameterization(), PixelParameterization()])
@pytest.mark.parametrize("optimizer", [AdamOptimizer(), NormalizedOptimizer()])
def test_the_objective_rises_in_every_picture(parameterization: Parameterization, optimizer: Optimizer) -> None:
    dream = Dream(parameterization=parameterization, optimizer=optimizer, regularizers=Regularizers(total_variation=0))
    before = noise(KEYS)
    after = ascend(tiny_network(), dream, before, KEYS, [0, 0], 40)
    gain = logits(after) - logits(before)
    for place, key in enumerate(KEYS):
        assert gain[place, key.class_index] > 0.005
    assert after.min() >= 0 and after.max() <= 1


def test_a_picture_does_not_depend_on_its_company() -> None:
    dream = Dream(optimizer=NormalizedOptimizer())
    together = ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 7], 10)
    alone = ascend(tiny_network(), dream, noise(KEYS[1:]), KEYS[1:], [7], 10)
    assert torch.allclose(together[1:], alone, atol=1e-3)


def test_the_same_picture_comes_again() -> None:
    first, second = (ascend(tiny_network(), Dream(), noise(KEYS), KEYS, [0, 0], 10) for _ in range(2))
    assert torch.equal(first, second)


def test_no_steps_change_nothing() -> None:
    assert torch.equal(ascend(tiny_network(), Dream(), noise(KEYS), KEYS, [0, 0], 0), noise(KEYS))


def test_total_variation_makes_smoother_pictures() -> None:
    def smoothness(weight: float) -> float:
        dream = Dream(regularizers=Regularizers(total_variation=weight))
        return float(total_variation(ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 0], 30)).mean())

    assert smoothness(1.0) < 0.6 * smoothness(0.0)


def test_l2_keeps_to_gray() -> None:
    def contrast(weight: float) -> float:
        dream = Dream(regularizers=Regularizers(total_variation=0, l2=weight))
        return float((ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 0], 30) - 0.5).abs().mean())

    assert contrast(30.0) < 0.6 * contrast(0.0)


def test_log_probability_pushes_the_other_classes_down() -> None:
    def others(weight: float) -> float:
        objective = LogitObjective(log_probability=weight)
        after = logits(ascend(tiny_network(), Dream(objective=objective), noise(KEYS), KEYS, [0, 0], 30))
        return float((after.sum(1) - torch.stack([after[0, 2], after[1, 5]])).mean())

    assert others(20.0) < others(0.0)


def test_no_gradient_is_computed_for_weights() -> None:
    network = tiny_network()
    ascend(network, Dream(transforms=Transforms(views=2)), noise(KEYS), KEYS, [0, 0], 2)
    assert all(not weight.requires_grad and weight.grad is None for weight in network._module.parameters())
