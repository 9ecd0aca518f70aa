"""Layers as a whole: DeepDream's objective, and a film through the layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from renderer.common.errors import UserError
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.networks import source as source_module
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.whole_layers import WholeLayers
from tests.film_helpers import Recorder, chapters, request, tiny_settings

LAYERS = ("features.1", "features.5", "features.7")
SETTINGS = (
    f"network.targets={{kind: layers, layers: [{', '.join(LAYERS)}]}}",
    "classes.select=all",
    "dream.fresh_steps=4",
    "film.seconds_per_class=0.5",
)


def test_a_film_goes_through_the_layers_in_their_order(tmp_path: Path) -> None:
    render(request(tmp_path, *SETTINGS), Recorder(), LocalWorker)
    assert [title for title, _ in chapters(tmp_path / "atlas.mp4")] == list(LAYERS)
    assert [path.name for path in sorted((tmp_path / "stills").glob("*.png"))] == [f"{name}.png" for name in LAYERS]


def test_the_gradient_with_respect_to_a_layer_is_its_activation() -> None:
    network = load_network(EmbeddedNetwork(targets=WholeLayers(layers=LAYERS)))
    seen = network.activations(torch.rand(1, 3, network.size, network.size), LAYERS)
    leaves = {name: found.detach().requires_grad_() for name, found in seen.items()}
    network.kind.answers(leaves, torch.tensor([[1]])).sum().backward()
    gradient = leaves[LAYERS[1]].grad
    assert gradient is not None
    assert torch.nn.functional.cosine_similarity(gradient.flatten(), leaves[LAYERS[1]].flatten(), dim=0) > 0.9999
    assert not any(grad.any() for name in (LAYERS[0], LAYERS[2]) if (grad := leaves[name].grad) is not None)


def test_a_still_excites_its_layer_more_than_the_others_stills_do(tmp_path: Path) -> None:
    wanted = request(tmp_path, *SETTINGS, "stills={width: 64, height: 48, steps: 24}")
    outcome = render_stills(wanted, Recorder(), LocalWorker)
    assert all(entry.logit is not None and entry.rank is None for entry in outcome.index.classes)
    assert not outcome.unrecognized


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("[features.1, features.1]", "names features.1 twice"),
        ("[]", "network.targets.layers: must be a list of 1 to 200"),
        ("[features.1, featurs.5]", "no layer 'featurs.5'; did you mean"),
    ],
)
def test_wrong_lists_of_layers_are_answered(layers: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        chosen_targets(tiny_settings(f"network.targets={{kind: layers, layers: {layers}}}"))


def test_only_the_layers_that_are_wanted_are_kept() -> None:
    network = load_network(EmbeddedNetwork(targets=WholeLayers(layers=LAYERS)))
    assert network.kind.watched([2, 0, 2]) == (LAYERS[0], LAYERS[2])
    views = torch.rand(1, 3, network.size, network.size)
    network.activations(views, LAYERS)
    one = network.activations(views, network.kind.watched([1]))
    assert set(one) == {LAYERS[1]}
    everything = network.kind.answers(network.activations(views, LAYERS), torch.tensor([[1]]))
    assert torch.equal(network.kind.answers(one, torch.tensor([[1]])), everything)


def test_the_network_is_loaded_once_to_list_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[int] = []
    load = EmbeddedNetwork.load
    monkeypatch.setattr(EmbeddedNetwork, "load", lambda self: loads.append(1) or load(self))
    source_module._channels_by_layer.cache_clear()
    chosen_targets(tiny_settings(SETTINGS[0], SETTINGS[1]))
    assert len(loads) == 1
