"""What keeps several pictures of one target apart: to the network each is to differ from those before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from renderer.networks.network import Network

_FAINT, _TINY = 1e-3, 1e-12

Grams = Float[Tensor, "pictures entries"]


class Apart:
    """From what a picture is kept apart.

    Two pictures are alike where the same features of a layer come together in them, wherever in the picture: by their
    Gram matrices (Gatys et al. 2015, arXiv 1505.07376; as a term of the objective, Olah et al. 2017, "Feature
    Visualization"), here of centered and scaled features. The other pictures stay as they are, so the gradient of each
    picture is its own, and batches may be divided at will.
    """

    def __init__(self, pictures: Sequence[UInt8[np.ndarray, "height width 3"]], weight: float) -> None:
        """Keep apart.

        Args:
            pictures: Earlier pictures of the same target.
            weight: What is subtracted from the objective where a view is like one of them in all.
        """
        self.weight = weight
        self._pictures = pictures
        self._known: dict[Network, Grams] = {}

    def known(self, network: Network) -> Float[Tensor, "1 entries"]:
        """What a network sees in the earlier pictures, summed up; computed once.

        Their sum is all that the likeness needs: however many there are, it takes no more memory and time than one.
        """
        if network not in self._known:
            with torch.no_grad():
                seen = (_grams(_textures(network, picture)) for picture in self._pictures)
                self._known[network] = reduce(Tensor.add, seen)
        return self._known[network]


def likeness(
    apart: Apart, network: Network, activations: Float[Tensor, "views channels *place"]
) -> Float[Tensor, " views"]:
    """How much each view is like the earlier pictures, all of them together, by weight.

    Args:
        apart: The earlier pictures.
        network: The network.
        activations: What its texture layer answers to the views.
    """
    found: Tensor = apart.weight * (_grams(activations) @ apart.known(network).T).sum(1)
    return found


def _textures(network: Network, picture: UInt8[np.ndarray, "height width 3"]) -> Tensor:
    return network.activations(network.whole_pictures(picture[None]), [network.texture_layer])[network.texture_layer]


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
