"""A network is frozen, scores what it sees, and shows its output weights."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from renderer.networks.network import Network, Preprocessing
from renderer.targets.target import class_target
from tests.networks.tiny import CLASSES, aims, logits, network_of, tiny_network


class _MeanOfChannels(nn.Module):
    """Three classes: how red, green and blue a picture is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


def color_network() -> Network:
    classes = [class_target(index, title) for index, title in enumerate(("red", "green", "blue"))]
    preprocessing = Preprocessing(16, (0.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    return network_of(_MeanOfChannels(), classes, preprocessing)


def test_scores_are_those_of_the_picture() -> None:
    green = np.zeros((2, 20, 30, 3), np.uint8)
    green[..., 1] = 255
    green[..., 2] = 51
    right, wrong = color_network().scores(green, aims(1, 0))
    probabilities = np.exp([0.0, 10.0, 2.0]) / np.exp([0.0, 10.0, 2.0]).sum()
    assert right.rank == 1 and wrong.rank == 3
    assert right.activation == pytest.approx(10.0, rel=1e-4)
    assert right.probability == pytest.approx(probabilities[1], rel=1e-4)
    assert [guess.index for guess in wrong.top] == [1, 2, 0]
    assert wrong.top[1].probability == pytest.approx(probabilities[2], rel=1e-3)


class _Answers(nn.Module):
    """The same answers for every picture."""

    def __init__(self, *answers: float) -> None:
        super().__init__()
        self.answers = torch.tensor(answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answers.expand(len(x), -1)


@pytest.mark.parametrize(
    ("answers", "ranks"),
    [
        ((0.0, 0.0, -1.0), [2, 2, 3]),
        ((math.nan, math.nan, math.nan), [3, 3, 3]),
        ((math.nan, 2.0, math.inf), [3, 2, 1]),
    ],
)
def test_no_answer_recognizes_nothing(answers: tuple[float, ...], ranks: list[int]) -> None:
    classes = [class_target(index, title) for index, title in enumerate(("red", "green", "blue"))]
    preprocessing = Preprocessing(16, (0.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    network = network_of(_Answers(*answers), classes, preprocessing)
    scores = network.scores(np.zeros((3, 20, 30, 3), np.uint8), aims(0, 1, 2))
    assert [score.rank for score in scores] == ranks
    assert all(math.isfinite(score.activation) and 0 <= score.probability <= 1 for score in scores)


def test_float32_can_be_had_whatever_the_precision() -> None:
    views = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    exact, coarse = tiny_network(), tiny_network(dtype=torch.bfloat16)
    difference = (logits(exact, views) - logits(coarse, views)).abs().max()
    assert logits(exact, views, precise=True).equal(logits(exact, views))
    # What remains is the rounding of the weights.
    assert 0 < (logits(exact, views) - logits(coarse, views, precise=True)).abs().max() < difference
    assert logits(coarse, views).equal(logits(coarse, views))
    assert {weight.dtype for weight in coarse._module.parameters()} == {torch.bfloat16}


def test_weights_never_get_a_gradient_but_pictures_do() -> None:
    network = tiny_network()
    views = torch.rand(2, 3, 32, 32, requires_grad=True)
    logits(network, views).sum().backward()
    assert views.grad is not None and float(views.grad.abs().sum()) > 0
    assert all(weight.grad is None for weight in network._module.parameters())


def test_output_weights_have_a_row_for_each_class() -> None:
    assert tiny_network().output_weights().shape == (CLASSES, 16)
    with pytest.raises(LookupError):
        color_network().output_weights()


def test_log_probabilities_agree_with_the_scores_and_are_finite() -> None:
    red = np.zeros((2, 20, 30, 3), np.uint8)
    red[..., 0] = 255
    red[1] //= 2
    network = color_network()
    found = network.log_probabilities(red)
    assert found.shape == (2, 3)
    assert np.exp(found[:, 0]) == pytest.approx(
        [score.probability for score in network.scores(red, aims(0, 0))], rel=1e-5
    )
    steep = network_of(_MeanOfChannels(), network.classes, Preprocessing(16, (0.0,) * 3, (1e-4,) * 3))
    assert steep.scores(red, aims(1, 1))[0].probability == 0
    assert steep.log_probabilities(red)[0, 1] == pytest.approx(-10_000, rel=1e-3)
