"""A share of the gradient for some modules of a network; installed once, and set before each pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

Share = float | Tensor


class GradientScale:
    """Lets a share of the gradient go back through residual branches; the outputs stay as they are.

    The gradient through the shortcuts keeps its size, so that what a picture gains by is less particular to the
    network, and others recognize the dream more often (Wu et al. 2020, "Skip Connections Matter", arXiv 2002.05990,
    found it for adversarial examples).
    """

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        """Install it.

        Args:
            branches: Modules whose output is added to a shortcut.
        """
        self.share: Share = 1.0
        """From 0, shortcuts alone, to 1, which changes nothing; or a tensor with a share for each view. It holds for
        what is computed while it is set, wherever `backward` is called."""
        for branch in branches:
            branch.register_forward_hook(self._scale)

    def _scale(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        share = self.share
        if output.requires_grad and not (isinstance(share, float) and share == 1):
            # Holds too where the shortcut is then added in place.
            output.register_hook(lambda gradient: gradient * _beside(share, gradient))  # type: ignore[no-untyped-call]


def _beside(share: Share, gradient: Tensor) -> Share:
    """A share of each view, in a shape that goes with the gradient."""
    if isinstance(share, torch.Tensor):
        return share.to(gradient.dtype).view(-1, *[1] * (gradient.ndim - 1))
    return share
