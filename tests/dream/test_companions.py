"""Networks that dream together, all in each step or in turn, each with its own number of a class."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from renderer.dream import ascent
from renderer.dream.diversity import Apart
from renderer.dream.dreaming import Dream, FourierParameterization, Regularizers, Transforms
from renderer.dream.objectives import LogitObjective
from renderer.dream.randomness import PictureKey
from renderer.networks.network import Companion, Network, Preprocessing
from renderer.targets.target import class_target
from tests.dream import climbing
from tests.dream.climbing import ascend, ascend_fresh
from tests.networks.tiny import CLASSES, logits, network_of, tiny_network

SIZE = (40, 52)
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005")]
SAME = {unit: unit for unit in range(CLASSES)}
SMALL = Preprocessing(32, (0.5,) * 3, (0.2,) * 3)
FREE = Regularizers(total_variation=0.0)
LOGIT = Dream(together="all", objective=LogitObjective(log_probability=0.0), regularizers=FREE)
TURNS, ALL = Dream(together="turns"), Dream(together="all")
STEADY = Transforms(crop=(1.0, 1.0), scale=(1.0, 1.0), rotate=0.0, jitter=0.0, flip=0.0, detail=0.0, color=0.0)


def other_network(size: int = 32) -> Network:
    """As `tiny_network`, with other weights and features."""
    with torch.random.fork_rng():
        torch.manual_seed(9)
        return tiny_network(
            size,
            module=nn.Sequential(
                nn.Conv2d(3, 12, 3, padding=1), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, CLASSES)
            ),
        )


def together(*companions: Network, units: dict[int, int] | None = None) -> Network:
    network = tiny_network()
    network.companions = tuple(Companion(one, SAME if units is None else units) for one in companions)
    return network


def noise() -> Tensor:
    return climbing.noise(KEYS, SIZE)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Network, int]]:
    """Which network has been asked about how many views, call by call."""
    calls: list[tuple[Network, int]] = []
    original = Network.activations

    def seen(network: Network, views: Tensor, layers: Sequence[str], **rest: Any) -> Any:
        calls.append((network, len(views)))
        return original(network, views, layers, **rest)

    monkeypatch.setattr(Network, "activations", seen)
    return calls


def test_networks_take_turns_from_step_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    network, calls = together(other_network(), other_network()), asked(monkeypatch)
    ascend_fresh(network, TURNS, noise(), KEYS, 4)
    first, second, third = network.members
    assert calls == [(first, 2), (second, 2), (third, 2), (first, 2)]


def test_turns_follow_the_steps_of_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    network, calls = together(other_network()), asked(monkeypatch)
    own, companion = network.members
    dreamed = ascend(network, TURNS, noise(), KEYS, [10, 3], 2)
    assert calls == [(own, 1), (companion, 1), (companion, 1), (own, 1)]
    for place, (key, first) in enumerate(zip(KEYS, [10, 3], strict=True)):
        alone = ascend(network, TURNS, noise()[place : place + 1], [key], [first], 2)
        assert torch.allclose(alone.pictures[0], dreamed.pictures[place], atol=1e-5)


@pytest.mark.parametrize("share", ["all", "turns"])
@pytest.mark.parametrize("frames", ["views", "whole"])
def test_a_companion_is_convinced_too(frames: str, share: str) -> None:
    dream = Dream(together=share, transforms=STEADY, parameterization=FourierParameterization(frames=frames))
    network, companion = together(other_network()), other_network()

    def lead(dreamer: Network) -> float:
        """How far the companion puts the dreamed classes before the others."""
        pictures = ascend(dreamer, dream, noise(), KEYS, [0, 0], 30).pictures
        views = nn.functional.interpolate(pictures, (32, 32), mode="bilinear", antialias=True)
        said = logits(companion, views).log_softmax(1)
        return float(said[0, 2] + said[1, 5])

    assert lead(network) > lead(tiny_network()) + 0.05


def test_a_companion_has_its_own_numbers_of_the_classes() -> None:
    turned = {unit: (unit + 3) % CLASSES for unit in range(CLASSES)}

    def dreamed(companion: Network, units: dict[int, int]) -> Tensor:
        return ascend_fresh(together(companion, units=units), Dream(), noise(), KEYS, 2).pictures

    one, other = (dreamed(other_network(), units) for units in (SAME, turned))
    assert not torch.equal(one, other)
    companion = other_network()
    with torch.no_grad():
        last = companion._module[-1]
        places = torch.tensor([turned[unit] for unit in range(CLASSES)]).argsort()
        last.weight.copy_(last.weight[places])
        last.bias.copy_(last.bias[places])
    assert torch.allclose(dreamed(companion, turned), one, atol=1e-5)


def test_a_class_that_a_companion_lacks_is_dreamed_without_it() -> None:
    alone = ascend_fresh(tiny_network(), Dream(), noise(), KEYS, 3).pictures
    lacking = ascend_fresh(together(other_network(), units={2: 2}), Dream(), noise(), KEYS, 3).pictures
    assert torch.allclose(lacking[1], alone[1], atol=1e-5)
    assert not torch.allclose(lacking[0], alone[0], atol=1e-3)


def test_a_companion_sees_pictures_of_its_own_size() -> None:
    sizes: list[tuple[int, ...]] = []
    companion = other_network(size=48)
    companion._module.register_forward_pre_hook(lambda _module, given: sizes.append(tuple(given[0].shape[-2:])))
    ascend_fresh(together(companion), ALL, noise(), KEYS, 4)
    assert sizes == [(48, 48)] * 4


def test_several_views_of_a_step_go_through_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    network, calls = together(other_network()), asked(monkeypatch)
    ascend(network, Dream(together="turns", transforms=Transforms(views=3)), noise(), KEYS, [0, 1], 1)
    assert calls == [(network, 3), (network.members[1], 3)]


class Dead(nn.Module):
    """Answers whatever it is shown, so that there is no gradient to follow."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1, keepdim=True).expand(-1, CLASSES) * 0


