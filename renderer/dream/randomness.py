"""Randomness that belongs to the picture: drawn from (seed, class, step), never from process, device or batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_STREAMS = {"noise": 0, "view": 1, "color": 2}


@dataclass(frozen=True)
class PictureKey:
    """Whose randomness it is: the run's or the attempt's seed, and the class that is dreamed."""

    seed: int
    class_index: int


def uniform(key: PictureKey, step: int, count: int, stream: str = "view") -> Float[np.ndarray, " count"]:
    """Numbers in [0, 1) for one ascent step of one picture; those of each stream have nothing to do with each other."""
    return _generator(key, stream, step).random(count)


def normal(key: PictureKey, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Standard normal numbers for the fresh picture."""
    return _generator(key, "noise", 0).standard_normal(shape, dtype=np.float32)


def _generator(key: PictureKey, stream: str, step: int) -> np.random.Generator:
    # A counter-based generator: any step's numbers are had without drawing those before.
    counter = np.array([0, step, _STREAMS[stream], key.class_index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key.seed, counter=counter))
