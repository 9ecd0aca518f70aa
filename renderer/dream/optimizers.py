"""How the gradient is followed; every picture by itself, with a rate of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Bool
from torch import Tensor

from renderer.dream.per_picture import per_picture

_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8  # Of Adam: decay of both averages, and what keeps the quotient finite.
_NO_GRADIENT = 1e-12


class Optimizer(Protocol):
    """Changes coordinates, which have a row for each picture."""

    def step(
        self, coordinates: Tensor, gradient: Tensor, rates: Sequence[float], followed: Bool[Tensor, " batch"] | None
    ) -> None:
        """Go up.

        Args:
            coordinates: What is changed, in place.
            gradient: Of the same shape.
            rates: One a picture.
            followed: Of which pictures, None for all; the others stay as they are, and what is kept of them too.
        """
        ...


class Adam:
    """Adam (Kingma & Ba 2014, arXiv 1412.6980), ascending; its averages begin anew with each ascent."""

    def __init__(self, coordinates: Tensor) -> None:
        self._mean, self._square = torch.zeros_like(coordinates), torch.zeros_like(coordinates)
        self._steps = [0] * len(coordinates)

    @torch.no_grad()
    def step(
        self, coordinates: Tensor, gradient: Tensor, rates: Sequence[float], followed: Bool[Tensor, " batch"] | None
    ) -> None:
        """Go up by about `rates` in every coordinate; see `Optimizer.step`."""
        if followed is None:
            self._step(coordinates, gradient, rates, list(range(len(rates))), (self._mean, self._square))
            return
        places = followed.nonzero()[:, 0].tolist()
        if not places:
            return
        parts = coordinates[places], self._mean[places], self._square[places]
        self._step(parts[0], gradient[places], [rates[place] for place in places], places, parts[1:])
        for whole, part in zip((coordinates, self._mean, self._square), parts, strict=True):
            whole[places] = part

    def _step(
        self,
        coordinates: Tensor,
        gradient: Tensor,
        rates: Sequence[float],
        places: Sequence[int],
        averages: tuple[Tensor, Tensor],
    ) -> None:
        mean, square = averages
        for place in places:
            self._steps[place] += 1
        mean.lerp_(gradient, 1 - _FIRST)
        square.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
        steps = [self._steps[place] for place in places]
        begun = per_picture([(1 - _SECOND**count) ** 0.5 for count in steps], square)
        spread = (square.sqrt() / begun).add_(_LEAST)
        own = per_picture([rate / (1 - _FIRST**count) for rate, count in zip(rates, steps, strict=True)], mean)
        if isinstance(own, float):
            coordinates.addcdiv_(mean, spread, value=own)
        else:
            coordinates.add_(own * (mean / spread))


class NormalizedAscent:
    """Adds the gradient divided by its mean magnitude (google/deepdream 2015); keeps nothing."""

    @torch.no_grad()
    def step(
        self, coordinates: Tensor, gradient: Tensor, rates: Sequence[float], followed: Bool[Tensor, " batch"] | None
    ) -> None:
        """Move each picture by its rate on average; see `Optimizer.step`. What is not followed has no gradient."""
        step = normalized_step(gradient, rates)
        coordinates.add_(step if followed is None else step * followed.view(-1, *[1] * (gradient.ndim - 1)))


def normalized_step(gradient: Tensor, rates: Sequence[float]) -> Tensor:
    """The gradient, a row for each picture, divided by its mean magnitude and multiplied by the picture's rate."""
    return gradient * (per_picture(rates, gradient) / _magnitude(gradient))


def softened_step(gradient: Tensor, rates: Sequence[float]) -> Tensor:
    """A step of about the same size in all coordinates whose gradient is strong.

    Adam's first step is as large where the gradient is next to nothing, and that is noise. Here a coordinate of the
    mean magnitude changes by the rate, and none by more than twice that.
    """
    strong = per_picture([2 * rate for rate in rates], gradient)
    return gradient * strong / gradient.abs().add_(_magnitude(gradient))


def _magnitude(gradient: Tensor) -> Tensor:
    """Mean magnitude of each row; next to nothing, but not 0, where there is no gradient."""
    magnitude = gradient.abs().flatten(1).mean(1).clamp(min=_NO_GRADIENT)
    return magnitude.view(-1, *[1] * (gradient.ndim - 1))
