"""Dead and broken gradients: found and cured in the picture that has them, and in no other."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from renderer.dream import gradients as cures
from renderer.dream.climb import Ascent
from renderer.dream.dreaming import (
    AdamOptimizer,
    Dream,
    FourierParameterization,
    NormalizedOptimizer,
    OptimizerKind,
    Regularizers,
    Transforms,
)
from renderer.dream.health import Health
from renderer.dream.objectives import LogitObjective
from renderer.dream.randomness import PictureKey, normal
from renderer.networks.network import Network, Preprocessing
from renderer.targets.target import class_target
from tests.dream.climbing import ascend
from tests.networks.tiny import CLASSES, logits, network_of, tiny_network

SIZE = (36, 52)
CALM = Transforms(color=0.0)  # Random brightness would wake a numb network.
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005"), PictureKey(3, "0005")]
OPTIMIZERS = [AdamOptimizer(), NormalizedOptimizer()]


class Numb(nn.Module):
    """Units that noise around gray does not excite, behind which nothing has a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.edges, self.answer = nn.Conv2d(3, 16, 5), nn.Linear(16, CLASSES)
        nn.init.constant_(self.edges.bias, -0.7)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.answer(self.edges(x).relu_().mean(dim=(2, 3)))
        return answer


class Rooted(nn.Module):
    """A root whose gradient is infinite for pictures darker than gray; at lower precision for all of them."""

    def __init__(self, fineness: float = 1.0) -> None:
        super().__init__()
        self.body, self.fineness = tiny_network()._module, fineness

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(1, 2, 3))[:, None]
        light = (mean + mean.abs()) * self.fineness
        answer: Tensor = self.body(x) + ((1 + light) - 1).sqrt()
        return answer


