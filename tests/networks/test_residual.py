"""The share of the gradient that goes back through residual branches; the rest of a network stays as it is."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import mnasnet, mobilenetv2, mobilenetv3, regnet, resnet, vision_transformer
from torchvision.models.convnext import CNBlock
from torchvision.models.efficientnet import FusedMBConv, FusedMBConvConfig, MBConv, MBConvConfig

from renderer.networks.gradient_scale import GradientScale, Share
from renderer.networks.network import Preprocessing
from renderer.networks.shortcuts import residual_branches
from tests.networks.tiny import network_of

BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v2": lambda: mobilenetv2.InvertedResidual(4, 4, 1, 2),
    "mobilenet_v3": lambda: mobilenetv3.InvertedResidual(
        mobilenetv3.InvertedResidualConfig(8, 3, 16, 8, True, "HS", 1, 1, 1), nn.BatchNorm2d
    ),
    "mnasnet": lambda: mnasnet._InvertedResidual(4, 4, 3, 1, 2),
    "resnet18": lambda: resnet.BasicBlock(4, 4),
    "resnet50": lambda: resnet.Bottleneck(16, 4),
    "regnet": lambda: regnet.ResBottleneckBlock(8, 8, 1, nn.BatchNorm2d, nn.ReLU, 4),
    "efficientnet": lambda: MBConv(MBConvConfig(2, 3, 1, 4, 4, 1), 0.1, nn.BatchNorm2d),
    "efficientnet_v2": lambda: FusedMBConv(FusedMBConvConfig(2, 3, 1, 4, 4, 1), 0.1, nn.BatchNorm2d),
    "convnext": lambda: CNBlock(4, 1.0, 0.1),
}


def with_share(module: nn.Module, inputs: Tensor, share: Share) -> tuple[Tensor, Tensor]:
    """Outputs, and the gradient of a sum of them, with the given share."""
    inputs = inputs.detach().requires_grad_()
    module = deepcopy(module)
    GradientScale(residual_branches(module)).share = share
    outputs = module(inputs * 1)
    (gradient,) = torch.autograd.grad((outputs * weights(outputs)).sum(), inputs)
    return outputs.detach(), gradient


def weights(like: Tensor) -> Tensor:
    """Another factor for each element."""
    return torch.linspace(1, 2, like.numel()).view_as(like)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_share_of_the_branch_is_added_to_all_of_the_shortcut(name: str) -> None:
    block = BLOCKS[name]().eval().requires_grad_(False)
    width = next(layer for layer in block.modules() if isinstance(layer, nn.Conv2d)).in_channels
    inputs = torch.rand(2, width, 6, 6) + 0.1  # Above 0, so that the shortcut alone is not rectified away.
    outputs, whole = with_share(block, inputs, 1.0)
    (same_outputs, half), (_, shortcut) = with_share(block, inputs, 0.5), with_share(block, inputs, 0.0)
    assert torch.equal(same_outputs, outputs)
    assert not torch.allclose(whole, shortcut)
    torch.testing.assert_close(half, (whole + shortcut) / 2)
    if "resnet" not in name and "regnet" not in name:  # Those rectify the sum.
        torch.testing.assert_close(shortcut, weights(inputs))


def test_both_branches_of_a_transformer_are_scaled() -> None:
    norm = partial(nn.LayerNorm, eps=1e-6)
    block = vision_transformer.EncoderBlock(2, 8, 16, 0.0, 0.0, norm).eval().requires_grad_(False)
    inputs = torch.rand(2, 5, 8)
    assert torch.equal(with_share(block, inputs, 0.5)[0], with_share(block, inputs, 1.0)[0])
    torch.testing.assert_close(with_share(block, inputs, 0.0)[1], weights(inputs))


@pytest.mark.parametrize(
    ("name", "branches"),
    [
        ("mobilenet_v2", 10), ("mobilenet_v3_small", 6), ("mnasnet0_5", 10), ("resnet18", 8), ("resnet50", 16),
        ("regnet_y_400mf", 16), ("efficientnet_b0", 16), ("convnext_tiny", 18), ("swin_t", 12), ("vit_b_32", 24),
        ("squeezenet1_1", 0), ("densenet121", 0),
    ],
)  # fmt: skip
def test_every_branch_of_a_network_is_found(name: str, branches: int) -> None:
    assert len(list(residual_branches(models.get_model(name)))) == branches


def test_a_block_that_changes_the_size_has_no_branch() -> None:
    strided = mobilenetv2.InvertedResidual(4, 4, 2, 2).eval()
    inputs = torch.rand(1, 4, 6, 6)
    assert with_share(strided, inputs, 0.0)[1].any()
    torch.testing.assert_close(with_share(strided, inputs, 0.0), with_share(strided, inputs, 1.0))


def test_each_view_has_a_share_of_its_own() -> None:
    block = BLOCKS["mobilenet_v2"]().eval().requires_grad_(False)
    inputs = torch.rand(2, 4, 6, 6)
    both = with_share(block, inputs, torch.tensor([0.5, 1.0]))[1]
    torch.testing.assert_close(both[0], with_share(block, inputs, 0.5)[1][0])
    torch.testing.assert_close(both[1], with_share(block, inputs, 1.0)[1][1])


def test_it_is_installed_once_however_often_the_network_is_asked() -> None:
    network = network_of(
        nn.Sequential(mobilenetv2.InvertedResidual(3, 3, 1, 2), nn.Flatten()),
        [],
        Preprocessing(6, (0.0,) * 3, (1.0,) * 3),
    )
    hooks = [len(layer._forward_hooks) for layer in network._module.modules()]
    for share in (0.5, 1.0, 0.0):
        network.activations(torch.rand(1, 3, 6, 6, requires_grad=True), residual_gradient=share)
    assert [len(layer._forward_hooks) for layer in network._module.modules()] == hooks
    assert sum(hooks) == 1
