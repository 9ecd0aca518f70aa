"""The devices that networks run on."""

from __future__ import annotations

import torch

from renderer.common.errors import UserError
from renderer.settings.sections import Run


def find_devices(run: Run) -> list[torch.device]:
    """The devices that the settings name, or the best one there is.

    Raises:
        UserError: One of them is not there.
    """
    names = [run.device] if isinstance(run.device, str) else run.device
    return [_find(name) for name in names]


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
