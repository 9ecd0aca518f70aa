"""Moves of panoramas: the camera turns and flies, and what it shows stays sharp and whole."""

import math

import pytest
import torch
from torch import Tensor

from renderer.dream.canvas import CANVASES
from renderer.film.motion import Move
from renderer.film.warp import apply_moves
from tests.dream.test_sphere import BACK, FORWARD, NADIR, SIZE, ZENITH, detail, directions, look, texture

SPHERE = CANVASES["sphere"]
TURNED = [Move(pan=(1 / 50, 0.0)), Move(pan=(0.0, 2 / 50)), Move(rotation=math.tau / 50)]


def moved(picture: Tensor, move: Move, times: int = 1) -> Tensor:
    for _ in range(times):
        picture = apply_moves(picture, [move], SPHERE)
    return picture


def spot(direction: tuple[float, float, float]) -> Tensor:
    """A bright spot there."""
    near = directions() @ (torch.tensor(direction) / torch.tensor(direction).norm()).double()
    return torch.exp((near - 1) / 0.02).float().expand(1, 3, *SIZE).contiguous()


def middle(picture: Tensor) -> Tensor:
    """Direction of the middle of what is bright."""
    areas = picture[0, 0].double() * (directions()[..., 1].square().neg() + 1).sqrt()
    return torch.nn.functional.normalize((directions() * areas[..., None]).sum((0, 1)), dim=0)


def test_what_does_not_move_stays_as_it_is() -> None:
    assert torch.equal(moved(texture(28.0), Move()), texture(28.0))


@pytest.mark.parametrize("move", TURNED)
def test_fifty_moves_once_around_change_nothing_and_blur_nothing(move: Move) -> None:
    before = texture(28.0)  # waves of four and a half pixels
    after = moved(before, move, 50)
    assert (after - before).square().mean().sqrt() < 0.01
    for way in (FORWARD, BACK, ZENITH, NADIR):
        assert detail(look(after, way)) == pytest.approx(detail(look(before, way)), rel=0.03)


@pytest.mark.parametrize(
    ("move", "seen", "shown"),
    [
        (Move(pan=(0.25, 0.0)), (1.0, 0.0, 0.0), FORWARD),  # to the right by a quarter of the width: a quarter turn
        (Move(pan=(0.0, 0.5)), NADIR, FORWARD),  # down by half of the height
        (Move(pan=(0.0, -0.5)), ZENITH, FORWARD),
        (Move(rotation=math.pi / 2), (1.0, 0.0, 0.0), ZENITH),  # what is seen turns counterclockwise
        (Move(zoom=2.0), FORWARD, FORWARD),
        (Move(zoom=2.0), BACK, BACK),
    ],
)
def test_the_camera_turns_as_it_is_told(
    move: Move, seen: tuple[float, float, float], shown: tuple[float, float, float]
) -> None:
    assert float(middle(moved(spot(seen), move)) @ torch.tensor(shown).double()) > 0.999


def test_zoom_enlarges_ahead_and_shrinks_behind_by_the_same_factor() -> None:
    for way, factor in ((FORWARD, 1.5), (BACK, 1 / 1.5)):
        before, after = spot(way).mean(), moved(spot(way), Move(zoom=1.5))
        areas = (directions()[..., 1].square().neg() + 1).sqrt()
        size = float((after[0, 0] * areas).sum() / (spot(way)[0, 0] * areas).sum())
        assert before > 0 and size == pytest.approx(factor**2, rel=0.1)


def test_zoom_keeps_angles() -> None:
    zoomed = moved(spot((1.0, 0.3, 0.4)), Move(zoom=1.5))
    view = look(zoomed, tuple(middle(zoomed).tolist()), 50, 64)[0, 0].double()
    line = torch.arange(64) - 31.5
    spread = [(view * line[:, None].square()).sum(), (view * line.square()).sum(), (view * line[:, None] * line).sum()]
    assert spread[0] == pytest.approx(float(spread[1]), rel=0.05) and abs(spread[2]) < 0.05 * spread[0]


def test_moves_of_neighboring_times_add_up() -> None:
    half = Move(zoom=1.1, rotation=0.2, pan=(0.05, 0.04))
    whole = Move(zoom=1.21, rotation=0.4, pan=(0.1, 0.08))
    torch.testing.assert_close(moved(texture(8.0), half, 2), moved(texture(8.0), whole), atol=5e-3, rtol=0)


def test_zoom_in_and_out_is_no_move() -> None:
    there = moved(texture(16.0), Move(zoom=1.02), 10)
    torch.testing.assert_close(moved(there, Move(zoom=1 / 1.02), 10), texture(16.0), atol=0.02, rtol=0)


def test_each_panorama_of_a_batch_moves_by_its_own_move() -> None:
    pictures = torch.cat([texture(8.0), texture(8.0).flip(1)])
    both = apply_moves(pictures, [Move(zoom=1.1), Move(pan=(0.1, 0.0))], SPHERE)
    assert torch.allclose(both[:1], moved(pictures[:1], Move(zoom=1.1)), atol=1e-6)
    together = apply_moves(pictures, [Move(zoom=1.1)] * 2, SPHERE)
    assert torch.allclose(together[1:], moved(pictures[1:], Move(zoom=1.1)), atol=1e-6)
