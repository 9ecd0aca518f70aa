"""The L2 attack: the small change of a picture that costs the network most."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

Loss = Callable[[Tensor], Tensor]
"""Pictures in, the sum of what they cost out."""


def norms(pictures: Tensor) -> Tensor:
    """Computes each picture's L2 norm, shaped for division."""
    lengths = torch.linalg.vector_norm(pictures, dim=(1, 2, 3), keepdim=True)
    return lengths.clamp_min(1e-12)


def random_start(pictures: Tensor, radius: float, generator: Generator) -> Tensor:
    """Draws a change in a random direction, of a length up to half the radius."""
    change = torch.randn(pictures.shape, generator=generator, device=pictures.device)
    length = torch.rand(len(pictures), generator=generator, device=pictures.device).view(-1, 1, 1, 1)
    return change / norms(change) * (0.5 * radius * length)


def l2_attack(pictures: Tensor, loss: Loss, *, radius: float, steps: int, generator: Generator) -> Tensor:
    """Climbs the loss by normalized gradient steps, inside a ball around each picture and inside [0, 1].

    Args:
        pictures: Batch x 3 x height x width in [0, 1].
        loss: What is to be made large.
        radius: Largest L2 norm of a picture's change, in units of [0, 1].
        steps: Gradients taken.
        generator: Where the random start comes from.

    Returns:
        The attacked pictures.
    """
    stride = radius * min(1.25, 2.5 / steps)
    change = random_start(pictures, radius, generator)
    for _ in range(steps):
        attacked = (pictures + change).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(attacked), attacked)
        change = change + stride * gradient / norms(gradient)
        change = change * (radius / norms(change)).clamp_max(1)
        change = (pictures + change).clamp(0, 1) - pictures
    return (pictures + change).detach()
