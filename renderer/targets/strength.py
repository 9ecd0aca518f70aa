"""How strongly hidden units answer: brought to about the size of a class's output, whatever the layer's scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

LIKE_LOGITS = 10.0
_WEAKEST = 1e-6  # Of a layer, so that a dead one gives a gradient of 0 and no error.


def strength(activations: Float[Tensor, "views channels *place"]) -> Float[Tensor, " views"]:
    """Root mean square of a layer in each view, as a constant.

    Layers differ in their scale by far; against it, what is ascended and what is kept small stay in proportion.
    """
    found: Tensor = activations.detach().flatten(1).square().mean(1).sqrt().clamp(min=_WEAKEST)
    return found


def means(activations: Float[Tensor, "views channels *place"]) -> Float[Tensor, "views channels"]:
    """Of each channel over all its places."""
    return activations.flatten(2).mean(2) if activations.ndim > 2 else activations


def at_center(activations: Float[Tensor, "views channels *place"]) -> Float[Tensor, "views channels"]:
    """Of each channel in the middle place; the mean over its places where they are no grid."""
    if activations.ndim != 4:
        return means(activations)
    return activations[:, :, activations.shape[2] // 2, activations.shape[3] // 2]


def distance(
    seen: Float[Tensor, "views channels *place"], wanted: Float[Tensor, "views channels *place"]
) -> Float[Tensor, " views"]:
    """Mean square of how far what is seen is from what is wanted, against that of the latter alone.

    It is 0 where both are the same, and 1 where nothing is seen (Mahendran & Vedaldi 2014, arXiv 1412.0035).
    """
    missed: Tensor = (seen - wanted).flatten(1).square().mean(1)
    return missed / wanted.flatten(1).square().mean(1).clamp(min=_WEAKEST**2)
