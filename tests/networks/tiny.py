"""A small frozen network with random weights, for tests that need gradients but no sense."""

import torch
from torch import nn

from renderer.networks.network import Network, Preprocessing
from renderer.targets.target import ClassRecord

CLASSES = 7


def tiny_network(size: int = 32, dtype: torch.dtype = torch.float32, module: nn.Module | None = None) -> Network:
    """Seven classes; looks at squares of the given size. It may be another module than the usual plain one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = module or nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2), nn.SiLU(), nn.AvgPool2d(2), nn.Conv2d(8, 16, 3), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
        )  # fmt: skip
    classes = [ClassRecord(index, f"class {index}") for index in range(CLASSES)]
    preprocessing = Preprocessing(size, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    return Network(module, classes, preprocessing, device=torch.device("cpu"), dtype=dtype)
