"""Gradient ascent: a picture that shows a class a little more than before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.config.models import AdamOptimizer, Dream, NormalizedOptimizer
from renderer.dream.objectives import objective
from renderer.dream.parameterizations import build_parameterization
from renderer.dream.randomness import PictureKey
from renderer.dream.regularizers import penalty
from renderer.dream.transforms import draw_views, take_views
from renderer.networks.network import Network

Pictures = Float[Tensor, "batch 3 height width"]


def ascend(
    network: Network,
    dream: Dream,
    pictures: Pictures,
    keys: Sequence[PictureKey],
    first_steps: Sequence[int],
    steps: int,
) -> Pictures:
    """Climb the objective of each picture's class.

    Args:
        network: The network that dreams.
        dream: How.
        pictures: Values in [0, 1]; any height and width.
        keys: The class and the randomness of each picture.
        first_steps: Number of the first step of each picture, from which its random views follow.
        steps: How many steps.

    Returns:
        The pictures after the steps, with values in [0, 1].
    """
    if steps == 0:
        return pictures
    height, width = pictures.shape[-2:]
    parameterization = build_parameterization(dream.parameterization, (height, width), pictures.device)
    coordinates = parameterization.encode(pictures).requires_grad_()
    optimizer = _build_optimizer(dream.optimizer, coordinates)
    targets = torch.tensor([key.class_index for key in keys], device=pictures.device)
    for step in range(steps):
        optimizer.zero_grad()
        now = parameterization.decode(coordinates)
        maps = draw_views(
            dream.transforms, keys, [first + step for first in first_steps], (height, width), crop=network.crop
        )
        logits = network.logits(take_views(now, maps, network.size))
        gained = objective(dream.objective, logits, targets.repeat_interleave(dream.transforms.views))
        # Summed, not averaged: a picture's gradient does not depend on how many others there are.
        total = gained.sum() / dream.transforms.views - penalty(dream.regularizers, now).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        return parameterization.decode(coordinates).clamp(0, 1)


class NormalizedAscent(torch.optim.Optimizer):
    """Adds the gradient divided by its mean magnitude, for each picture by itself (google/deepdream 2015)."""

    def __init__(self, parameters: Sequence[Tensor], step: float) -> None:
        super().__init__(parameters, {"step": step})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move each picture by `step` on average."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                magnitude = gradient.abs().flatten(1).mean(1).clamp(min=1e-12)
                parameter.add_(gradient * (group["step"] / magnitude).view(-1, *[1] * (gradient.ndim - 1)))


def _build_optimizer(settings: AdamOptimizer | NormalizedOptimizer, coordinates: Tensor) -> torch.optim.Optimizer:
    match settings:
        case AdamOptimizer():
            return torch.optim.Adam([coordinates], lr=settings.learning_rate, maximize=True)
        case NormalizedOptimizer():
            return NormalizedAscent([coordinates], settings.step)
