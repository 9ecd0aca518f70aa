"""Who dreams, and the settings of what is dreamed."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchvision import models

from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.machine import choose
from renderer.networks.devices import find_devices
from renderer.networks.source import NetworkSource
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.loading import parse_network, parse_settings
from renderer.settings.sections import Settings
from renderer.targets.target import Target

Tree = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        network: Who dreams.
        device: Where, as the settings have it.
        threads: How many threads of the processor; None for as many as a render takes.
        seconds: About how long a turn lasts.
        turns: How many turns each contender has.
        still_steps: The fewest steps of a still: fewer make its end count for more than it does.
        folder: For files that are gone at the end.
    """

    network: NetworkSource
    device: str
    threads: int | None
    seconds: float
    turns: int
    still_steps: int
    folder: Path

    def tree(self, precision: str | None = None, **sections: dict[str, object]) -> Tree:
        """Settings as a file would have them."""
        asked = {"device": self.device, "threads": self.threads, "precision": precision}
        run = {key: value for key, value in asked.items() if value is not None} | sections.pop("run", {})
        return {"network": self.network.model_dump(mode="json"), "run": run, **sections}

    def settings(self, precision: str | None = None, **sections: dict[str, object]) -> Settings:
        """Settings in which nothing is `auto` any more."""
        settings = parse_settings(json.dumps(self.tree(precision, **sections)), "benchmark")
        return choose(settings).fill_in(settings)

    def worker(self, precision: str | None = None) -> LocalWorker:
        """What dreams in a render."""
        return LocalWorker(self.settings(precision))

    def targets(self, count: int) -> tuple[Target, ...]:
        """So many targets; some are there more than once where the network knows fewer."""
        known = self.network.known_targets()
        return tuple(known[number % len(known)] for number in range(count))

    @property
    def place(self) -> torch.device:
        """The device."""
        return find_devices(self.device)[0]


def make_subject(options: argparse.Namespace, folder: Path) -> Subject:
    """Who is asked for, with random weights where none are named."""
    network = parse_network(options.network, "--network", options.weights)
    if options.weights is None and isinstance(network, TorchvisionNetwork):
        network = network.model_copy(update={"weights": str(_random_weights(network.name, folder))})
    seconds, turns, steps = (0.1, 2, 4) if options.quick else (2.0, 9, 32)
    return Subject(network.with_absolute_paths(), options.device, options.threads, seconds, turns, steps, folder)


def _random_weights(name: str, folder: Path) -> Path:
    """As torchvision draws them; always the same."""
    path = folder / "random.safetensors"
    torch.manual_seed(0)
    state = models.get_model(name, weights=None).state_dict()
    save_file({key: tensor.contiguous().clone() for key, tensor in state.items()}, path)
    return path
