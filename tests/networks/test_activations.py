"""Redirected rectifiers: the values of plain ones, and a gradient where plain ones have none."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from renderer.networks.rectifiers import redirected

Activation = Callable[[Tensor], Tensor]
INPUTS = torch.tensor([-40.0, -3.5, -1.0, -0.0, 0.0, 0.25, 2.5, 5.5, 7.0, float("inf"), float("nan")])

ACTIVATIONS: list[Activation] = [
    nn.ReLU(), nn.ReLU(inplace=True), functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu,
    Tensor.relu_, lambda x: torch.relu(input=x), lambda x: functional.relu(x, True),
    nn.ReLU6(), nn.ReLU6(inplace=True), functional.relu6, nn.Hardtanh(-2, 3, inplace=True), functional.hardtanh,
    functional.hardtanh_, nn.Hardswish(inplace=True), functional.hardswish, nn.Hardsigmoid(), functional.hardsigmoid,
]  # fmt: skip


def run(activation: Activation, context: Callable[[], object] = torch.enable_grad) -> tuple[Tensor, Tensor, Tensor]:
    """What the activation gives, what is in its input then, and the input's gradient, computed outside the context."""
    leaf = INPUTS.clone().requires_grad_()
    inputs = leaf * 1
    with context():  # type: ignore[attr-defined]
        outputs = activation(inputs)
    (gradient,) = torch.autograd.grad(outputs[:-2].sum(), leaf)
    return outputs.detach(), inputs.detach(), gradient[:-2]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_are_those_of_the_plain_one_and_the_gradient_passes_where_that_has_none(activation: Activation) -> None:
    plain, passing = run(activation), run(activation, lambda: redirected(0.25))
    for given, expected in zip(passing[:2], plain[:2], strict=True):
        assert torch.equal(given.view(torch.int32), expected.view(torch.int32))
    off = plain[2] == 0
    assert off.any() and not off.all()
    assert torch.equal(passing[2][off], torch.full((int(off.sum()),), 0.25))
    assert torch.equal(passing[2][~off], plain[2][~off])


def test_it_ends_with_its_context_and_may_be_nested() -> None:
    with redirected(0.25):
        assert run(functional.relu, lambda: redirected(0.5))[2][0] == 0.5
        assert run(functional.relu)[2][0] == 0.25
    assert run(functional.relu)[2][0] == 0


def test_a_slope_of_0_is_the_plain_gradient() -> None:
    for activation in ACTIVATIONS:
        assert torch.equal(run(activation, lambda: redirected(0.0))[2], run(activation)[2])


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_networks_of_torchvision_give_what_they_gave(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = models.get_model(name, weights=None).eval().requires_grad_(requires_grad=False)
    views = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0)).requires_grad_()
    plain = module(views)
    with redirected(1.0):
        passing = module(views)
    assert torch.equal(plain, passing)
    gradients = [torch.autograd.grad(outputs[0, 3], views)[0] for outputs in (plain, passing)]
    assert float((gradients[0] - gradients[1]).norm()) > 0.1 * float(gradients[0].norm()) > 0
    with torch.no_grad(), redirected(1.0):
        assert torch.equal(module(views), plain)
