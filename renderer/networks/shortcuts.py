"""Where the gradient goes in residual networks: through the shortcuts, or through the branches beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn
from torchvision.models import mnasnet, mobilenetv2, mobilenetv3, regnet, resnet, vision_transformer
from torchvision.ops import StochasticDepth

# The modules of each kind of block whose output is added to the shortcut. Blocks with stochastic depth end their
# branches with it: those of ConvNeXt, EfficientNet, MaxViT and Swin.
_BRANCHES: Mapping[type[nn.Module], tuple[str, ...]] = {
    mnasnet._InvertedResidual: ("layers",),
    mobilenetv2.InvertedResidual: ("conv",),
    mobilenetv3.InvertedResidual: ("block",),
    regnet.ResBottleneckBlock: ("f",),
    resnet.BasicBlock: ("bn2",),
    resnet.Bottleneck: ("bn3",),
    vision_transformer.EncoderBlock: ("dropout", "mlp"),
}


def residual_branches(module: nn.Module) -> Iterator[nn.Module]:
    """The modules in a network whose output is added to a shortcut; none where it has no blocks of torchvision's."""
    for block in module.modules():
        if isinstance(block, StochasticDepth):
            yield block
        elif getattr(block, "use_res_connect", True) and getattr(block, "apply_residual", True):
            for name in _BRANCHES.get(type(block), ()):
                yield block.get_submodule(name)
