"""Values that may differ from picture to picture of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def per_picture(values: Sequence[float], like: Tensor) -> float | Tensor:
    """A number for each picture of a batch, ready to be multiplied with something that has a row for each picture.

    Args:
        values: One a picture.
        like: What it will be multiplied with: gives the number of dimensions, the device and the precision.

    Returns:
        The number itself where all are equal, which is nearly always so and costs nothing; else a tensor.
    """
    if all(value == values[0] for value in values):
        return values[0]
    return onto(torch.tensor(values, dtype=like.dtype), like.device).view(-1, *[1] * (like.ndim - 1))


def onto(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device; the host need not wait until a graphics card has come so far."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def rows_of(pictures: Tensor, owners: list[int]) -> Tensor:
    """Some of the pictures, in the given order; without a copy where they are all."""
    if owners == list(range(len(pictures))):
        return pictures
    return pictures.index_select(0, onto(torch.tensor(owners), pictures.device))
