"""Variants of a target differ from those before them, by what the network sees in them."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from renderer.common.errors import UserError
from renderer.dream import ascent, diversity
from renderer.dream.climb import Ascent, Climb
from renderer.dream.diversity import Apart
from renderer.dream.dreaming import Dream
from renderer.dream.randomness import PictureKey
from renderer.networks.loaded import load_network
from renderer.networks.network import Network, Preprocessing
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.target import OUTPUTS, Aim, Neuron
from tests.dream import climbing
from tests.networks.tiny import network_of, tiny_network

SIZE = (40, 52)
KEYS = [PictureKey(3, "0002"), PictureKey(3, "0005")]


def ascended(network: Network, others: list[tuple[np.ndarray, ...]], weight: float, steps: int = 12) -> Ascent:
    """An ascent of a picture for each key, kept apart from others."""
    climbs = [
        Climb(
            Aim(key.target, Neuron(OUTPUTS, key.number)),
            key.seed,
            lambda _step: Dream(),
            apart=Apart(own, weight) if own else None,
        )
        for key, own in zip(KEYS, others, strict=True)
    ]
    return ascent.ascend_fresh(network, climbing.noise(KEYS, SIZE), climbs, steps)


def dreamed(network: Network, others: list[tuple[np.ndarray, ...]], weight: float) -> torch.Tensor:
    return ascended(network, others, weight).pictures


def as_bytes(pictures: torch.Tensor) -> list[np.ndarray]:
    return list((pictures * 255).round().byte().permute(0, 2, 3, 1).numpy())


def likeness(network: Network, picture: np.ndarray, other: np.ndarray) -> float:
    """As the network sees it: 1 for pictures that are alike in all."""
    layer = network.texture_layer
    seen = network.activations(network.whole_pictures(picture[None]), [layer])[layer]
    return float(diversity.likeness(Apart((other,), 1.0), network, seen))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(EmbeddedNetwork())


def test_a_picture_is_like_itself(network: Network) -> None:
    (picture, other) = as_bytes(dreamed(network, [(), ()], 0))
    assert likeness(network, picture, picture) == pytest.approx(1, abs=1e-4)
    assert likeness(network, picture, other) < 0.99


def test_a_variant_is_less_like_the_one_before_than_without_the_term(network: Network) -> None:
    first = as_bytes(dreamed(network, [(), ()], 0))
    kept_apart = as_bytes(dreamed(network, [(first[0],), (first[1],)], 200.0))
    for before, apart in zip(first, kept_apart, strict=True):
        # Without the term it would be the very same picture, for the seed is the same.
        assert likeness(network, apart, before) < 0.9


def test_each_picture_is_kept_apart_from_its_own_alone() -> None:
    network = tiny_network()
    first = as_bytes(dreamed(network, [(), ()], 0))
    alone = dreamed(network, [(first[0],), ()], 50.0)
    both = dreamed(network, [(first[0],), (first[1],)], 50.0)
    free = dreamed(network, [(), ()], 0)
    assert torch.allclose(alone[0], both[0], atol=1e-5)
    assert torch.allclose(alone[1], free[1], atol=1e-5)
    assert not torch.allclose(both[1], free[1], atol=1e-2)


def test_all_earlier_ones_count() -> None:
    network = tiny_network()
    (first, second) = as_bytes(dreamed(network, [(), ()], 0))
    one, two = (dreamed(network, [others, ()], 50.0)[0] for others in ((first,), (first, second)))
    assert not torch.allclose(one, two, atol=1e-2)


class _Dead(nn.Module):
    """Sees textures, but what it answers has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.on = nn.Conv2d(3, 8, 5, padding=2), nn.ReLU()
        self.join = nn.Linear(8, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.join(self.on(self.see(x).mean(dim=(2, 3)) - 100))


def test_a_dead_gradient_does_not_hide_behind_the_other_pictures() -> None:
    network = tiny_network(module=_Dead())
    first = ascended(network, [(), ()], 0)
    second = ascended(network, [(own,) for own in as_bytes(first.pictures)], 10.0)
    assert [health.redirected for health in first.health] == [12, 12]
    assert second.health == first.health


class _Shared(nn.Module):
    """One rectifier for all, also after the last layer that has places."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.on = nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 9, 3), nn.ReLU()
        self.join, self.last = nn.Linear(9, 16), nn.Linear(16, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.on(self.two(self.on(self.one(x))))
        return self.last(self.on(self.join(seen.mean(dim=(2, 3)))))


class _ChannelsLast(nn.Module):
    """As transformers that have a row of channels for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.norm, self.last = nn.Conv2d(3, 12, 4, stride=4), nn.LayerNorm(12), nn.Linear(12, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(self.see(x).permute(0, 2, 3, 1)).mean(dim=(1, 2)))


class _Frozen(nn.Module):
    """Something else beside what the answer follows from: always the same, without a gradient, all in one row."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.last = nn.Conv2d(3, 12, 4, stride=4), nn.Linear(12, 7)
        self.place, self.aside, self.row = nn.Identity(), nn.Conv2d(3, 12, 4, stride=4), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.see(x)
        self.place(torch.ones(1, 8, 8, 8, requires_grad=True))
        with torch.no_grad():
            self.aside(x)
        self.row(seen.flatten(2).movedim(2, 1).reshape(1, -1, 12))
        return self.last(seen.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("module", "layer", "shape"),
    [
        (_Frozen(), "see", (1, 12, 8, 8)),
        # 32 pixels a side: pooled by two and then convolved, 14 places a side; all at once after that.
        (None, "4", (1, 16, 14, 14)),
        (_Shared(), "two", (1, 9, 13, 13)),
        (_ChannelsLast(), "norm", (1, 12, 8, 8)),
    ],
)
def test_the_layer_is_the_last_that_tells_places_apart(
    module: nn.Module | None, layer: str, shape: tuple[int, ...]
) -> None:
    network = tiny_network(module=module)
    assert network.texture_layer == layer
    assert network.activations(torch.rand(1, 3, 32, 32), [layer])[layer].shape == shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [("resnet50", (512, 14, 14)), ("squeezenet1_1", (256, 27, 27)), ("vit_b_32", (768, 50)), ("swin_t", (384, 14, 14))],
)
def test_the_layer_of_known_networks(name: str, shape: tuple[int, ...]) -> None:
    module = models.get_model(name, weights=None)
    network = network_of(module, [], Preprocessing(224, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)))
    layer = network.texture_layer
    assert network.activations(torch.rand(1, 3, 224, 224), [layer])[layer].shape[1:] == shape


def test_a_network_that_tells_no_places_apart_is_refused_by_name() -> None:
    flat = tiny_network(module=nn.Sequential(nn.Flatten(), nn.Linear(32 * 32 * 3, 7)))
    with pytest.raises(UserError, match=r"set stills\.diversity=0"):
        _ = flat.texture_layer