def test_what_a_dead_companion_costs_is_told() -> None:
    dead = network_of(Dead(), [class_target(index, f"class {index}") for index in range(CLASSES)], SMALL)
    dreamed = ascend_fresh(together(dead), TURNS, noise(), KEYS, 4)
    assert all(health.lost == 2 and health.steps == 4 for health in dreamed.health)
    assert (dreamed.pictures - noise()).abs().max() > 0.01


def test_where_all_are_asked_a_dead_companion_is_left_out() -> None:
    dead = network_of(Dead(), [class_target(index, f"class {index}") for index in range(CLASSES)], SMALL)
    dreamed = ascend_fresh(together(dead), ALL, noise(), KEYS, 4)
    assert all(health.lost == 0 and not health.complaints for health in dreamed.health)
    # Half of the mean is missing, which Adam's equal steps make up for.
    plain = Dream(together="all", regularizers=FREE)
    with_dead, alone = (ascend_fresh(one, plain, noise(), KEYS, 4).pictures for one in (together(dead), tiny_network()))
    assert torch.allclose(with_dead, alone, atol=1e-3)


def test_all_are_asked_in_each_step_about_the_same_views(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Tensor] = []
    original = Network.activations

    def seen(network: Network, views: Tensor, layers: Sequence[str], **rest: Any) -> Any:
        shown.append(views.detach().clone())
        return original(network, views, layers, **rest)

    monkeypatch.setattr(Network, "activations", seen)
    ascend_fresh(together(other_network(), other_network()), ALL, noise(), KEYS, 2)
    assert len(shown) == 6
    assert torch.equal(shown[0], shown[1]) and torch.equal(shown[1], shown[2])
    assert not torch.equal(shown[2], shown[3])


@pytest.mark.parametrize("share", ["all", "turns"])
def test_no_gradient_weighs_more_than_another(share: Literal["all", "turns"]) -> None:
    """In fresh pictures too, for which Adam keeps averages over the turns."""
    loud, dream = other_network(), LOGIT.model_copy(update={"together": share})
    with torch.no_grad():
        loud._module[-1].weight.mul_(1000)
    networks = [together(one) for one in (other_network(), loud)]
    pictures = [ascend(one, dream, noise(), KEYS, [0, 0], 3).pictures for one in networks]
    assert torch.allclose(pictures[0], pictures[1], atol=1e-4)
    pictures = [ascend_fresh(one, dream, noise(), KEYS, 8).pictures for one in networks]
    assert torch.allclose(pictures[0], pictures[1], atol=1e-3)


def test_a_network_that_is_left_out_weighs_nothing() -> None:
    """Nor does the pull toward gray weigh more for it."""
    dream = ALL.model_copy(update={"regularizers": Regularizers(l2=40.0)})
    dead = other_network()
    with torch.no_grad():
        dead._module[-1].weight.zero_()
    alone, beside = (ascend_fresh(one, dream, noise(), KEYS, 4).pictures for one in (tiny_network(), together(dead)))
    assert torch.allclose(alone, beside, atol=1e-5)


def test_a_picture_does_not_depend_on_the_others_of_its_batch() -> None:
    network = together(other_network(), units={2: 2})  # the second picture's class is unknown to the companion
    both = ascend(network, ALL, noise(), KEYS, [10, 3], 2).pictures
    for place, (key, first) in enumerate(zip(KEYS, [10, 3], strict=True)):
        alone = ascend(network, ALL, noise()[place : place + 1], [key], [first], 2)
        assert torch.allclose(alone.pictures[0], both[place], atol=1e-5)


def test_copies_for_other_threads_have_companions_that_share_their_weights() -> None:
    network = together(other_network())
    twin = network.twin()
    for own, copied in zip(network.members, twin.members, strict=True):
        assert own is not copied and own._module is not copied._module
        pairs = zip(own._module.parameters(), copied._module.parameters(), strict=True)
        assert all(one is other for one, other in pairs)


def test_a_companion_keeps_variants_apart_by_what_it_sees() -> None:
    before = climbing.ascend_fresh(tiny_network(), TURNS, noise(), KEYS, 4).pictures
    others = [(row * 255).round().byte().permute(1, 2, 0).numpy() for row in before]

    def asked_first(first: int, weight: float) -> Tensor:
        """One step, in which that network is asked whose turn it is."""
        plain = climbing.climbs(TURNS, KEYS, [first, first])
        climbs = [replace(one, apart=Apart((other,), weight)) for one, other in zip(plain, others, strict=True)]
        return ascent.ascend(together(other_network()), noise(), climbs, 1).pictures

    for turn in (0, 1):
        assert not torch.allclose(asked_first(turn, 1e-6), asked_first(turn, 300.0), atol=1e-3)
