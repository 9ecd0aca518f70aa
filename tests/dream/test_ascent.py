"""The ascent raises what it is to raise, in every picture of a batch, whatever company it has."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenetv2

from renderer.dream import ascent
from renderer.dream.dreaming import (
    AdamOptimizer,
    Dream,
    FourierParameterization,
    Level,
    NormalizedOptimizer,
    OptimizerKind,
    ParameterizationKind,
    PixelParameterization,
    Regularizers,
    Transforms,
)
from renderer.dream.objectives import LogitObjective
from renderer.dream.randomness import PictureKey
from renderer.dream.regularizers import total_variation
from renderer.networks.network import Network
from tests.dream import climbing
from tests.dream.climbing import ascend, ascend_fresh
from tests.networks.tiny import CLASSES, tiny_network
from tests.networks.tiny import logits as logits_of

SIZE = (36, 52)
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005")]


def noise(keys: list[PictureKey]) -> torch.Tensor:
    return climbing.noise(keys, SIZE)


def logits(pictures: torch.Tensor) -> torch.Tensor:
    views = torch.nn.functional.interpolate(pictures, (32, 32), mode="bilinear", antialias=True)
    return logits_of(tiny_network(), views)


@pytest.mark.parametrize("parameterization", [FourierParameterization(), PixelParameterization()])
@pytest.mark.parametrize("optimizer", [AdamOptimizer(), NormalizedOptimizer()])
def test_the_objective_rises_in_every_picture(parameterization: ParameterizationKind, optimizer: OptimizerKind) -> None:
    regularizers, objective = Regularizers(total_variation=0), LogitObjective(log_probability=1.0)
    dream = Dream(
        parameterization=parameterization, optimizer=optimizer, regularizers=regularizers, objective=objective
    )
    before = noise(KEYS)
    after = ascend(tiny_network(), dream, before, KEYS, [0, 0], 40).pictures
    gain = logits(after) - logits(before)
    for place, key in enumerate(KEYS):
        assert gain[place, key.number] > 0.005
    assert after.min() >= 0 and after.max() <= 1


def test_a_picture_does_not_depend_on_its_company() -> None:
    dream = Dream(optimizer=NormalizedOptimizer())
    together = ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 7], 10).pictures
    alone = ascend(tiny_network(), dream, noise(KEYS[1:]), KEYS[1:], [7], 10).pictures
    assert torch.allclose(together[1:], alone, atol=1e-3)


def test_the_same_picture_comes_again() -> None:
    first, second = (ascend(tiny_network(), Dream(), noise(KEYS), KEYS, [0, 0], 10).pictures for _ in range(2))
    assert torch.equal(first, second)


def test_no_steps_change_nothing() -> None:
    assert torch.equal(ascend(tiny_network(), Dream(), noise(KEYS), KEYS, [0, 0], 0).pictures, noise(KEYS))


def test_total_variation_makes_smoother_pictures() -> None:
    def smoothness(weight: float) -> float:
        whole = FourierParameterization(frames="whole")
        dream = Dream(parameterization=whole, regularizers=Regularizers(total_variation=weight))
        return float(total_variation(ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 0], 30).pictures).mean())

    assert smoothness(1.0) < 0.6 * smoothness(0.0)


def test_l2_keeps_to_gray() -> None:
    def contrast(weight: float) -> float:
        dream = Dream(regularizers=Regularizers(total_variation=0, l2=weight))
        return float((ascend(tiny_network(), dream, noise(KEYS), KEYS, [0, 0], 30).pictures - 0.5).abs().mean())

    assert contrast(30.0) < 0.6 * contrast(0.0)


def test_log_probability_pushes_the_other_classes_down() -> None:
    def others(weight: float) -> float:
        objective = LogitObjective(log_probability=weight)
        after = logits(ascend(tiny_network(), Dream(objective=objective), noise(KEYS), KEYS, [0, 0], 30).pictures)
        return float((after.sum(1) - torch.stack([after[0, 2], after[1, 5]])).mean())

    assert others(20.0) < others(0.0)


def test_the_ascent_follows_the_shortcuts_as_far_as_it_is_told() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            mobilenetv2.InvertedResidual(3, 3, 1, 2), nn.Conv2d(3, CLASSES, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
    residual, plain = tiny_network(module=module), tiny_network()

    def pictures(network: Network, share: float) -> torch.Tensor:
        return ascend(network, Dream(residual_gradient=share), noise(KEYS), KEYS, [0, 0], 3).pictures

    assert not torch.allclose(pictures(residual, 0.5), pictures(residual, 1.0), atol=1e-3)
    assert torch.equal(pictures(plain, 0.5), pictures(plain, 1.0))


def test_no_gradient_is_computed_for_weights() -> None:
    network = tiny_network()
    ascend(network, Dream(transforms=Transforms(views=2)), noise(KEYS), KEYS, [0, 0], 2)
    assert all(not weight.requires_grad and weight.grad is None for weight in network._module.parameters())


def test_a_falling_blur_keeps_the_picture_smooth() -> None:
    def roughness(blur: tuple[float, float]) -> float:
        dream = Dream(parameterization=PixelParameterization(blur=blur), optimizer=NormalizedOptimizer())
        pictures = ascend_fresh(tiny_network(), dream, noise(KEYS), KEYS, 20).pictures
        return float(total_variation(pictures).mean())

    assert roughness((2.0, 1.0)) < 0.5 * roughness((2.0, 0.0)) < roughness((0.0, 0.0))


def test_octaves_share_the_steps_and_end_at_full_size() -> None:
    dream = Dream(octaves=3, octave_scale=1.5, parameterization=PixelParameterization())
    reached = ascend_fresh(tiny_network(), dream, noise(KEYS), KEYS, 31)
    assert reached.pictures.shape[-2:] == SIZE
    assert [health.steps for health in reached.health] == [31, 31]


def test_the_first_octave_makes_larger_shapes() -> None:
    def fine_detail(octaves: int) -> float:
        dream = Dream(octaves=octaves, octave_scale=4.0, regularizers=Regularizers(total_variation=0))
        # One step for each octave: what there is comes from the first one, enlarged.
        pictures = ascend_fresh(tiny_network(), dream, noise(KEYS), KEYS, octaves).pictures
        return float(total_variation(pictures).mean())

    assert fine_detail(2) < 0.7 * fine_detail(1)


def test_a_long_ascent_that_is_leveled_does_not_burn() -> None:
    def unevenness(seconds_per_step: float, steps: int = 100) -> float:
        dream = Dream(optimizer=AdamOptimizer(learning_rate=0.2))
        reached = ascend_fresh(tiny_network(), dream, noise(KEYS), KEYS, steps, seconds_per_step=seconds_per_step)
        assert [health.steps for health in reached.health] == [steps, steps]
        return float(functional.adaptive_avg_pool2d(reached.pictures - 0.5, 4).abs().mean())

    assert unevenness(0.05) < 0.7 * unevenness(0.0)
    assert unevenness(0.05, steps=20) == unevenness(0.0, steps=20)


def test_where_nothing_is_leveled_the_parts_of_an_ascent_make_the_whole() -> None:
    def pictures(seconds_per_step: float) -> torch.Tensor:
        parameterization = PixelParameterization(blur=(2.0, 0.0))
        dream = Dream(
            parameterization=parameterization, optimizer=NormalizedOptimizer(), level=Level(strength=0), octaves=2
        )
        return ascend_fresh(tiny_network(), dream, noise(KEYS), KEYS, 90, seconds_per_step=seconds_per_step).pictures

    torch.testing.assert_close(pictures(1.0), pictures(0.0), atol=1e-4, rtol=0)


def test_large_pictures_are_done_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Dream(parameterization=FourierParameterization(frames="whole"))
    together = ascend(tiny_network(), whole, noise(KEYS), KEYS, [0, 7], 4)
    sizes = []
    original = ascent.take_views

    def counted(pictures: torch.Tensor, *rest: object) -> torch.Tensor:
        sizes.append(len(pictures))
        return original(pictures, *rest)

    monkeypatch.setattr(ascent, "take_views", counted)
    monkeypatch.setattr(ascent, "_PIXELS_AT_ONCE", SIZE[0] * SIZE[1])
    apart = ascend(tiny_network(), whole, noise(KEYS), KEYS, [0, 7], 4)
    assert sizes == [1] * 8
    assert torch.allclose(together.pictures, apart.pictures, atol=1e-3)
    assert apart.health == together.health


def test_total_variation_is_differentiated_rightly() -> None:
    pictures = torch.rand(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(total_variation, (pictures,))
