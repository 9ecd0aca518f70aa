"""Gradients that can be followed: a dead or broken one is found, and cured where that can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from renderer.dream.dreaming import Dream
from renderer.dream.health import Health
from renderer.dream.objectives import objective
from renderer.networks.network import Network
from renderer.networks.rectifiers import redirected

_SLOPE = 0.1  # Small: where some units of a layer are on, the way through these counts most.
_OVERFLOW = 1e18  # Its square is near the largest float32; optimizers square gradients.

Views = Float[Tensor, "views 3 size size"]


class CaredForGradient:
    """The gradient of the objective with respect to what the network is shown, and what had to be done to get it.

    Looked at where it comes out of the network, since behind that regularizers cover a gradient that is dead. All that
    is found and done is of each picture by itself, and costs one sum where nothing is wrong.
    """

    def __init__(self, network: Network, dream: Dream, targets: Int[Tensor, " batch"]) -> None:
        self._network, self._dream, self._targets = network, dream, targets
        self._health = [Health() for _ in targets]
        self._steps = 0

    @property
    def health(self) -> tuple[Health, ...]:
        """How the gradients of each picture have been so far."""
        return tuple(health + Health(steps=self._steps) for health in self._health)

    def ascend(self, views: Views) -> tuple[Views, Float[Tensor, " batch"]]:
        """The gradient for one step.

        Args:
            views: Equally many views of each picture, in the order of the pictures.

        Returns:
            The gradient with respect to the views, averaged over those of a picture; and for each picture 1, or 0 where
            the step is to be left out, since nothing gives a gradient that can be followed: it is 0 then.
        """
        self._steps += 1
        gradient = self._backward(views, self._targets, self._network.logits)
        count = len(views) // len(self._targets)
        followed = _can_be_followed(_magnitudes(gradient, count))
        if not bool(followed.all()):
            gradient = self._cure(views.detach(), gradient.clone(), count)
            followed = _can_be_followed(_magnitudes(gradient, count))
        return gradient / count, followed.to(gradient.dtype)

    def _cure(self, views: Views, gradient: Views, count: int) -> Views:
        by_picture, its_views = _by_picture(gradient, count), _by_picture(views, count)

        def again(places: Sequence[int]) -> None:
            if places:
                own = self._targets[places]
                anew = self._backward(its_views[places].flatten(0, 1), own, self._network.precise_logits)
                by_picture[places] = _by_picture(anew, count)

        wild = _places(~(_magnitudes(gradient, count) < _OVERFLOW))
        if self._network.dtype != torch.float32:
            again(wild)
        dead = _places(_magnitudes(gradient, count) == 0)
        with redirected(_SLOPE):
            again(dead)
        lost = _places(~_can_be_followed(_magnitudes(gradient, count)))
        by_picture[lost] = 0
        self._remember(wild, dead, lost)
        return gradient

    def _remember(self, wild: Sequence[int], dead: Sequence[int], lost: Sequence[int]) -> None:
        for place in {*wild, *dead}:
            if place in lost:
                found = Health(lost=1)
            else:
                found = Health(redirected=int(place in dead), recomputed=int(place in wild))
            self._health[place] += found

    def _backward(self, views: Views, targets: Int[Tensor, " batch"], logits: Callable[[Views], Tensor]) -> Views:
        seen = views.detach().requires_grad_()
        each = targets.repeat_interleave(len(views) // len(targets))
        # Summed, not averaged: a picture's gradient does not depend on how many others there are.
        with self._network.residual_gradient(self._dream.residual_gradient):
            gained = objective(self._dream.objective, logits(seen), each).sum()
        return torch.autograd.grad(gained, seen)[0]


def _by_picture(views: Views, count: int) -> Float[Tensor, "batch count 3 size size"]:
    return views.view(-1, count, *views.shape[1:])


def _magnitudes(gradient: Views, count: int) -> Float[Tensor, " batch"]:
    """Sum of the magnitudes for each picture; not a number where one of them is not."""
    magnitudes: Tensor = torch.linalg.vector_norm(_by_picture(gradient, count), 1, dim=(1, 2, 3, 4))
    return magnitudes


def _can_be_followed(magnitudes: Float[Tensor, " batch"]) -> Bool[Tensor, " batch"]:
    return (magnitudes > 0) & (magnitudes < _OVERFLOW)


def _places(chosen: Bool[Tensor, " batch"]) -> list[int]:
    return chosen.nonzero()[:, 0].tolist()
