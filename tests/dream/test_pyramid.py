"""Pictures that are seen and changed in views, each in the resolution that is nearest to its own."""

import math

import pytest
import torch

from renderer.dream.canvas import CANVASES
from renderer.dream.pyramid import Pyramid
from renderer.dream.resolution import doubled, halved

MIRROR, WRAP = CANVASES["mirror"], CANVASES["wrap"]


def view_map(
    side: float, center: tuple[float, float] = (0.0, 0.0), degrees: float = 0.0, mirror: int = 1
) -> torch.Tensor:
    cosine, sine = side / 2 * math.cos(math.radians(degrees)), side / 2 * math.sin(math.radians(degrees))
    return torch.tensor([[[mirror * cosine, -sine, center[0]], [mirror * sine, cosine, center[1]]]])


def soft(height: int, width: int) -> torch.Tensor:
    """A picture without anything fine in it, different in all directions."""
    down, across = torch.linspace(0, 2, height)[:, None], torch.linspace(0, 3, width)
    return torch.stack([down.sin() + 0 * across, across.cos() + 0 * down, (down * across).sin()])[None]


@pytest.mark.parametrize("size", [(6, 8), (7, 8), (6, 9), (7, 9)])
def test_halving_takes_means_of_all_pixels(size: tuple[int, int]) -> None:
    picture = torch.rand(2, 3, *size, dtype=torch.float64, requires_grad=True)
    means = torch.nn.functional.avg_pool2d(picture, 2, ceil_mode=True, count_include_pad=False)
    assert torch.allclose(halved(picture), means)
    assert torch.autograd.gradcheck(halved, (picture,))


def test_doubling_is_bilinear() -> None:
    picture = torch.rand(2, 3, 5, 8)
    torch.testing.assert_close(
        doubled(picture, (10, 16)), torch.nn.functional.interpolate(picture, scale_factor=2, mode="bilinear")
    )
    assert doubled(picture, (9, 15)).shape == (2, 3, 9, 15)


def test_what_is_not_changed_stays_as_it_is() -> None:
    picture = torch.rand(1, 3, 45, 67)
    pyramid = Pyramid(picture.clone(), 4, MIRROR)
    pyramid.add(torch.zeros(1, 3, 16, 16), view_map(64.0))
    assert torch.equal(pyramid.pictures(), picture)


@pytest.mark.parametrize("side", [16.0, 32.0, 64.0])
@pytest.mark.parametrize(("degrees", "mirror"), [(0.0, 1), (30.0, 1), (0.0, -1)])
def test_a_change_is_made_where_it_was_seen(side: float, degrees: float, mirror: int) -> None:
    pyramid, maps = Pyramid(torch.zeros(1, 3, 90, 141), 4, MIRROR), view_map(side, (20.0, -10.0), degrees, mirror)
    change = soft(16, 16)
    pyramid.add(change, maps)
    seen = pyramid.views(maps, 16)
    again = Pyramid(pyramid.pictures(), 4, MIRROR).views(maps, 16)
    inside = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(seen[inside], change[inside], atol=0.1, rtol=0)
    torch.testing.assert_close(again[inside], change[inside], atol=0.1, rtol=0)


def test_beyond_a_view_nothing_changes() -> None:
    picture = torch.rand(1, 3, 60, 80)
    pyramid = Pyramid(picture.clone(), 1, MIRROR)
    pyramid.add(torch.ones(1, 3, 20, 20), view_map(20.0, (-20.0, 10.0)))
    changed = (pyramid.pictures() - picture)[0, 0]
    rows, columns = (changed.abs() > 1e-4).nonzero().unbind(1)
    assert (rows.min(), rows.max()) == (30, 49)
    assert (columns.min(), columns.max()) == (10, 29)
    assert torch.allclose(changed[30:50, 10:30], torch.ones(20, 20), atol=1e-5)


@pytest.mark.parametrize(("changed", "seen"), [(64.0, 16.0), (16.0, 64.0), (64.0, 32.0), (32.0, 64.0)])
def test_a_change_is_seen_in_all_resolutions_at_once(changed: float, seen: float) -> None:
    pyramid = Pyramid(soft(91, 140), 3, MIRROR)
    pyramid.add(soft(16, 16), view_map(changed))
    own = pyramid.views(view_map(seen), 16)
    after = Pyramid(pyramid.pictures(), 3, MIRROR).views(view_map(seen), 16)
    torch.testing.assert_close(own, after, atol=0.03, rtol=0)
    assert not torch.allclose(own, Pyramid(soft(91, 140), 3, MIRROR).views(view_map(seen), 16), atol=0.1)


def test_each_picture_has_its_own_views() -> None:
    pictures = torch.cat([torch.zeros(1, 3, 40, 56), torch.ones(1, 3, 40, 56)])
    maps = torch.cat([view_map(32.0), view_map(16.0), view_map(16.0), view_map(32.0)])
    pyramid = Pyramid(pictures.clone(), 2, MIRROR)
    assert pyramid.views(maps, 16).mean(dim=(1, 2, 3)).tolist() == pytest.approx([0, 0, 1, 1])
    pyramid.add(torch.stack([torch.full((3, 16, 16), float(number)) for number in range(4)]), maps)
    middle = pyramid.pictures()[:, 0, 20, 28].tolist()
    assert middle == pytest.approx([0 + 1, 1 + 2 + 3])


def test_views_of_a_tile_go_on_at_the_other_side() -> None:
    tile = soft(32, 48)
    across = Pyramid(tile, 1, WRAP).views(view_map(16.0, (24.0, 0.0)), 16)
    rolled = Pyramid(tile.roll(24, -1), 1, WRAP).views(view_map(16.0), 16)
    torch.testing.assert_close(across, rolled, atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [16.0, 40.0])
def test_what_is_changed_at_a_border_of_a_tile_is_changed_at_the_other_side(side: float) -> None:
    def changed(tile: torch.Tensor, center: tuple[float, float]) -> torch.Tensor:
        pyramid = Pyramid(tile.clone(), 2, WRAP)
        pyramid.add(soft(16, 16), view_map(side, center, 20.0))
        return pyramid.pictures()

    tile = torch.rand(1, 3, 32, 48)
    across, rolled = changed(tile, (24.0, -16.0)), changed(tile.roll((16, 24), (-2, -1)), (0.0, 0.0))
    torch.testing.assert_close(across, rolled.roll((-16, -24), (-2, -1)), atol=1e-4, rtol=0)
    assert (across - tile).abs().max() > 0.5


def test_a_view_larger_than_the_tile_changes_all_of_its_repetitions() -> None:
    pyramid = Pyramid(torch.zeros(1, 3, 32, 32), 3, WRAP)
    pyramid.add(torch.ones(1, 3, 16, 16), view_map(64.0))
    assert pyramid.pictures().mean() == pytest.approx(4.0, rel=0.05)


def test_doubling_a_tile_goes_on_at_the_other_side() -> None:
    tile = torch.rand(1, 3, 6, 8)
    rolled = doubled(tile.roll((2, 3), (-2, -1)), (12, 16), wrapped=True).roll((-4, -6), (-2, -1))
    torch.testing.assert_close(doubled(tile, (12, 16), wrapped=True), rolled)
