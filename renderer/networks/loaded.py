"""From the settings to a network that is ready to dream."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from renderer.common.errors import UserError
from renderer.networks.network import Companion, Network
from renderer.networks.source import NetworkSource
from renderer.targets.matching import match_classes
from renderer.targets.target import Target

_CPU = torch.device("cpu")


def load_network(source: NetworkSource, device: torch.device = _CPU, dtype: torch.dtype = torch.float32) -> Network:
    """Load a network, frozen, with its classes and its companions.

    Raises:
        UserError: The network or its weights cannot be had, its outputs are not the classes of its list, or a companion
            knows none of them.
    """
    classes, loaded = source.class_list(), source.load()
    companions = source.of_companions(lambda companion: _load_companion(companion, classes, device, dtype))
    network = Network(loaded, source.targets, classes, companions, device=device, dtype=dtype)
    outputs = network.count_outputs()
    if outputs != len(classes):
        raise UserError(
            f"network.classes: the network has {outputs} outputs, but its class list has {len(classes)} classes; "
            "set network.classes to a CSV file with one row for each output"
        )
    return network


def _load_companion(
    source: NetworkSource, classes: Sequence[Target], device: torch.device, dtype: torch.dtype
) -> Companion:
    units = match_classes(classes, source.class_list())
    if not units:
        raise UserError(
            f"network.classes: {source.label} knows none of the classes ({classes[0].title}, ...), neither by wnid nor "
            "by title; choose a companion that does, or give it their names"
        )
    return Companion(load_network(source, device, dtype), units)
