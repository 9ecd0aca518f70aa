"""A network is frozen, scores what it sees, and shows its output weights."""

import numpy as np
import pytest
import torch
from torch import nn

from renderer.classes.records import ClassRecord
from renderer.networks.network import Network, Preprocessing
from tests.networks.tiny import CLASSES, tiny_network


class _MeanOfChannels(nn.Module):
    """Three classes: how red, green and blue a picture is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


def color_network() -> Network:
    classes = [ClassRecord(index, title) for index, title in enumerate(("red", "green", "blue"))]
    preprocessing = Preprocessing(16, (0.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    return Network(_MeanOfChannels(), classes, preprocessing, device=torch.device("cpu"))


def test_scores_are_those_of_the_picture() -> None:
    green = np.zeros((2, 20, 30, 3), np.uint8)
    green[..., 1] = 255
    green[..., 2] = 51
    right, wrong = color_network().scores(green, [1, 0])
    probabilities = np.exp([0.0, 10.0, 2.0]) / np.exp([0.0, 10.0, 2.0]).sum()
    assert right.rank == 1 and wrong.rank == 3
    assert right.logit == pytest.approx(10.0, rel=1e-4)
    assert right.probability == pytest.approx(probabilities[1], rel=1e-4)
    assert [guess.index for guess in wrong.top] == [1, 2, 0]
    assert wrong.top[1].probability == pytest.approx(probabilities[2], rel=1e-3)


def test_weights_never_get_a_gradient_but_pictures_do() -> None:
    network = tiny_network()
    views = torch.rand(2, 3, 32, 32, requires_grad=True)
    network.logits(views).sum().backward()
    assert views.grad is not None and float(views.grad.abs().sum()) > 0
    assert all(weight.grad is None for weight in network._module.parameters())


def test_output_weights_have_a_row_for_each_class() -> None:
    assert tiny_network().output_weights().shape == (CLASSES, 16)
    with pytest.raises(LookupError):
        color_network().output_weights()
