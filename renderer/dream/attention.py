"""Where in a picture the network sees a class."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.networks.network import Network
from renderer.targets.target import OUTPUTS, Aim

_WINDOWS = (0.6, 0.4)  # Sides of what is looked at by itself, as shares of the shorter side.
_OVERLAP = 3  # So many windows begin within the length of one.
_FAINT, _PLAIN = 0.25, 0.6  # Shares of the strongest evidence: below the one nothing is the class, above the other all.
_LEAST = 0.01  # Below this probability nothing is taken for the class.
_TINY = 1e-12


@torch.no_grad()
def attention(
    network: Network, picture: Float[Tensor, "1 3 height width"], aim: Aim
) -> Float[Tensor, "1 1 height width"]:
    """Where the network sees a class: it is shown the picture piece by piece, and asked how probable the class is.

    Args:
        network: The network.
        picture: Values in [0, 1].
        aim: A class, or a mixture of some.

    Returns:
        From 0, where it is not seen, to 1, with soft borders; 0 everywhere where no piece shows a trace of it.
    """
    evidence, covered = torch.zeros_like(picture[:, :1]), torch.full_like(picture[:, :1], _TINY)
    for top, left, side in _windows(picture.shape[-2], picture.shape[-1]):
        place = (..., slice(top, top + side), slice(left, left + side))
        soft = torch.hann_window(side + 2, periodic=False, device=picture.device)[1:-1]
        weight = soft[:, None] * soft
        evidence[place] += weight * _probability(network, picture[place], aim)
        covered[place] += weight
    share = evidence / covered
    share = ((share / share.max().clamp(min=_LEAST) - _FAINT) / (_PLAIN - _FAINT)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _windows(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Top, left and side of squares that cover a picture, beyond whose border they never go."""
    for share in _WINDOWS:
        side = max(1, round(share * min(height, width)))
        for top in _spread(height - side, side):
            for left in _spread(width - side, side):
                yield top, left, side


def _spread(room: int, side: int) -> list[int]:
    count = 1 + -(-room * _OVERLAP // side)
    return [round(room * place / max(1, count - 1)) for place in range(count)]


def _probability(network: Network, piece: Float[Tensor, "1 3 side side"], aim: Aim) -> float:
    view = functional.interpolate(piece, (network.size, network.size), mode="bilinear", antialias=True)
    return max(0.0, aim.total(network.activations(view)[OUTPUTS][0].softmax(0)))
