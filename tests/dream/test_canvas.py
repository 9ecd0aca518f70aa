"""What lies beyond a border: mirror images, or the other side; the same for views, moves and blurs."""

import numpy as np
import pytest
import torch

from renderer.dream.blur import blur
from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.dreaming import Level
from renderer.dream.level import keep_level
from renderer.film.motion import Move
from renderer.film.sequence import dream_stills
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import StillTask
from renderer.film.warp import apply_moves
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from tests.networks.tiny import aims, tiny_network

MIRROR, WRAP = CANVASES["mirror"], CANVASES["wrap"]
SIZE = (24, 40)


def picture() -> torch.Tensor:
    noise = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(noise, (1, 1, 1, 1), mode="circular"), 3, 1)


@pytest.mark.parametrize(("canvas", "expected"), [(MIRROR, [1, 0, 0, 1, 2, 3, 3, 2]), (WRAP, [2, 3, 0, 1, 2, 3, 0, 1])])
def test_numbers_beyond_the_ends_are_folded_back(canvas: Canvas, expected: list[int]) -> None:
    assert canvas.fold(torch.arange(-2, 6), 4).tolist() == expected


def centers(count: int, sides: tuple[int, int]) -> torch.Tensor:
    """Centers of the pixels of so many copies side by side, the middle one being the picture."""
    rows, columns = ((torch.arange(count * side) + 0.5) / side * 2 - count for side in sides)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)[None]


def test_a_wrapped_picture_is_seen_again_on_every_side() -> None:
    seen = WRAP.sample(picture(), centers(3, SIZE))
    torch.testing.assert_close(seen, picture().repeat(1, 1, 3, 3), atol=1e-5, rtol=0)


def test_a_mirrored_picture_is_seen_mirrored_on_every_side() -> None:
    seen = MIRROR.sample(picture(), centers(3, SIZE))
    row = torch.cat([picture().flip(3), picture(), picture().flip(3)], 3)
    torch.testing.assert_close(seen, torch.cat([row.flip(2), row, row.flip(2)], 2), atol=1e-5, rtol=0)


def test_a_camera_that_goes_once_around_a_wrapped_picture_is_back() -> None:
    moved = picture()
    for _ in range(4):
        moved = apply_moves(moved, [Move(pan=(0.25, -0.5))], WRAP)
    torch.testing.assert_close(moved, picture(), atol=1e-3, rtol=0)
    assert not torch.allclose(apply_moves(picture(), [Move(pan=(1.0, 0.0))], MIRROR), picture(), atol=0.05)


def test_a_blur_goes_on_at_the_other_side() -> None:
    shifted = blur(picture().roll((5, 7), (2, 3)), 2.0, WRAP)
    torch.testing.assert_close(shifted, blur(picture(), 2.0, WRAP).roll((5, 7), (2, 3)), atol=1e-5, rtol=0)


def test_leveling_goes_on_at_the_other_side() -> None:
    level = [Level(strength=0.9)]
    wide = torch.nn.functional.interpolate(picture(), (96, 96), mode="bicubic")
    shifted = keep_level(level, wide.roll((16, 48), (2, 3)), 1.0, WRAP)
    torch.testing.assert_close(shifted, keep_level(level, wide, 1.0, WRAP).roll((16, 48), (2, 3)), atol=1e-5, rtol=0)


def seam(shown: np.ndarray) -> float:
    """How much opposite borders differ, against neighbors anywhere."""
    values = shown.astype(float)
    across = np.abs(values[:, 0] - values[:, -1]).mean() + np.abs(values[0] - values[-1]).mean()
    return float(across / (np.abs(np.diff(values, axis=1)).mean() + np.abs(np.diff(values, axis=0)).mean()))


def test_a_wrapped_still_is_a_tile_and_a_mirrored_one_is_not() -> None:
    def still(canvas: str) -> np.ndarray:
        said = [f"dream.canvas={canvas}", "stills.width=72", "stills.height=48", "stills.steps=40"]
        settings = parse_settings("", "test", [*said, "dream.parameterization={kind: pixels, blur: [2, 1]}"])
        recipe = still_recipe(Chosen().fill_in(settings), aims(2), {})
        (shown,) = dream_stills(tiny_network(), recipe, [StillTask(recipe.aims[0], 0)])
        return shown.picture

    assert seam(still("wrap")) < 1.5 < seam(still("mirror"))
