"""From the settings to a network that is ready to dream."""

from __future__ import annotations

import torch

from renderer.common.errors import UserError
from renderer.networks.network import Network
from renderer.networks.source import NetworkSource

_CPU = torch.device("cpu")


def load_network(source: NetworkSource, device: torch.device = _CPU, dtype: torch.dtype = torch.float32) -> Network:
    """Load a network, frozen, with its classes.

    Raises:
        UserError: The network or its weights cannot be had, or its outputs are not the classes of its list.
    """
    classes = source.class_list()
    network = Network(source.load(), source.targets, classes, device=device, dtype=dtype)
    outputs = network.count_outputs()
    if outputs != len(classes):
        raise UserError(
            f"network.classes: the network has {outputs} outputs, but its class list has {len(classes)} classes; "
            "set network.classes to a CSV file with one row for each output"
        )
    return network
