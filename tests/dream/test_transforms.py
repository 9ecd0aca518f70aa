"""Random views: each picture has its own, they reach everywhere, and they show what they say."""

import numpy as np
import pytest
import torch

from renderer.dream.dreaming import Transforms
from renderer.dream.randomness import PictureKey
from renderer.dream.views import draw_tints, draw_views, take_views, tint

KEYS = [PictureKey(0, "0003"), PictureKey(0, "0004")]
WHOLE = Transforms(crop=(1.0, 1.0), scale=(1.0, 1.0), rotate=0.0, jitter=0.0, flip=0.0, detail=0.0)


def test_views_do_not_depend_on_the_company() -> None:
    together = draw_views([Transforms(views=2)] * 2, KEYS, [5, 9], (40, 60), 20)
    alone = draw_views([Transforms(views=2)], KEYS[1:], [9], (40, 60), 20)
    assert torch.equal(together[2:], alone)
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together[:2], draw_views([Transforms(views=2)], KEYS[:1], [6], (40, 60), 20))
    assert not torch.equal(alone, draw_views([Transforms(views=2)], [PictureKey(1, "0004")], [9], (40, 60), 20))


def test_a_view_of_the_whole_square_picture_is_the_picture() -> None:
    picture = torch.rand(1, 3, 32, 32)
    view = take_views(picture, draw_views([WHOLE], KEYS[:1], [0], (32, 32), 32), 32)
    assert torch.allclose(view, picture, atol=1e-5)


def test_views_of_a_wide_picture_are_square_and_reach_both_ends() -> None:
    ramp = torch.linspace(0, 1, 90).expand(1, 3, 30, 90)
    maps = torch.cat([draw_views([WHOLE], KEYS[:1], [step], (30, 90), 30) for step in range(60)])
    views = take_views(ramp, maps, 30)
    spans = views[:, 0, 15, -1] - views[:, 0, 15, 0]
    assert spans.numpy() == pytest.approx(29 / 89, abs=0.01)  # Not squeezed: a third of the width each.
    means = views.mean(dim=(1, 2, 3))
    assert means.min() < 0.25 and means.max() > 0.75
    upright = take_views(ramp.transpose(2, 3), draw_views([WHOLE], KEYS[:1], [0], (90, 30), 30), 30)
    assert float(upright[0, 0, -1, 15] - upright[0, 0, 0, 15]) == pytest.approx(29 / 89, abs=0.01)


def test_a_smaller_crop_is_seen_larger() -> None:
    picture = torch.rand(1, 3, 40, 40)
    half = WHOLE.model_copy(update={"crop": (0.5, 0.5)})
    maps = draw_views([half], KEYS[:1], [0], (40, 40), 80)
    assert maps[0, 0, 0] == pytest.approx(10.0)
    view = take_views(picture, maps, 80)
    assert float(view.diff(dim=-1).abs().mean()) < 0.5 * float(picture.diff(dim=-1).abs().mean())


def test_a_shrunken_view_averages_fine_detail() -> None:
    checkers = (torch.arange(128)[:, None] + torch.arange(128)[None]).remainder(2).float().expand(1, 3, -1, -1)
    view = take_views(checkers, draw_views([WHOLE], KEYS[:1], [0], (128, 128), 32), 32)
    assert torch.allclose(view, torch.full_like(view, 0.5), atol=1e-5)


def test_every_pixel_gets_a_gradient_in_time() -> None:
    picture = torch.rand(1, 3, 40, 72, requires_grad=True)
    for step in range(60):
        take_views(picture, draw_views([Transforms()], KEYS[:1], [step], (40, 72), 32), 32).sum().backward()
    assert picture.grad is not None
    reached = picture.grad[0, 0].numpy()
    assert reached.min() > 0
    corners = np.array([reached[0, 0], reached[0, -1], reached[-1, 0], reached[-1, -1]])
    assert corners.min() > 0.02 * reached.mean()


def test_half_of_the_views_are_mirrored() -> None:
    ramp = torch.linspace(0, 1, 40).expand(1, 3, 30, 40)
    maps = torch.cat(
        [draw_views([WHOLE.model_copy(update={"flip": 0.5})], KEYS[:1], [step], (30, 40), 30) for step in range(200)]
    )
    slopes = take_views(ramp, maps, 30).diff(dim=-1).mean(dim=(1, 2, 3))
    assert float((slopes < 0).float().mean()) == pytest.approx(0.5, abs=0.12)
    assert slopes.abs().numpy() == pytest.approx(1 / 39, abs=0.003)  # Mirrored, not squeezed.


