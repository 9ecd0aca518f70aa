"""Where the gradient goes in residual networks: through the shortcuts, or through the branches beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
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


@contextmanager
def scaled_residual_gradient(branches: Iterable[nn.Module], share: float) -> Iterator[None]:
    """Within this context, a share of the gradient goes back through residual branches; the outputs stay as they are.

    The gradient through the shortcuts keeps its size, so that what a picture gains by is less particular to the
    network, and others recognize the dream more often (Wu et al. 2020, "Skip Connections Matter", arXiv 2002.05990,
    found it for adversarial examples). It holds for what is computed within the context, wherever `backward` is called.

    Args:
        branches: The network's, from `residual_branches`.
        share: From 0, shortcuts alone, to 1, which changes nothing.
    """
    if share == 1:
        yield
        return

    def scale(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if output.requires_grad:
            # Holds too where the shortcut is then added in place.
            output.register_hook(lambda gradient: gradient * share)  # type: ignore[no-untyped-call]

    with ExitStack() as hooks:
        for branch in branches:
            hooks.enter_context(branch.register_forward_hook(scale))
        yield


def residual_branches(module: nn.Module) -> Iterator[nn.Module]:
    """The modules in a network whose output is added to a shortcut; none where it has no blocks of torchvision's."""
    for block in module.modules():
        if isinstance(block, StochasticDepth):
            yield block
        elif getattr(block, "use_res_connect", True) and getattr(block, "apply_residual", True):
            for name in _BRANCHES.get(type(block), ()):
                yield block.get_submodule(name)
