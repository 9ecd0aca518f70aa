"""Networks of timm: what they expect of pictures, their classes, weights from a file, and a film."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.jobs.local_worker import LocalWorker
from renderer.networks.loaded import load_network
from renderer.networks.sources.timm import TimmNetwork
from renderer.networks.timm_models import known_classes
from renderer.targets.class_lists import load_imagenet_classes
from tests.film_helpers import Recorder, request

timm: Any = pytest.importorskip("timm")

NAME = "resnet10t"  # of the smallest, with blocks that drop their branches in training
SHORT = ("film.seconds_per_class=0.125", "dream.fresh_steps=1", "dream.steps_per_frame=1", "classes.select=[3, 5]")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "ten.pth"
    state = timm.create_model(NAME, num_classes=10).state_dict()
    # Fresh networks begin with branches that give nothing.
    torch.save({key: value + 0.5 if "bn" in key else value for key, value in state.items()}, path)
    return path


def test_a_file_of_its_weights_answers_as_in_timm(weights: Path) -> None:
    network = load_network(TimmNetwork(name=NAME, weights=str(weights), classes=Path("numbered")))
    original = timm.create_model(NAME, num_classes=10, checkpoint_path=str(weights)).eval()
    data = timm.data.resolve_model_data_config(original)
    assert network.size == data["input_size"][-1]
    views = torch.rand(2, 3, network.size, network.size)
    mean, std = (torch.tensor(data[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        wanted = original((views - mean) / std)
        assert torch.allclose(network.activations(views)["(outputs)"], wanted, atol=1e-4)


def test_less_gradient_goes_through_the_branches_if_so_wished(weights: Path) -> None:
    network = load_network(TimmNetwork(name=NAME, weights=str(weights), classes=Path("numbered")))
    gradients = []
    for share in (1.0, 0.5):
        views = torch.full((1, 3, network.size, network.size), 0.3, requires_grad=True)
        network.activations(views, residual_gradient=share)["(outputs)"][:, 0].sum().backward()
        gradients.append(views.grad)
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert gradients[1].norm() < 0.9 * gradients[0].norm()


def test_it_renders_a_film(weights: Path, tmp_path: Path) -> None:
    said = {"source": "timm", "name": NAME, "weights": str(weights), "classes": "numbered"}
    rendered = render(request(tmp_path, f"network={json.dumps(said)}", *SHORT), Recorder(), LocalWorker)
    assert [entry.title for entry in rendered.index.classes] == ["class 3", "class 5"]


def test_it_knows_the_classes_of_its_weights() -> None:
    assert known_classes("resnet50.a1_in1k") == load_imagenet_classes()
    large = known_classes("vit_base_patch16_224.augreg_in21k")
    assert len(large) == 21843
    assert len({target.title for target in large}) == 21843
    assert all(target.wnid for target in large)


def test_what_cannot_be_had_is_answered_with_what_to_do(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"timm has no model 'resnet10x'; did you mean"):
        load_network(TimmNetwork(name="resnet10x"))
    with pytest.raises(UserError, match=r"does not fit network.name resnet14t"):
        load_network(TimmNetwork(name="resnet14t", weights=str(weights), classes=Path("numbered")))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"(?s)could not be downloaded.*Fetch https://.*model\.safetensors"):
        load_network(TimmNetwork(name="resnet10t.c3_in1k"))
