"""From the settings to a network that is ready to dream."""

from __future__ import annotations

import torch
from torch import Tensor

from renderer.common.errors import UserError
from renderer.networks.network import Companion, Network
from renderer.networks.source import NetworkSource
from renderer.networks.state_dicts import first_line
from renderer.targets.target import OUTPUTS

_CPU = torch.device("cpu")


def load_network(source: NetworkSource, device: torch.device = _CPU, dtype: torch.dtype = torch.float32) -> Network:
    """Load a network, frozen, with its classes and its companions.

    Raises:
        UserError: The network or its weights cannot be had, its outputs are not the classes of its list or not finite,
            or a companion knows none of them.
    """
    companions = source.of_companions(lambda companion: _load_companion(source, companion, device, dtype))
    network = Network(source.load(), source.targets, (), companions, device=device, dtype=dtype)
    answer = _first_answer(source, network)
    outputs = answer.shape[1]
    network.classes = classes = source.classes_of(outputs)  # which only the outputs may tell
    if outputs != len(classes):
        raise UserError(
            f"network.classes: the network has {outputs} outputs, but its class list {len(classes)} classes (without a "
            "file, those of ImageNet); set network.classes to a file with a title for each output, or to numbered"
        )
    if not answer.isfinite().any():
        raise UserError(
            f"network: {source.label} answers with no finite number: its weights are damaged, or those of another "
            "network; give it others"
        )
    return network


def _first_answer(source: NetworkSource, network: Network) -> Tensor:
    """The first time that the network is asked: what keeps it from answering is found here."""
    try:
        return network.first_answer()
    except UserError:
        raise
    except Exception as error:  # a network of the user's may raise anything
        shown = f"{1 if network.is_gray else 3} x {network.size} x {network.size}"
        raise UserError(
            f"network: {source.label} does not take pictures of {shown} ({first_line(error)}); set network.input to "
            "what it expects, or choose another network"
        ) from error


def network_shape(source: NetworkSource) -> Network:
    """A network that is only looked at, perhaps with random weights and without its classes.

    Raises:
        UserError: It cannot be had.
    """
    return Network(source.load_shape(), device=_CPU)


def channels_by_layer(source: NetworkSource) -> dict[str, int]:
    """How many channels the outputs have, and each layer that works once, whose class list need not be known.

    Raises:
        UserError: The network cannot be had.
    """
    network = Network(source.load(), device=_CPU)
    return {OUTPUTS: network.count_outputs(), **{name: layer.shape[0] for name, layer in network.layers().items()}}


def count_channels(source: NetworkSource, layer: str) -> int:
    """How many channels a layer has, of a network whose class list need not be known.

    Raises:
        UserError: The network cannot be had, or has no such layer.
    """
    return Network(source.load(), device=_CPU).channels(layer)


def _load_companion(
    first: NetworkSource, companion: NetworkSource, device: torch.device, dtype: torch.dtype
) -> Companion:
    units = first.matches(companion)
    return Companion(load_network(companion, device, dtype), units)
