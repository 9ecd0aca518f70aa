"""In which order of memory a module can be asked."""

from __future__ import annotations

import torch
from torch import nn

from renderer.networks.network import Preprocessing


def suitable_memory_format(module: nn.Module, preprocessing: Preprocessing) -> torch.memory_format:
    """Channels last, which is faster, unless the module takes pictures in torch's usual order alone.

    A module that flattens with `view` does. What else keeps it from answering is found where it is asked in earnest.
    """
    module.eval().to(memory_format=torch.channels_last)
    pictures = torch.zeros(1, len(preprocessing.mean), preprocessing.size, preprocessing.size)
    try:
        with torch.no_grad():
            module(pictures.to(memory_format=torch.channels_last))
    except RuntimeError as error:
        if "view size is not compatible" in str(error):
            return torch.contiguous_format
    except Exception:  # noqa: BLE001, S110  a user's module may raise anything; it is asked again
        pass
    return torch.channels_last
