"""A small frozen network with random weights, for tests that need gradients but no sense."""

from collections.abc import Sequence

import torch
from torch import nn

from renderer.networks.network import Loaded, Network, Preprocessing
from renderer.networks.shortcuts import residual_branches
from renderer.targets.target import OUTPUTS, Target, class_target

CLASSES = 7


def tiny_network(size: int = 32, dtype: torch.dtype = torch.float32, module: nn.Module | None = None) -> Network:
    """Seven classes; looks at squares of the given size. It may be another module than the usual plain one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = module or nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2), nn.SiLU(), nn.AvgPool2d(2), nn.Conv2d(8, 16, 3), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
        )  # fmt: skip
    classes = [class_target(index, f"class {index}") for index in range(CLASSES)]
    preprocessing = Preprocessing(size, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    return network_of(module, classes, preprocessing, dtype)


def network_of(
    module: nn.Module, classes: Sequence[Target], preprocessing: Preprocessing, dtype: torch.dtype = torch.float32
) -> Network:
    """A network of any module, on the CPU."""
    loaded = Loaded(module, preprocessing, tuple(residual_branches(module)))
    return Network(loaded, None, classes, device=torch.device("cpu"), dtype=dtype)


def logits(network: Network, views: torch.Tensor, *, precise: bool = False) -> torch.Tensor:
    """Its outputs."""
    return network.activations(views, precise=precise)[OUTPUTS]


def aims(*indices: int) -> list[Target]:
    """The classes of the given indices."""
    return [class_target(index, f"class {index}") for index in indices]
