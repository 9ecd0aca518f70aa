"""What networks of one's own are shown: order of the colors, range, one channel."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from renderer.networks.network import Loaded, Network
from renderer.networks.network_input import NetworkInput

SIZE = 8


class _Shown(nn.Module):
    """Answers with the mean of each channel that it is shown."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean(dim=(2, 3))


def shown(color: tuple[float, float, float], **keys: Any) -> list[float]:
    """What a network is shown of a picture of one color."""
    loaded = Loaded(_Shown(), NetworkInput(size=SIZE, **keys).preprocessing)
    network = Network(loaded, device=torch.device("cpu"))
    views = torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, SIZE, SIZE)
    return [round(value, 4) for value in network.activations(views)["(outputs)"][0].tolist()]


def test_imagenet_s_statistics_are_the_default() -> None:
    assert shown((0.485, 0.456, 0.406)) == [0, 0, 0]
    assert shown((0.485 + 0.229, 0.456, 0.406)) == [1, 0, 0]
    assert shown((0.485 + 0.229, 0.456, 0.406), color_order="bgr") == [0, 0, 1]


def test_caffe_s_pictures_go_to_255_with_blue_first() -> None:
    keys: dict[str, Any] = {"color_order": "bgr", "range": (0.0, 255.0), "mean": (103.9, 116.8, 123.7)}
    assert shown((1.0, 0.0, 0.0), **keys) == [-103.9, -116.8, 131.3]


def test_a_range_may_go_below_zero() -> None:
    assert shown((0.0, 0.5, 1.0), range=(-1.0, 1.0)) == [-1, 0, 1]


def test_one_channel_is_shown_the_luminance() -> None:
    assert shown((0.5, 0.5, 0.5), channels=1) == [0.5]
    assert shown((0.0, 1.0, 0.0), channels=1, mean=(0.1,), std=(2.0,)) == [round((0.587 - 0.1) / 2, 4)]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"mean": (0.5,)}, "mean has 1 numbers; write one for each of the 3 channels"),
        ({"channels": 1, "std": (1.0, 1.0, 1.0)}, "std has 3 numbers"),
        ({"range": (1.0, 1.0)}, "black and white the same"),
        ({"std": (0.0, 1.0, 1.0)}, "greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        NetworkInput(**keys)
