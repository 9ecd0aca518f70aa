"""A parameterization can hold any picture, and Fourier favors what is large and gray."""

import pytest
import torch

from renderer.config.models import FourierParameterization, Parameterization, PixelParameterization
from renderer.dream.parameterizations import build_parameterization

SIZES = [(30, 44), (45, 31)]
KINDS = [FourierParameterization(), FourierParameterization(decay=0.5), PixelParameterization()]


def picture(size: tuple[int, int]) -> torch.Tensor:
    return 0.02 + 0.96 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_decoding_what_was_encoded_gives_the_picture(size: tuple[int, int], kind: Parameterization) -> None:
    parameterization = build_parameterization(kind, size, torch.device("cpu"))
    assert torch.allclose(parameterization.decode(parameterization.encode(picture(size))), picture(size), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_ascent_can_reach_any_picture(kind: Parameterization) -> None:
    size = SIZES[0]
    target = torch.nn.functional.avg_pool2d(picture((size[0] * 4, size[1] * 4)), 4)
    parameterization = build_parameterization(kind, size, torch.device("cpu"))
    coordinates = parameterization.encode(torch.full_like(target, 0.5)).requires_grad_()
    optimizer = torch.optim.Adam([coordinates], lr=0.05)
    errors = []
    for _ in range(150):
        optimizer.zero_grad()
        error = (parameterization.decode(coordinates) - target).square().mean()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.05 * errors[0]


def test_the_same_step_moves_low_frequencies_and_luminance_most() -> None:
    parameterization = build_parameterization(FourierParameterization(), (32, 48), torch.device("cpu"))
    gray = parameterization.encode(torch.full((1, 3, 32, 48), 0.5))

    def change(channel: int, row: int, column: int) -> float:
        moved = gray.clone()
        moved[0, channel, row, column, 0] += 1.0
        return float((parameterization.decode(moved) - 0.5).square().mean().sqrt())

    assert change(0, 1, 1) > 3 * change(0, 8, 8)
    assert change(0, 2, 2) > 2 * change(1, 2, 2) > 3 * change(2, 2, 2)


def test_the_pixels_gradient_passes_where_they_are_clipped() -> None:
    parameterization = build_parameterization(PixelParameterization(), (4, 6), torch.device("cpu"))
    coordinates = torch.full((1, 3, 4, 6), 1.5, requires_grad=True)
    parameterization.decode(coordinates).sum().backward()
    assert parameterization.decode(coordinates).max() == 1
    assert torch.equal(coordinates.grad, torch.ones_like(coordinates))
