"""A parameterization can hold any picture; Fourier favors what is large and gray, and Maco holds the phases alone."""

import pytest
import torch

from renderer.dream.canvas import CANVASES
from renderer.dream.dreaming import (
    AdamOptimizer,
    Dream,
    FourierParameterization,
    MacoParameterization,
    ParameterizationKind,
    PixelParameterization,
    Regularizers,
    Transforms,
)
from renderer.dream.objectives import LogitObjective
from renderer.dream.parameterizations import Pixels, StepTime, build_parameterization
from renderer.dream.randomness import PictureKey
from tests.dream.climbing import ascend
from tests.networks.tiny import logits, tiny_network

SIZES = [(30, 44), (45, 31)]
KINDS = [FourierParameterization(), FourierParameterization(decay=0.5), PixelParameterization()]


def picture(size: tuple[int, int]) -> torch.Tensor:
    return 0.02 + 0.96 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_decoding_what_was_encoded_gives_the_picture(size: tuple[int, int], kind: ParameterizationKind) -> None:
    parameterization = build_parameterization(kind, size, torch.device("cpu"))
    assert torch.allclose(parameterization.decode(parameterization.encode(picture(size))), picture(size), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_ascent_can_reach_any_picture(kind: ParameterizationKind) -> None:
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


def spectrum(pictures: torch.Tensor) -> torch.Tensor:
    """Fourier coefficients of luminance, blue-yellow and red-green before the sigmoid."""
    red, green, blue = pictures.logit().unbind(1)
    colors = [(red + green + blue) / 3**0.5, (red - blue) / 2**0.5, (red - 2 * green + blue) / 6**0.5]
    return torch.fft.fft2(torch.stack(colors, 1), norm="ortho")


def test_maco_changes_phases_and_keeps_the_magnitudes_of_natural_pictures() -> None:
    size, keys = (30, 44), [PictureKey(0, "0002"), PictureKey(0, "0005")]
    kind, smooth = MacoParameterization(contrast=0.15), Regularizers(total_variation=0)
    objective = LogitObjective(log_probability=1.0)
    optimizer = AdamOptimizer(learning_rate=0.2)
    dream = Dream(
        objective=objective,
        parameterization=kind,
        optimizer=optimizer,
        regularizers=smooth,
        transforms=Transforms(color=0.0),
    )
    held = build_parameterization(dream.parameterization, size, torch.device("cpu"))
    before = held.decode(held.encode(picture(size)))
    after = ascend(tiny_network(), dream, before, keys, [0, 0], 40).pictures
    assert torch.allclose(spectrum(after).abs(), spectrum(before).abs(), atol=1e-4)
    turned = (spectrum(after) / spectrum(before)).angle().abs()[:, 0, 1:5, 1:5]
    assert turned.mean() > 0.1
    assert after.min() > 0 and after.max() < 1
    for place, key in enumerate(keys):
        old, new = (logits(tiny_network(), pictures[..., 7:37])[place, key.number] for pictures in (before, after))
        assert new > old + 0.005


@pytest.mark.parametrize("size", [(64, 96), (63, 64), (64, 33), (45, 31)])
@pytest.mark.parametrize(("contrast", "decay"), [(0.05, 1.0), (0.1, 1.5)])
def test_maco_follows_the_law_at_any_size(size: tuple[int, int], contrast: float, decay: float) -> None:
    settings = MacoParameterization(contrast=contrast, decay=decay)
    held = build_parameterization(settings, size, torch.device("cpu"))
    coordinates = held.encode(picture(size))
    pictures = held.decode(coordinates + torch.randn(coordinates.shape, generator=torch.Generator().manual_seed(0)))
    assert pictures.shape == (2, 3, *size)
    assert torch.allclose(pictures, held.decode(held.encode(pictures)), atol=1e-4)
    assert float((pictures - 0.5).square().mean().sqrt()) == pytest.approx(contrast, rel=0.05)
    found = spectrum(pictures).abs()[0]
    # A frequency in cycles a pixel is equally strong down and across, whatever the shape of the picture.
    down, across = (found[0, size[0] // 8, 0] * (size[0] // 8 / size[0]) ** decay,
                    found[0, 0, size[1] // 8] * (size[1] // 8 / size[1]) ** decay)  # fmt: skip
    assert float(down) == pytest.approx(float(across), rel=0.02)
    assert float(found[0, 2, 2] / found[0, 4, 4]) == pytest.approx(2**decay, rel=0.02)
    assert float(found[0, 3, 3] / found[1, 3, 3]) == pytest.approx(1 / 0.35, rel=0.02)


def test_maco_takes_the_things_of_a_picture_with_it() -> None:
    """Where a picture has a thing, what is held has it too."""
    noise = 0.02 * torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(0))
    picture = 0.3 + noise  # which gives each frequency of each color a phase that is more than a rounding error
    picture[..., 6:26, 12:45] += 0.4
    held = build_parameterization(MacoParameterization(), (48, 80), torch.device("cpu"))
    again = held.decode(held.encode(picture))
    elsewhere = held.decode(held.encode(picture.flip(-1, -2)))

    def likeness(other: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([picture.flatten(), other.flatten()]))[0, 1])

    assert likeness(again) > 0.5
    assert likeness(elsewhere) < 0.2
    turned = (spectrum(again) / spectrum(picture)).angle().abs()
    # Not quite all: four coefficients of each color have no phase, and the weakest ones are rounded.
    assert (turned < 0.01).float().mean() > 0.99


def held(**keys: float) -> Pixels:
    return Pixels(PixelParameterization(**keys))


def settled(pixels: Pixels, pictures: torch.Tensor, gradient: torch.Tensor, step: int = 0) -> torch.Tensor:
    coordinates = pixels.encode(pictures)
    pixels.settle(coordinates, gradient, StepTime(step, 1.0), CANVASES["mirror"])
    return coordinates


def test_pixels_that_are_nearly_gray_are_made_so() -> None:
    pictures = picture((30, 44))
    clipped = settled(held(clip_norm=0.25), pictures, torch.zeros_like(pictures))
    gray = (clipped == 0.5).all(1)
    assert gray.float().mean(dim=(1, 2)).tolist() == pytest.approx([0.25, 0.25], abs=0.01)
    away = (pictures - 0.5).square().sum(1)
    assert all(away[row][gray[row]].max() <= away[row][~gray[row]].min() for row in range(2))
    assert torch.equal(clipped.movedim(1, -1)[~gray], pictures.movedim(1, -1)[~gray])


def test_pixels_that_contribute_least_are_made_gray() -> None:
    pictures, gradient = picture((30, 44)), torch.zeros(2, 3, 30, 44)
    gradient[:, 1, :10] = 1.0
    clipped = settled(held(clip_contribution=0.6), pictures, gradient)
    gray = (clipped == 0.5).all(1)
    assert not gray[:, :10].any()
    assert gray[:, 10:].all()  # all of them contribute nothing
    assert settled(held(), pictures, gradient).equal(pictures)


def test_a_blur_may_come_every_few_steps() -> None:
    pictures = picture((30, 44))
    changed = [
        not settled(held(blur=(1.0, 1.0), blur_every=4), pictures, pictures, step).equal(pictures) for step in range(8)
    ]
    assert changed == [False, False, False, True, False, False, False, True]
