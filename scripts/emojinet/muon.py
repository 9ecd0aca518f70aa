"""Muon: momentum whose matrix is made orthogonal before each step; several times faster here than Adam.

After Keller Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration that draws all singular values towards one."""


def orthogonalized(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Brings all singular values of a matrix near one, by Newton and Schulz's iteration."""
    wide = matrix.bfloat16() if matrix.shape[0] <= matrix.shape[1] else matrix.bfloat16().T
    wide = wide / (wide.norm() + 1e-7)
    linear, cubic, quintic = QUINTIC
    for _ in range(iterations):
        gram = wide @ wide.T
        wide = linear * wide + (cubic * gram + quintic * gram @ gram) @ wide
    return (wide if matrix.shape[0] <= matrix.shape[1] else wide.T).to(matrix.dtype)


class Muon(Optimizer):
    """The optimizer of the convolutions: each kernel is one matrix, a row an output channel."""

    def __init__(self, kernels: Iterable[nn.Parameter], *, lr: float, momentum: float, weight_decay: float) -> None:
        """Takes the kernels to optimize; `lr` is the length of a step, for each singular value."""
        super().__init__(kernels, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Takes one step with the present gradients."""
        del closure
        for group in self.param_groups:
            for kernel in group["params"]:
                self._move(kernel, group)

    def _move(self, kernel: nn.Parameter, group: dict[str, float]) -> None:
        gradient = kernel.grad
        if gradient is None:
            return
        state = self.state[kernel]
        momentum = state.setdefault("momentum", torch.zeros_like(gradient))
        momentum.lerp_(gradient, 1 - group["momentum"])
        direction = orthogonalized(gradient.lerp(momentum, group["momentum"]).flatten(1))
        direction *= max(1, direction.shape[0] / direction.shape[1]) ** 0.5
        kernel.mul_(1 - group["lr"] * group["weight_decay"])
        kernel.add_(direction.view_as(kernel), alpha=-group["lr"])