def network(module: Callable[[], nn.Module], dtype: torch.dtype = torch.float32) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = module()
    classes = [class_target(index, f"class {index}") for index in range(CLASSES)]
    gray = Preprocessing(32, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    return network_of(built, classes, gray, dtype)


def noise(*levels: float) -> Tensor:
    """Noise around the given levels, one a picture."""
    pictures = [level + 0.05 * normal(key, (3, *SIZE)) for level, key in zip(levels, KEYS, strict=False)]
    return torch.from_numpy(np.stack(pictures)).clamp(0, 1)


def climb(given: Network, pictures: Tensor, steps: int = 12, dream: Dream | None = None, first: int = 0) -> Ascent:
    keys = KEYS[first : first + len(pictures)]
    return ascend(given, dream or Dream(transforms=CALM), pictures, keys, [0] * len(keys), steps)


def change(ascent: Ascent, before: Tensor) -> list[float]:
    assert ascent.pictures.isfinite().all()
    return [float(difference.abs().mean()) for difference in ascent.pictures - before]


def answers(given: Network, pictures: Tensor) -> Tensor:
    return logits(given, torch.nn.functional.interpolate(pictures, (32, 32), mode="bilinear", antialias=True))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_network_that_noise_does_not_excite_dreams_all_the_same(optimizer: OptimizerKind) -> None:
    given, before = network(Numb), noise(0.5, 0.5)
    assert answers(given, before)[0].equal(answers(given, before)[1])
    dream = Dream(
        optimizer=optimizer,
        objective=LogitObjective(log_probability=1.0),
        regularizers=Regularizers(total_variation=0),
        transforms=Transforms(scale=(0.9, 1.1), rotate=5.0, flip=0.0, detail=0.0, color=0.0),
    )
    ascent = climb(given, before, 40, dream)
    gain = answers(given, ascent.pictures) - answers(given, before)
    for place, health in enumerate(ascent.health):
        assert 0 < health.redirected < health.steps == 40
        assert health.lost == health.recomputed == 0
        assert gain[place, KEYS[place].number] > 0.001


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_without_the_cure_it_stays_noise(optimizer: OptimizerKind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cures, "redirected", lambda slope: nullcontext())
    before = noise(0.5, 0.5)
    ascent = climb(network(Numb), before, dream=Dream(transforms=CALM, optimizer=optimizer))
    assert max(change(ascent, before)) < 1e-5
    assert ascent.health == (Health(steps=12, lost=12),) * 2
    assert ascent.health[0].is_dead


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_gradient_that_is_not_finite_is_not_followed(optimizer: OptimizerKind) -> None:
    before = noise(0.3, 0.7, 0.3)
    ascent = climb(network(Rooted), before, dream=Dream(transforms=CALM, optimizer=optimizer))
    dark, bright, other = change(ascent, before)
    assert dark < 1e-5 and other < 1e-5 and bright > 0.01
    assert ascent.health == (Health(12, lost=12), Health(12), Health(12, lost=12))
    assert [health.is_dead for health in ascent.health] == [True, False, True]


def test_what_bfloat16_cannot_is_done_in_float32() -> None:
    def module() -> nn.Module:
        return Rooted(0.001)

    before = noise(0.3, 0.7)
    exact, coarse = (climb(network(module, dtype), before) for dtype in (torch.float32, torch.bfloat16))
    assert exact.health == (Health(12, lost=12), Health(12))
    assert coarse.health == (Health(12, lost=12), Health(12, recomputed=12))
    assert min(change(coarse, before)[1:]) > 0.01
    assert float((coarse.pictures - exact.pictures).abs().mean()) < 0.01


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("module", [Numb, Rooted])
def test_a_cure_does_not_depend_on_the_company(module: Callable[[], nn.Module], views: int) -> None:
    given, before = network(module), noise(0.95, 0.49, 0.49)
    dream = Dream(optimizer=NormalizedOptimizer(), transforms=Transforms(views=views, color=0.0))
    together = climb(given, before, dream=dream)
    assert [bool(health.complaints) for health in together.health] == [False, True, True]
    for place in range(3):
        alone = climb(given, before[place : place + 1], dream=dream, first=place)
        assert alone.health[0] == together.health[place]
        assert torch.allclose(alone.pictures[0], together.pictures[place], atol=1e-3)


def test_the_gradients_of_several_views_are_averaged() -> None:
    def dream(views: int) -> Dream:
        same = Transforms(
            views=views, crop=(1.0, 1.0), scale=(1.0, 1.0), rotate=0.0, jitter=0.0, flip=0.0, detail=0.0, color=0.0
        )
        whole = FourierParameterization(frames="whole")
        return Dream(optimizer=NormalizedOptimizer(), parameterization=whole, transforms=same)

    square = noise(0.5, 0.5)[..., : SIZE[0]]  # There is but one whole view of it.
    one, three = (climb(tiny_network(), square, dream=dream(views)) for views in (1, 3))
    assert torch.allclose(one.pictures, three.pictures, atol=1e-3)


def test_a_sound_gradient_takes_one_pass() -> None:
    given, passes = tiny_network(), []
    given._module.register_forward_hook(lambda *_: passes.append(1))
    ascent = climb(given, noise(0.5, 0.5))
    assert len(passes) == 12
    assert ascent.health == (Health(12), Health(12))
    assert not any(health.complaints for health in ascent.health)


def test_complaints_name_what_was_wrong() -> None:
    health = Health(10, redirected=2, recomputed=3, lost=5)
    dead, wild, lost = health.complaints
    assert dead == "no gradient in 2 of 10 steps (dead activations); redirected past them"
    assert "not finite in 3 of 10 steps" in wild and "float32" in wild
    assert "5 of 10 steps" in lost and "dead" not in lost
    assert "the dream is dead" in (health + Health(2, lost=2)).complaints[2]


@pytest.mark.parametrize("frames", ["views", "whole"])
def test_a_device_that_is_asked_at_the_end_alone_has_the_same_pictures(
    frames: Literal["views", "whole"], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Elsewhere(cures.UsableGradient):
        """As on a graphics card: not careful at first."""

        def __init__(self, network: Network, units: Tensor, *, careful: bool = True) -> None:
            super().__init__(network, units, careful=careful and bool(asked))
            asked.append(self)

    def climbed(given: Network) -> Ascent:
        dream = Dream(transforms=CALM, parameterization=FourierParameterization(frames=frames))
        return climb(given, noise(0.5, 0.5), 4, dream)

    for given, times in ((tiny_network(), 1), (network(Numb), 2)):
        expected = climbed(given)
        asked.clear()
        with monkeypatch.context() as patched:
            patched.setattr(cures, "UsableGradient", Elsewhere)
            patched.setattr(cures, "_is_asked_at_once", lambda _device: False)
            found = climbed(given)
        assert len(asked) == times
        assert torch.equal(found.pictures, expected.pictures)
        assert found.health == expected.health
