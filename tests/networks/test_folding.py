"""Normalization folded into convolutions: the same answers and gradients, from fewer modules."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

from renderer.networks.folding import fold_normalization
from renderer.networks.loaded import load_network
from renderer.networks.shortcuts import residual_branches
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.targets.layer_channels import LayerChannels


def trained(name: str) -> nn.Module:
    """A network with random weights, whose normalization is not that of a network that has seen nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        network = models.get_model(name, weights=None, **more)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.2)
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def answer(network: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    seen = pictures.clone().requires_grad_()
    outputs = network(seen)
    (gradient,) = torch.autograd.grad(outputs[:, 3].sum(), seen)
    return outputs.detach(), gradient


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0", "resnet18", "resnet50", "googlenet", "vgg11_bn"])
def test_answers_and_gradients_stay(name: str) -> None:
    network = trained(name)
    folded = copy.deepcopy(network)
    fold_normalization(folded)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for before, after in zip(answer(network, pictures), answer(folded, pictures), strict=True):
        assert torch.allclose(before, after, rtol=1e-3, atol=1e-4 * float(before.abs().max()))
    assert len(list(residual_branches(folded))) == len(list(residual_branches(network)))


def test_a_convolution_before_something_else_stays() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4))
    fold_normalization(network)
    assert [type(module) for module in network] == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d]


def test_hidden_layers_answer_as_they_do(tmp_path: Path) -> None:
    network = trained("mobilenet_v2")
    path = tmp_path / "own.safetensors"
    save_file(network.state_dict(), path)
    source = TorchvisionNetwork(name="mobilenet_v2", weights=str(path))
    hidden = source.model_copy(update={"targets": LayerChannels(kind="channels", layer="features.2.conv.0.0")})
    assert load_network(source).output_weights().shape == (1000, 1280)
    pictures = torch.rand(1, 3, 224, 224)
    kept, folded = (
        load_network(one).activations(pictures, ["features.2.conv.0.0", "features.2.conv.0.1"])
        for one in (hidden, source)
    )
    assert torch.allclose(kept["features.2.conv.0.1"], folded["features.2.conv.0.1"], atol=1e-3)
    assert not torch.allclose(kept["features.2.conv.0.0"], folded["features.2.conv.0.0"], atol=1e-3)