def test_a_large_picture_is_also_seen_in_its_own_pixels() -> None:
    some = WHOLE.model_copy(update={"detail": 0.5})
    maps = torch.cat([draw_views([some], KEYS[:1], [step], (200, 300), 20) for step in range(200)])
    sides = 2 * maps[:, 1, 1]
    assert float((sides < 199).float().mean()) == pytest.approx(0.5, abs=0.12)
    assert 20 <= float(sides.min()) < 40


def test_a_picture_of_the_size_of_a_view_has_no_further_detail() -> None:
    some = WHOLE.model_copy(update={"detail": 1.0})
    assert float(draw_views([some], KEYS[:1], [0], (20, 30), 20)[0, 1, 1]) == pytest.approx(10.0)


def test_tints_change_contrast_saturation_and_brightness() -> None:
    picture = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(tint(picture, torch.zeros(1, 3)), picture, atol=1e-6)
    brighter = tint(picture, torch.tensor([[0.0, 0.0, 0.5]]))
    assert float((brighter - picture).mean()) == pytest.approx(0.15, abs=1e-5)
    flatter = tint(picture, torch.tensor([[-0.5, 0.0, 0.0]]))
    assert float(flatter.std() / picture.std()) == pytest.approx(0.5, abs=0.01)
    colors = tint(picture, torch.tensor([[0.0, 0.5, 0.0]]))
    assert torch.allclose(colors.mean(1), picture.mean(1), atol=1e-5)
    assert float(
        (colors.amax(1) - colors.amin(1)).mean() / (picture.amax(1) - picture.amin(1)).mean()
    ) == pytest.approx(1.5)


def test_tints_belong_to_the_picture_and_stay_within_their_share() -> None:
    some = Transforms(color=0.2, views=2)
    together = torch.cat([draw_tints([some] * 2, KEYS, [step, step]) for step in range(50)])
    assert together.shape == (200, 3)
    assert 0.15 < float(together.abs().max()) <= 0.2
    assert torch.equal(draw_tints([some] * 2, KEYS, [5, 9])[2:], draw_tints([some], KEYS[1:], [9]))
    assert not torch.equal(draw_tints([some], KEYS[:1], [5]), draw_tints([some], KEYS[:1], [6]))


def test_tints_are_contrast_around_the_mean_then_saturation_around_gray() -> None:
    views, (contrast, saturation, brightness) = torch.rand(1, 3, 6, 6), (0.2, -0.3, 0.1)
    flat = views.mean() + (views - views.mean()) * (1 + contrast)
    gray = flat.mean(dim=1, keepdim=True)
    expected = gray + (flat - gray) * (1 + saturation) + 0.3 * brightness
    assert torch.allclose(tint(views, torch.tensor([[contrast, saturation, brightness]])), expected, atol=1e-5)


def steps_between_columns(transforms: Transforms, patch: int = 8, size: int = 64) -> torch.Tensor:
    """How much the mean gradient of a network of patches differs from column to column, for each place in a patch."""
    pictures = torch.zeros(1, 3, size, size, requires_grad=True)
    likes = torch.randn(size // patch, size // patch, generator=torch.Generator().manual_seed(0))
    for step in range(3):
        views = take_views(pictures, draw_views([transforms], KEYS[:1], [step], (size, size), size), size)
        (torch.nn.functional.avg_pool2d(views.mean(dim=1), patch) * likes).sum().backward()
    assert pictures.grad is not None
    steps = pictures.grad[0, 0].diff(dim=-1).abs().mean(dim=0)
    return torch.stack([steps[place::patch].mean() for place in range(patch)])


@pytest.mark.parametrize(
    "changes",
    [{}, {"scale": (1.0, 1.0), "rotate": 0.0, "crop": (0.9, 1.0)}, {**WHOLE.model_dump(), "jitter": 0.12}],
    ids=["by default", "hardly scaled", "shifted alone"],
)
def test_patches_of_a_transformer_leave_no_grid_in_the_picture(changes: dict[str, object]) -> None:
    steps = steps_between_columns(Transforms().model_copy(update={**changes, "views": 64}))
    assert float(steps.max() / steps.mean()) < 1.5
    still = steps_between_columns(WHOLE)
    assert float(still.max() / still.mean()) > 7  # All of them lie where patches meet.
