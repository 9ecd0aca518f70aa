"""In which order of memory a module can be asked."""

from __future__ import annotations

import torch
from torch import nn

from renderer.networks.network import Preprocessing


def suitable_memory_format(module: nn.Module, preprocessing: Preprocessing) -> torch.memory_format:
    """Channels last, which is faster, unless the module answers in torch's usual order alone.

    One that flattens with `view` does. What keeps it from answering at all is found where it is asked in earnest.
    """
    module.eval()
    orders = (torch.channels_last, torch.contiguous_format)
    return next((order for order in orders if _answers(module, preprocessing, order)), orders[0])


def _answers(module: nn.Module, preprocessing: Preprocessing, order: torch.memory_format) -> bool:
    module.to(memory_format=order)
    pictures = torch.zeros(1, len(preprocessing.mean), preprocessing.size, preprocessing.size)
    try:
        with torch.no_grad():
            module(pictures.to(memory_format=order))
    except Exception:  # noqa: BLE001  a user's module may raise anything
        return False
    return True
