"""The devices that networks run on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from renderer.common.errors import UserError
from renderer.common.processor import has_fast_bfloat16

_AMPERE = (8, 0)  # earlier cards know bfloat16, but have no units for it


def find_devices(device: str | Sequence[str]) -> list[torch.device]:
    """The devices of the given names (`run.device`), or for `auto` the best one there is.

    Raises:
        UserError: One of them is not there.
    """
    names = [device] if isinstance(device, str) else device
    return [_find(name) for name in names]


def are_faster_in_bfloat16(device: str | Sequence[str]) -> bool:
    """Whether all devices of the given names compute faster in bfloat16 than in float32; raises as `find_devices`."""
    return all(_is_faster_in_bfloat16(found) for found in find_devices(device))


def _is_faster_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _AMPERE
    return device.type == "cpu" and has_fast_bfloat16()


def _find(name: str) -> torch.device:
    device = torch.device(_best() if name == "auto" else name)
    there = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": (device.index or 0) < torch.cuda.device_count(),
    }
    if not there[device.type]:
        raise UserError(f"run.device: this computer has no device '{name}'; the best it has is '{_best()}'")
    return device


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
