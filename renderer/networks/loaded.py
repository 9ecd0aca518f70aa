"""From the settings to a network that is ready to dream."""

from __future__ import annotations

import torch
from torch import nn

from renderer.common.errors import UserError
from renderer.networks.network import Network, Preprocessing
from renderer.networks.sources.embedded import load_embedded
from renderer.networks.torchvision_models import load_torchvision
from renderer.settings.sections import EmbeddedNetwork, TorchvisionNetwork
from renderer.settings.sections import Network as NetworkSettings
from renderer.targets.class_lists import class_list


def load_network(settings: NetworkSettings, device: torch.device, dtype: torch.dtype = torch.float32) -> Network:
    """Load a network, frozen, with its classes.

    Raises:
        UserError: The network or its weights cannot be had, or its outputs are not the classes of its list.
    """
    module, preprocessing = _load_module(settings)
    classes = class_list(settings)
    network = Network(module, classes, preprocessing, device=device, dtype=dtype)
    outputs = _count_outputs(network)
    if outputs != len(classes):
        raise UserError(
            f"network.classes: the network has {outputs} outputs, but its class list has {len(classes)} classes; "
            "set network.classes to a CSV file with one row for each output"
        )
    return network


def _load_module(settings: NetworkSettings) -> tuple[nn.Module, Preprocessing]:
    match settings:
        case EmbeddedNetwork():
            return load_embedded()
        case TorchvisionNetwork():
            return load_torchvision(settings)


def _count_outputs(network: Network) -> int:
    probe = torch.full((1, 3, network.size, network.size), 0.5, device=network.device)
    with torch.no_grad():
        return network.logits(probe).shape[1]
