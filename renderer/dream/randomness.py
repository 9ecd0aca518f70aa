"""Randomness that belongs to the picture: drawn from (seed, target, step), never from process, device or batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from jaxtyping import Float

_STREAMS = {"noise": 0, "view": 1, "color": 2}


@dataclass(frozen=True)
class PictureKey:
    """Whose randomness it is.

    Attributes:
        seed: The run's seed, or that of the attempt.
        target: Key of the target that is dreamed.
    """

    seed: int
    target: str

    @cached_property
    def number(self) -> int:
        """The target as a number: a class's own index, else one that follows from the key."""
        if self.target.isdecimal():
            return int(self.target)
        return int.from_bytes(blake2b(self.target.encode(), digest_size=8).digest(), "big")


def uniform(key: PictureKey, step: int, count: int, stream: str = "view") -> Float[np.ndarray, " count"]:
    """Numbers in [0, 1) for one ascent step of one picture; those of each stream have nothing to do with each other."""
    return _generator(key, stream, step).random(count)


def normal(key: PictureKey, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Standard normal numbers for the fresh picture."""
    return _generator(key, "noise", 0).standard_normal(shape, dtype=np.float32)


def _generator(key: PictureKey, stream: str, step: int) -> np.random.Generator:
    # A counter-based generator: any step's numbers are had without drawing those before.
    counter = np.array([0, step, _STREAMS[stream], key.number], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key.seed, counter=counter))
