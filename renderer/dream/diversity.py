"""What keeps several pictures of one target apart: to the network each is to differ from those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from renderer.networks.network import Activations, Network

_FAINT, _TINY = 1e-3, 1e-12

Grams = Float[Tensor, "pictures entries"]


@dataclass(frozen=True)
class Apart:
    """From what a picture is kept apart.

    Attributes:
        pictures: Earlier pictures of the same target.
        weight: What is subtracted from the objective where a view is like one of them in all.
    """

    pictures: tuple[UInt8[np.ndarray, "height width 3"], ...]
    weight: float


class Diversity:
    """How much views are like earlier pictures of the same target.

    Two pictures are alike where the same features of a layer come together in them, wherever in the picture: by their
    Gram matrices (Gatys et al. 2015, arXiv 1505.07376; as a term of the objective, Olah et al. 2017, "Feature
    Visualization"), here of centered and scaled features. Earlier pictures stay as they are, so each picture's gradient
    is its own, and batches may be divided at will.
    """

    def __init__(self, apart: Sequence[Apart | None]) -> None:
        """Begin; one entry a picture of the batch, None where nothing is to be kept apart."""
        self._apart = apart
        self._grams: dict[int, list[Grams | None]] = {}

    def layers(self, network: Network, places: Sequence[int]) -> list[str]:
        """The layers whose activations are needed for the pictures at some places."""
        return [network.texture_layer] if any(self._apart[place] for place in places) else []

    def penalty(self, network: Network, places: Sequence[int], activations: Activations) -> Float[Tensor, " views"]:
        """What is subtracted from the objective of each view, of equally many of each picture."""
        known, found = self._known(network), _grams(activations[network.texture_layer])
        count = len(found) // len(places)
        penalties = [
            _likeness(found[row * count : (row + 1) * count], known[place]) * (apart.weight if apart else 0.0)
            for row, place in enumerate(places)
            for apart in [self._apart[place]]
        ]
        return torch.cat(penalties)

    def _known(self, network: Network) -> list[Grams | None]:
        if id(network) not in self._grams:
            self._grams[id(network)] = [_seen(network, apart) for apart in self._apart]
        return self._grams[id(network)]


def _likeness(found: Grams, known: Grams | None) -> Float[Tensor, " views"]:
    return found.new_zeros(len(found)) if known is None else (found @ known.T).sum(1)


@torch.no_grad()
def _seen(network: Network, apart: Apart | None) -> Grams | None:
    if apart is None:
        return None
    views = network.whole_pictures(np.stack(apart.pictures))
    activations: list[Mapping[str, Tensor]] = [
        network.activations(view[None], [network.texture_layer]) for view in views
    ]
    return torch.cat([_grams(one[network.texture_layer]) for one in activations])


def _grams(activations: Float[Tensor, "views channels *place"]) -> Grams:
    """Correlations of all pairs of channels over the places of each view, normalized.

    The plain Gram matrices of two dreams of a class have a cosine of 0.99, since all channels are positive; the
    correlations, of about 0.88, tell more of what the dreams are made of than of how rough they are.
    """
    features = activations.flatten(2)
    features = features - features.mean(dim=2, keepdim=True)
    power = features.square().mean(dim=2, keepdim=True)
    # Channels that hardly answer do not count like the others.
    features = features / (power + _FAINT * power.mean(dim=1, keepdim=True) + _TINY).sqrt()
    return functional.normalize(torch.bmm(features, features.transpose(1, 2)).flatten(1), dim=1)
