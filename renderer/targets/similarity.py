"""A short tour through classes that resemble each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from renderer.targets.target import Target

Distances = Int[np.ndarray, "n n"]
Tour = Int[np.ndarray, "n"]

_STARTS = 8
_LONGEST_MOVED = 3


def weights_of(
    targets: Sequence[Target], weights: Float[np.ndarray, "classes features"]
) -> Float[np.ndarray, "targets features"]:
    """The output weights of targets: of a class its row, of a mixture what its parts come to."""
    return np.stack([sum(weight * weights[unit] for unit, weight in target.units) for target in targets])


def similarity_order(weights: Float[np.ndarray, "classes features"]) -> list[int]:
    """Order rows so that neighbors are alike: a short open path over their cosine distances.

    Nearest-neighbor paths from several rows, the shortest of them improved by 2-opt and Or-opt moves.

    Args:
        weights: A row for each class; a row of zeros is equally far from all.

    Returns:
        Places of the rows, each once; the end with the smaller place comes first.
    """
    distances = cosine_distances(weights)
    starts = np.unique(np.linspace(0, len(weights) - 1, _STARTS).round().astype(int))
    tours = sorted((_nearest_neighbors(distances, start) for start in starts), key=lambda t: tour_length(distances, t))
    improved = [_improve(distances, tour) for tour in tours[: max(2, 64 // len(weights))]]
    best = min(improved, key=lambda tour: tour_length(distances, tour))
    order = [int(place) for place in best]
    return order if order[0] <= order[-1] else order[::-1]


def cosine_distances(weights: Float[np.ndarray, "classes features"]) -> Distances:
    """Cosine distances of all pairs of rows in millionths: whole numbers, so that sums do not depend on the machine."""
    rows = weights.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(norms > 0, norms, 1)
    return np.rint((1 - rows @ rows.T) * 1e6).astype(np.int64)


def tour_length(distances: Distances, tour: Tour) -> int:
    """Length of an open path."""
    return int(distances[tour[:-1], tour[1:]].sum())


def _nearest_neighbors(distances: Distances, start: int) -> Tour:
    tour = np.empty(len(distances), dtype=np.int64)
    far = distances.max() + 1
    free = np.zeros(len(distances), dtype=np.int64)
    tour[0] = start
    for place in range(1, len(tour)):
        free[tour[place - 1]] = far
        tour[place] = np.argmin(distances[tour[place - 1]] + free)
    return tour


def _improve(distances: Distances, tour: Tour) -> Tour:
    """Make a path shorter until no move of either kind does."""
    # A place without distance to any other, at both ends, makes the free ends of the path edges like all the others.
    closed = np.pad(distances, (0, 1))
    ring = np.pad(tour, 1, constant_values=len(tour))
    changed = True
    while changed:
        reversed_any = [_reverse_best(closed, ring, first) for first in range(1, len(ring) - 1)]
        moved_any = [
            _move_best(closed, ring, first, length)
            for length in range(1, min(_LONGEST_MOVED, len(tour) - 1) + 1)
            for first in range(1, len(ring) - length)
        ]
        changed = any(reversed_any) or any(moved_any)
    return ring[1:-1]


def _reverse_best(distances: Distances, ring: Tour, first: int) -> bool:
    """2-opt: reverse the best stretch that begins at a place, if that makes the ring shorter."""
    ends, after = ring[first:-1], ring[first + 1 :]
    before, start = ring[first - 1], ring[first]
    saved = distances[before, start] + distances[ends, after]
    gains = saved - distances[before][ends] - distances[start][after]
    best = int(gains.argmax())
    if gains[best] <= 0:
        return False
    ring[first : first + best + 1] = ring[first : first + best + 1][::-1].copy()
    return True


def _move_best(distances: Distances, ring: Tour, first: int, length: int) -> bool:
    """Or-opt: put a stretch where it makes the ring shortest, either way round, if that is shorter than now."""
    stretch = ring[first : first + length].copy()
    rest = np.concatenate([ring[:first], ring[first + length :]])
    start, end = stretch[0], stretch[-1]
    left, right = rest[:-1], rest[1:]
    joined = distances[left, right]
    forward = distances[start][left] + distances[end][right] - joined
    backward = distances[end][left] + distances[start][right] - joined
    costs = np.minimum(forward, backward)
    best = int(costs.argmin())
    if costs[best] >= forward[first - 1]:
        return False
    if backward[best] < forward[best]:
        stretch = stretch[::-1]
    ring[:] = np.concatenate([rest[: best + 1], stretch, rest[best + 1 :]])
    return True
