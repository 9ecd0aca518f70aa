"""Moving panoramas: the camera turns, and flies without leaving its place."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.per_picture import onto
from renderer.dream.sphere import Sphere, angles, to_places
from renderer.film.interpolation import table_weights
from renderer.film.motion import Move

Pictures = Float[Tensor, "batch 3 height width"]

_TAPS = 8  # Along rows and along columns.
_KEPT = 0.75  # Of the finest frequency, after many moves.
_PHASES = 1025  # Places between two pixels that are told apart.
_AT_ONCE = 32_768  # Pixels that are read, for the memory that their weights take.


def turned(pictures: Pictures, move: Move, sphere: Sphere) -> Pictures:
    """Move panoramas; on a sphere rows and columns cannot be read one after the other, as elsewhere.

    The pan's share of the width is that of a whole turn to the right, its share of the height that of half a turn down.
    Zoom keeps angles: directions flow away from the center, and together opposite to it; without a center of their
    own they do so from the middle of the picture. What does not move is given back as it is.
    """
    if move.is_rest:
        return pictures
    height, width = pictures.shape[-2:]
    read = _read(pictures, _sources(move, (height, width), pictures.device).flatten(0, 1), sphere)
    # What moves take from the finest detail elsewhere would stay near the poles, as rays: columns are so close there.
    return sphere.evened(read.view(height, width, -1, 3).permute(2, 3, 0, 1), _KEPT)


def _read(pictures: Pictures, places: Float[Tensor, "places 2"], sphere: Sphere) -> Float[Tensor, "places colors"]:
    """All colors of all pictures at some places."""
    # One row for each pixel.
    wide = sphere.surrounded(pictures, _TAPS).permute(2, 3, 0, 1).flatten(2).contiguous()
    columns, known = wide.shape[1], wide.flatten(0, 1)
    weights = _weights(pictures.device)
    around = torch.arange(1 - _TAPS // 2, 1 + _TAPS // 2, dtype=torch.int32, device=pictures.device)
    neighbors = (around[:, None] * columns + around).flatten()
    read = []
    for part in torch.split(places, _AT_ONCE):
        first = part.floor()
        across, down = weights[((part - first) * (_PHASES - 1)).round().int()].unbind(1)
        begin = first.int() + _TAPS
        index = (begin[:, 1] * columns + begin[:, 0])[:, None] + neighbors
        shares = (down[:, :, None] * across[:, None]).flatten(1)
        read.append(functional.embedding_bag(index, known, per_sample_weights=shares, mode="sum"))
    return torch.cat(read)


def _sources(move: Move, size: tuple[int, int], device: torch.device) -> Float[Tensor, "height width 2"]:
    """Columns and rows, which may lie between pixels, from which pixels come."""
    height, width = size
    latitudes, longitudes = angles(size, device)
    level = latitudes.cos()[:, None]
    directions = [level * longitudes.sin(), latitudes.sin()[:, None].expand(size), level * longitudes.cos()]
    seen = torch.stack([*directions, torch.ones(size, device=device)], -1) @ onto(_transformation(move), device).T
    places = to_places(seen[..., :3]) + 1
    return places * places.new_tensor([width / 2, height / 2]) - 0.5


def _transformation(move: Move) -> Float[Tensor, "4 4"]:
    """From the rays (x, y, z, 1) that the camera sees to those that it saw before.

    Turns of the camera and zooms toward a direction, those that keep angles, are Lorentz transformations: a zoom is
    what a faster camera sees, whose rays come more from ahead. All at once they are the exponential of a sum, so that
    moves of neighboring spans of time add up (Penrose 1959, "The apparent shape of a relativistically moving sphere").
    """
    # The shorter side is half a turn.
    right, down = math.tau * move.pan[0] + math.pi * move.shake[0], math.pi * (move.pan[1] + move.shake[1])
    turn, zoom = move.rotation, math.log(move.zoom)
    x, y, z = _direction(move.center)
    rates = [
        [0, -turn * z, right + turn * y, zoom * x],
        [turn * z, 0, down - turn * x, zoom * y],
        [-right - turn * y, -down + turn * x, 0, zoom * z],
        [zoom * x, zoom * y, zoom * z, 0],
    ]
    total: Tensor = torch.linalg.matrix_exp(torch.tensor(rates, dtype=torch.float64))
    return total.float()


def _direction(place: tuple[float, float]) -> tuple[float, float, float]:
    """The ray (x, y, z) that is seen at a place of the picture, which is told in shares of its width and height."""
    longitude, latitude = math.tau * (place[0] - 0.5), math.pi * (place[1] - 0.5)
    level = math.cos(latitude)
    return level * math.sin(longitude), math.sin(latitude), level * math.cos(longitude)


@lru_cache(maxsize=4)
def _weights(device: torch.device) -> Float[Tensor, "phases taps"]:
    return table_weights(_PHASES, _TAPS).to(device)
