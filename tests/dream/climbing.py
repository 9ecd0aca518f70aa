"""Ascents with the same settings in every step, for tests of what comes of them."""

from collections.abc import Sequence

import numpy as np
import torch

from renderer.dream import ascent
from renderer.dream.climb import Ascent, Climb
from renderer.dream.dreaming import AscentSettings
from renderer.dream.randomness import PictureKey, normal
from renderer.networks.network import Network
from renderer.targets.target import OUTPUTS, Aim, Neuron


def noise(keys: Sequence[PictureKey], size: tuple[int, int]) -> torch.Tensor:
    """Fresh noise around gray, a picture for each key."""
    return torch.from_numpy(np.stack([0.5 + 0.05 * normal(key, (3, *size)) for key in keys]))


def climbs(settings: AscentSettings, keys: Sequence[PictureKey], first_steps: Sequence[int]) -> list[Climb]:
    """One for each key, toward the class of its number."""
    return [
        Climb(Aim(key.target, Neuron(OUTPUTS, key.number)), key.seed, lambda _step: settings, first)
        for key, first in zip(keys, first_steps, strict=True)
    ]


def ascend(
    network: Network,
    settings: AscentSettings,
    pictures: torch.Tensor,
    keys: Sequence[PictureKey],
    first_steps: Sequence[int],
    steps: int,
) -> Ascent:
    return ascent.ascend(network, pictures, climbs(settings, keys, first_steps), steps)


def ascend_fresh(
    network: Network,
    settings: AscentSettings,
    pictures: torch.Tensor,
    keys: Sequence[PictureKey],
    steps: int,
    *,
    seconds_per_step: float = 0.0,
) -> Ascent:
    made = climbs(settings, keys, [0] * len(keys))
    return ascent.ascend_fresh(network, pictures, made, steps, seconds_per_step=seconds_per_step)
