"""Variants of a target differ from those before them, by what the network sees in them."""

import numpy as np
import pytest
import torch

from renderer.common.errors import UserError
from renderer.dream import ascent
from renderer.dream.climb import Climb
from renderer.dream.diversity import Apart, Diversity
from renderer.dream.dreaming import Dream
from renderer.dream.randomness import PictureKey
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.target import OUTPUTS, Aim, Neuron
from tests.dream import climbing
from tests.networks.tiny import tiny_network

SIZE = (40, 52)
KEYS = [PictureKey(3, "0002"), PictureKey(3, "0005")]


def dreamed(network: Network, others: list[tuple[np.ndarray, ...]], weight: float, steps: int = 12) -> torch.Tensor:
    """A picture for each key, kept apart from others."""
    climbs = [
        Climb(
            Aim(key.target, Neuron(OUTPUTS, key.number)),
            key.seed,
            lambda _step: Dream(),
            apart=Apart(own, weight) if own else None,
        )
        for key, own in zip(KEYS, others, strict=True)
    ]
    return ascent.ascend_fresh(network, climbing.noise(KEYS, SIZE), climbs, steps).pictures


def as_bytes(pictures: torch.Tensor) -> list[np.ndarray]:
    return list((pictures * 255).round().byte().permute(0, 2, 3, 1).numpy())


def likeness(network: Network, picture: np.ndarray, other: np.ndarray) -> float:
    """As the network sees it: 1 for pictures that are alike in all."""
    layer = network.texture_layer
    views = network.whole_pictures(picture[None])
    apart = Diversity([Apart((other,), 1.0)])
    return float(apart.penalty(network, [0], network.activations(views, [layer])))


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


def test_the_layer_is_the_last_that_tells_places_apart() -> None:
    # 32 pixels a side: pooled by two and then convolved, 14 places a side; all at once after that.
    assert tiny_network().texture_layer == "4"


def test_a_network_that_tells_no_places_apart_is_refused_by_name() -> None:
    flat = tiny_network(module=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32 * 3, 7)))
    with pytest.raises(UserError, match=r"stills\.diversity"):
        _ = flat.texture_layer
