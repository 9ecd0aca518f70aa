"""Panoramas: seen and changed through planes that touch the sphere, without a seam and alike in all directions."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from renderer.dream import ascent
from renderer.dream.canvas import CANVASES
from renderer.dream.climb import Climb
from renderer.dream.dreaming import Dream, Level, Regularizers, Transforms
from renderer.dream.level import keep_level
from renderer.dream.objectives import LogitObjective
from renderer.dream.pyramid import Pyramid
from renderer.dream.randomness import PictureKey
from renderer.dream.sphere import WIDEST_ANGLE, Sphere, angles, gnomonic
from renderer.dream.views import draw_views, take_views
from renderer.film.motion import Move
from renderer.film.warp import apply_moves
from renderer.targets.target import OUTPUTS, Aim, Neuron
from tests.dream import climbing
from tests.networks.tiny import logits, tiny_network

SPHERE = Sphere()
SIZE = (64, 128)
FORWARD, BACK, ZENITH, NADIR = (0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.0, -1.0, 1e-6), (0.0, 1.0, 1e-6)
TILTED = (0.5, -0.8, -0.7)
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005")]


def directions(size: tuple[int, int] = SIZE) -> Tensor:
    """Of all pixels: x to the right, y down, z forward."""
    latitudes, longitudes = (line.double() for line in angles(size, torch.device("cpu")))
    level = latitudes.cos()[:, None]
    up = latitudes.sin()[:, None].expand(size)
    return torch.stack([level * longitudes.sin(), up, level * longitudes.cos()], -1)


def texture(finest: float, size: tuple[int, int] = SIZE) -> Tensor:
    """As fine, and as strong, in all places and all directions: a sum of waves through space."""
    random, where = np.random.default_rng(0), directions(size)
    waves = torch.zeros(1, 3, *size, dtype=torch.float64)
    for color in range(3):
        for _ in range(300):
            way = random.normal(size=3)
            along = where @ torch.tensor(way / np.linalg.norm(way))
            waves[0, color] += torch.cos(finest * along + random.uniform(0, 7))
    return (0.5 + 0.15 * waves / 150**0.5).float()


def look(picture: Tensor, forward: tuple[float, float, float], degrees: float = 60.0, side: int = 48) -> Tensor:
    view = torch.from_numpy(gnomonic(np.array(forward), math.radians(degrees), picture.shape[-2]))[None]
    return take_views(picture, view.expand(len(picture), -1, -1), side, SPHERE)


def detail(views: Tensor) -> float:
    return float(views.diff(dim=-1).abs().mean() + views.diff(dim=-2).abs().mean())


def seam(pictures: Tensor) -> float:
    """How much the first and the last columns differ, against neighbors anywhere."""
    return float((pictures[..., 0] - pictures[..., -1]).abs().mean() / pictures.diff(dim=-1).abs().mean())


@pytest.mark.parametrize("forward", [FORWARD, BACK, ZENITH, NADIR, TILTED])
def test_a_great_circle_is_a_straight_line_in_a_view(forward: tuple[float, float, float]) -> None:
    normal = np.cross(forward, (0.3, 0.5, 0.2))
    away = directions() @ torch.tensor(normal / np.linalg.norm(normal))
    picture = torch.exp(-(away / 0.05).square()).float().expand(1, 3, *SIZE).contiguous()
    rows, columns = (look(picture, forward, 80, 40)[0, 0] > 0.5).nonzero().double().unbind(1)
    spread = torch.linalg.eigvalsh(torch.cov(torch.stack([rows, columns])))
    assert len(rows) > 20 and spread[0] < 0.01 * spread[1]


def test_beyond_a_border_the_sphere_goes_on() -> None:
    wide = SPHERE.surrounded(directions().permute(2, 0, 1)[None], 5)[0]
    # The formulas of directions hold beyond a pole, and after a whole turn.
    latitudes, longitudes = ((torch.arange(-5, side + 5) + 0.5) * math.pi / SIZE[0] for side in SIZE)
    level, longitudes = (latitudes - math.pi / 2).cos()[:, None], longitudes - math.pi
    up = (latitudes - math.pi / 2).sin()[:, None].expand(74, 138)
    expected = torch.stack([level * longitudes.sin(), up, level * longitudes.cos()])
    torch.testing.assert_close(wide.float(), expected, atol=1e-5, rtol=0)


def test_views_look_where_they_should() -> None:
    colors = (directions() / 2 + 0.5).permute(2, 0, 1)[None].float()
    for forward in (FORWARD, BACK, ZENITH, NADIR, TILTED):
        middle = look(colors, forward, 4, 16).mean(dim=(0, 2, 3))
        expected = torch.tensor(forward) / torch.tensor(forward).norm() / 2 + 0.5
        torch.testing.assert_close(middle, expected.float(), atol=0.02, rtol=0)
    front = look(colors, FORWARD)[0]
    assert front[0].diff(dim=-1).min() > 0 and front[1].diff(dim=-2).min() > 0  # right is right, and down is down


def test_views_are_drawn_in_all_directions_alike() -> None:
    drawn = torch.cat([draw_views([Transforms()], KEYS[:1], [step], SIZE, 32, SPHERE) for step in range(200)])
    assert drawn.shape == (1200, 3, 3)
    middles = torch.nn.functional.normalize(drawn[..., 2], dim=1)
    assert middles.mean(0).abs().max() < 0.02
    torch.testing.assert_close(middles.T @ middles / len(middles), torch.eye(3) / 3, atol=0.03, rtol=0)
    spans = 2 * torch.rad2deg(torch.atan(drawn[..., 0].norm(dim=1) / drawn[..., 2].norm(dim=1)))
    assert spans.min() > 20 and spans.max() < WIDEST_ANGLE + 0.01


def test_views_are_upright_and_near_the_poles_for_who_raised_the_head() -> None:
    upright = Transforms(rotate=0.0, flip=0.0, jitter=0.0)
    drawn = torch.cat([draw_views([upright], KEYS[:1], [step], SIZE, 32, SPHERE) for step in range(60)])
    maps = drawn / drawn.norm(dim=1, keepdim=True)
    low, high = (maps[own] for own in (maps[:, 1, 2].abs() < 0.5, maps[:, 1, 2].abs() > 0.95))
    assert low[:, 1, 0].abs().max() < 1e-4 and low[:, 1, 1].min() > 0
    assert high[:, 0, 0].min() > 0.9 and high[:, 1, 1].min() < 0 < high[:, 1, 1].max()


@pytest.mark.parametrize("forward", [FORWARD, BACK, ZENITH, NADIR, TILTED])
@pytest.mark.parametrize("degrees", [35.0, 90.0])
def test_a_change_is_made_where_it_was_seen_and_nowhere_else(
    forward: tuple[float, float, float], degrees: float
) -> None:
    view = torch.from_numpy(gnomonic(np.array(forward), math.radians(degrees), SIZE[0], roll=0.4))[None]
    down, across = torch.linspace(0, 2, 16)[:, None], torch.linspace(0, 3, 16)
    change = torch.stack([down.sin() + 0 * across, across.cos() + 0 * down, (down * across).sin()])[None]
    pyramid = Pyramid(torch.zeros(1, 3, *SIZE), 3, SPHERE)
    pyramid.add(change, view)
    inside = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(pyramid.views(view, 16)[inside], change[inside], atol=0.1, rtol=0)
    made = pyramid.pictures()
    torch.testing.assert_close(take_views(made, view, 16, SPHERE)[inside], change[inside], atol=0.15, rtol=0)
    near = directions() @ torch.tensor(forward).double() / torch.tensor(forward).norm()
    corner = math.atan(2**0.5 * math.tan(math.radians(degrees) / 2)) + math.radians(12)
    assert made[0, :, near < math.cos(corner)].abs().max() < 0.02


def test_noise_is_as_strong_and_as_fine_everywhere() -> None:
    noise = SPHERE.scattered(climbing.noise([PictureKey(seed, "0001") for seed in range(40)], SIZE))
    found = [detail(torch.cat([look(one[None], way, 50) for one in noise])) for way in (FORWARD, BACK, ZENITH, NADIR)]
    assert max(found) < 1.2 * min(found)
    assert seam(noise) < 1.2


@pytest.mark.parametrize("finest", [28.0, 50.0])  # what half the resolution holds, and what it does not
def test_half_the_resolution_is_about_as_fine_everywhere(finest: float) -> None:
    half = SPHERE.halved(texture(finest))
    found = [detail(look(half, way, 40)) for way in (FORWARD, BACK, ZENITH, NADIR)]
    assert max(found) < 1.6 * min(found)


@pytest.mark.parametrize("size", [(64, 128), (50, 100), (30, 60)])
def test_resolutions_go_up_and_down(size: tuple[int, int]) -> None:
    soft = texture(3.0, size)
    layers = [soft]
    for _ in range(3):
        layers.append(SPHERE.halved(layers[-1]))
    again = SPHERE.doubled(SPHERE.doubled(layers[2], layers[1].shape[-2:]), size)
    assert (again - soft).abs().max() < 0.12


def test_leveling_does_not_depend_on_where_something_is() -> None:
    level = [Level(strength=0.9)]
    picture = texture(4.0) + 0.2 * texture(12.0) - 0.1
    turn = [Move(pan=(0.2, 0.5), rotation=0.7)]
    there = keep_level(level, apply_moves(picture, turn, SPHERE), 1.0, SPHERE)
    here = apply_moves(keep_level(level, picture, 1.0, SPHERE), turn, SPHERE)
    torch.testing.assert_close(there, here, atol=0.02, rtol=0)
    assert (keep_level(level, picture, 1.0, SPHERE) - picture).abs().max() > 0.1


def test_leveling_takes_back_what_burns_and_keeps_detail() -> None:
    bright = texture(28.0) + 0.3 * directions()[..., 1].float()
    leveled = keep_level([Level(strength=0.99)], bright, 1.0, SPHERE)
    halves = [leveled[..., :32, :].mean(), leveled[..., 32:, :].mean()]
    assert abs(float(halves[0] - halves[1])) < 0.06
    assert detail(look(leveled, ZENITH)) > 0.85 * detail(look(bright, ZENITH))


def climbs(dream: Dream) -> list[Climb]:
    return [
        Climb(Aim(key.target, Neuron(OUTPUTS, key.number)), key.seed, lambda _step: dream, canvas=CANVASES["sphere"])
        for key in KEYS
    ]


def test_the_objective_rises_in_views_of_all_directions_and_there_is_neither_seam_nor_pole() -> None:
    network, plain = tiny_network(), Regularizers(total_variation=0)
    dream = Dream(regularizers=plain, objective=LogitObjective(log_probability=1.0))
    begun = SPHERE.scattered(climbing.noise(KEYS, (48, 96)))
    fresh = ascent.ascend_fresh(network, begun, climbs(dream), 24).pictures
    after = ascent.ascend(network, fresh, climbs(dream), 12).pictures
    assert after.shape == (2, 3, 48, 96)
    for row, key in enumerate(KEYS):
        for ways in ((FORWARD, BACK, TILTED), (ZENITH, NADIR)):
            seen = [torch.cat([look(one[row, None], way, 90, 32) for way in ways]) for one in (begun, fresh, after)]
            before, between, last = (float(logits(network, one)[:, key.number].mean()) for one in seen)
            assert before + 0.005 < between < last
    assert seam(after) < 1.5
    equator = np.mean([detail(look(after, (math.sin(turn), 0.0, math.cos(turn)), 60)) for turn in range(6)])
    for pole in (ZENITH, NADIR):
        assert 0.7 < detail(look(after, pole, 60)) / equator < 1.4


def test_a_step_is_as_strong_however_many_views_share_it() -> None:
    def change(views: int) -> float:
        dream = Dream(transforms=Transforms(views=views))
        begun = SPHERE.scattered(climbing.noise(KEYS, (48, 96)))
        return float((ascent.ascend(tiny_network(), begun, climbs(dream), 1).pictures - begun).abs().mean())

    assert change(4) == pytest.approx(change(1), rel=0.4)
