"""One small network of each of torchvision's families is loaded from a file, and can be dreamed with."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from renderer.networks.loaded import load_network
from renderer.networks.sources.torchvision import TorchvisionNetwork
from tests.networks.tiny import logits

SIZES = {
    "convnext_tiny": 224, "densenet121": 224, "efficientnet_b1": 240, "googlenet": 224, "inception_v3": 299,
    "maxvit_t": 224, "mnasnet0_5": 224, "mobilenet_v2": 224, "mobilenet_v3_small": 224, "regnet_y_400mf": 224,
    "resnet18": 224, "shufflenet_v2_x0_5": 224, "squeezenet1_0": 224, "swin_t": 224, "swin_v2_t": 256, "vit_b_32": 224,
}  # fmt: skip
"""Side of the input in pixels; MaxViT and ViT take no other, and Inception none below 75."""


def write_random_weights(name: str, path: Path) -> None:
    """As torchvision draws them, but with a last layer that does not give 0 for everything."""
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = models.get_model(name, weights=None, **options)
        for parameter in module.parameters():
            if parameter.ndim > 1 and not parameter.any():
                nn.init.normal_(parameter, std=0.02)
    save_file({key: tensor.contiguous() for key, tensor in module.state_dict().items()}, path)


@pytest.mark.parametrize("name", SIZES)
def test_a_picture_as_large_as_the_input_has_a_gradient_everywhere(name: str, tmp_path: Path) -> None:
    write_random_weights(name, tmp_path / "random.safetensors")
    network = load_network(TorchvisionNetwork(name=name, weights=str(tmp_path / "random.safetensors")))
    assert network.size == SIZES[name]
    views = torch.rand(1, 3, network.size, network.size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(logits(network, views)[0, 281], views)
    assert gradient.isfinite().all()
    # No corner of the input is without influence.
    assert (gradient.abs().sum(dim=1).unfold(1, 32, 32).unfold(2, 32, 32).sum(dim=(-1, -2)) > 0).all()
