"""Gradients of several networks, of which none is to be heard more than the others because it has larger ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from renderer.dream.per_picture import onto

_OVERFLOW = 1e18  # Its square is near the largest float32; optimizers square gradients.
_NEWEST = 0.2  # How much the last gradient counts in the mean size: views of a picture differ fivefold and more.


def is_usable(magnitudes: Float[Tensor, " batch"]) -> Bool[Tensor, " batch"]:
    """Whether gradients of these sizes can be followed."""
    return (magnitudes > 0) & is_tame(magnitudes)


def is_tame(magnitudes: Float[Tensor, " batch"]) -> Bool[Tensor, " batch"]:
    """Whether they are finite, and not so large that an optimizer would make them infinite."""
    return magnitudes < _OVERFLOW


class Balance:
    """Brings the gradients of networks that take turns to the size of the first one's, over one ascent.

    An optimizer that keeps averages over the steps follows the largest gradients most. Sizes are means that forget, for
    they differ from view to view; what a network sees much of in one view is still heard. Until the first network has
    been asked in the ascent, the others are left as they are.
    """

    def __init__(self, pictures: int, networks: int, device: torch.device) -> None:
        """Begin for so many pictures, each dreamed by at most so many networks."""
        self._means = torch.zeros(pictures, networks, device=device)

    def balanced(
        self,
        places: Sequence[int],
        turns: Sequence[int],
        takes_turns: Sequence[bool],
        gradients: Float[Tensor, "rows count 3 size size"],
    ) -> Float[Tensor, "rows count 3 size size"]:
        """The gradients of one step.

        Args:
            places: Whose they are: numbers of pictures.
            turns: Which of its networks has been asked about each of them, from 0.
            takes_turns: Whether it takes turns with others; the gradients of those that do not stay as they are.
            gradients: Of all views of each of these pictures.
        """
        told = (torch.tensor(values) for values in (places, turns, takes_turns))
        rows, columns, taking = (onto(values, gradients.device) for values in told)
        size, before = torch.linalg.vector_norm(gradients, 1, dim=(1, 2, 3, 4)), self._means[rows, columns]
        usable = is_usable(size)
        mean = torch.where(before > 0, before.lerp(size, _NEWEST), size)
        self._means[rows, columns] = torch.where(usable, mean, before)
        first = self._means[rows, 0]
        share = torch.where(taking & usable & (first > 0), first / mean, 1.0)
        return gradients * share.view(-1, 1, 1, 1, 1)


class Mean:
    """The mean of several networks' gradients in one step, each brought to the size of the first one's.

    One that is dead or not finite is left out, unless all are.
    """

    def __init__(self, its_views: Float[Tensor, "batch count 3 size size"]) -> None:
        """Begin; with the views by picture."""
        self._sum, self._raw = torch.zeros_like(its_views), torch.zeros_like(its_views)
        self._size, self._heard = (its_views.new_zeros(len(its_views)) for _ in range(2))

    def add(self, rows: Sequence[int], found: Float[Tensor, "rows count 3 size size"]) -> None:
        """Take one network's gradient for some of the pictures."""
        size: Tensor = torch.linalg.vector_norm(found, dim=(1, 2, 3, 4))
        usable = is_usable(size)
        self._size[rows] = torch.where(self._size[rows] > 0, self._size[rows], torch.where(usable, size, 0.0))
        self._heard[rows] += usable
        share = (self._size[rows] / size).view(-1, 1, 1, 1, 1)
        self._sum[rows] += torch.where(usable.view(-1, 1, 1, 1, 1), found * share, 0.0)
        self._raw[rows] += found

    @property
    def found(self) -> Float[Tensor, "batch count 3 size size"]:
        """The mean."""
        heard = self._heard.view(-1, 1, 1, 1, 1)
        return torch.where(heard > 0, self._sum / heard.clamp(min=1), self._raw)
