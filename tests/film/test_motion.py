"""The camera moves as the settings say, at any frame rate, and takes nothing from the picture."""

import math

import pytest
import torch

from renderer.dream.canvas import CANVASES
from renderer.film.motion import Move, move_between
from renderer.film.warp import apply_moves
from renderer.settings.sections import Motion

HEIGHT, WIDTH = 96, 128


def dots(*places: tuple[int, int]) -> torch.Tensor:
    """A picture with soft dots at the given rows and columns."""
    rows, columns = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)[None]
    picture = torch.zeros(HEIGHT, WIDTH)
    for row, column in places:
        picture += torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8.0)
    return picture.expand(1, 3, -1, -1).clone()


def center(picture: torch.Tensor) -> tuple[float, float]:
    """Row and column of the center of mass."""
    mass = picture[0, 0]
    rows, columns = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)[None]
    return float((mass * rows).sum() / mass.sum()), float((mass * columns).sum() / mass.sum())


def texture(size: tuple[int, int] = (HEIGHT, WIDTH)) -> torch.Tensor:
    """Smooth noise whose finest detail has a period of about five pixels, in which softening would show."""
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    spectrum = torch.fft.rfft2(noise)
    rows, columns = torch.fft.fftfreq(size[0])[:, None], torch.fft.rfftfreq(size[1])[None]
    return torch.fft.irfft2(spectrum * ((rows**2 + columns**2).sqrt() < 0.2), s=size)


def detail(picture: torch.Tensor) -> float:
    """Mean change between neighbors, away from the border."""
    inner = picture[..., HEIGHT // 4 : -HEIGHT // 4, WIDTH // 4 : -WIDTH // 4]
    return float(inner.diff(dim=-1).abs().mean() + inner.diff(dim=-2).abs().mean())


def test_no_move_is_the_identity() -> None:
    picture = texture()
    assert torch.equal(apply_moves(picture, [Move()]), picture)


def test_zoom_in_moves_away_from_the_middle() -> None:
    middle_row, middle_column = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
    row, column = center(apply_moves(dots((40, 80)), [Move(zoom=1.5)]))
    assert row == pytest.approx(middle_row + 1.5 * (40 - middle_row), abs=0.05)
    assert column == pytest.approx(middle_column + 1.5 * (80 - middle_column), abs=0.05)


def test_rotation_is_counterclockwise_and_keeps_lengths() -> None:
    middle_row, middle_column = (HEIGHT - 1) / 2, (WIDTH - 1) / 2
    angle = math.radians(75)
    row, column = center(apply_moves(dots((48, 94)), [Move(rotation=angle)]))
    right, up = 94 - middle_column, middle_row - 48
    assert column - middle_column == pytest.approx(right * math.cos(angle) - up * math.sin(angle), abs=0.1)
    assert middle_row - row == pytest.approx(right * math.sin(angle) + up * math.cos(angle), abs=0.1)


def test_the_camera_pans_right_and_down_so_that_the_picture_goes_left_and_up() -> None:
    row, column = center(apply_moves(dots((60, 70)), [Move(pan=(0.25, 0.125))]))
    assert (row, column) == (pytest.approx(60 - HEIGHT / 8, abs=0.05), pytest.approx(70 - WIDTH / 4, abs=0.05))


def test_each_picture_moves_by_its_own_move() -> None:
    pictures = texture().repeat(2, 1, 1, 1)
    moves = [Move(zoom=1.1, rotation=0.1), Move(zoom=0.9, pan=(0.1, 0.0))]
    both = apply_moves(pictures, moves)
    for number, move in enumerate(moves):
        assert torch.allclose(both[number], apply_moves(pictures[:1], [move])[0], atol=1e-6)


@pytest.mark.parametrize("size", [(96, 128), (61, 200), (10, 7)])
@pytest.mark.parametrize("pixels", [(3, -5), (-130, 40)])
def test_a_camera_that_goes_by_whole_pixels_goes_round_a_tile(size: tuple[int, int], pixels: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
    move = Move(pan=(pixels[1] / size[1], pixels[0] / size[0]))
    moved = apply_moves(picture, [move], CANVASES["wrap"])
    assert torch.allclose(moved, picture.roll((-pixels[0], -pixels[1]), (2, 3)), atol=1e-5)


def test_what_comes_in_by_whole_pixels_is_the_mirror_image() -> None:
    picture = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))
    moved = apply_moves(picture, [Move(pan=(20 / WIDTH, 0.0))])
    expected = torch.cat([picture[..., 20:], picture[..., -20:].flip(3)], 3)
    assert torch.allclose(moved, expected, atol=1e-5)


@pytest.mark.parametrize(("canvas", "period"), [("mirror", 2), ("wrap", 1)])
@pytest.mark.parametrize("angle", [0.002, -0.002])
def test_a_pattern_without_end_turns_up_to_the_border(canvas: str, period: int, angle: float) -> None:
    def pattern(columns: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        across = torch.cos(2 * math.pi * 8 * (columns + 0.5) / (period * WIDTH))
        return across * torch.cos(2 * math.pi * 8 * (rows + 0.5) / (period * HEIGHT))

    rows, columns = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)[None]
    picture = pattern(columns, rows).expand(1, 3, -1, -1)
    right, down = columns - (WIDTH - 1) / 2, rows - (HEIGHT - 1) / 2
    turned = pattern(columns - angle * down, rows + angle * right)
    moved = apply_moves(picture.contiguous(), [Move(rotation=angle)], CANVASES[canvas])
    assert float((moved[0, 0] - turned).abs().max()) < 0.01


@pytest.mark.parametrize("size", [(96, 128), (300, 181)])
@pytest.mark.parametrize("angle", [0.004, 0.3])
def test_turned_there_and_back_it_is_the_same_picture(size: tuple[int, int], angle: float) -> None:
    picture = texture(size)
    there = apply_moves(picture, [Move(rotation=angle, zoom=1.02)])
    back = apply_moves(there, [Move(rotation=-angle, zoom=1 / 1.02)])
    inner = (slice(None), slice(None), *(slice(side // 3, -side // 3) for side in size))
    assert float((there - picture)[inner].abs().max()) > 0.05
    assert float((back - picture)[inner].abs().max()) < 0.01


@pytest.mark.parametrize("move", [Move(rotation=0.2), Move(zoom=1.1, rotation=-0.01, pan=(0.1, 0.2))])
def test_without_the_convolutions_of_the_cpu_it_is_the_same(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = apply_moves(texture((90, 61)), [move])
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert torch.allclose(apply_moves(texture((90, 61)), [move]), fast, atol=1e-5)


@pytest.mark.parametrize(
    "move", [Move(rotation=0.02), Move(pan=(0.0007, 0.0004)), Move(zoom=1.004), Move(zoom=1 / 1.004)]
)
def test_a_hundred_moves_are_as_sharp_as_one(move: Move) -> None:
    repeated = texture()
    for _ in range(100):
        repeated = apply_moves(repeated, [move])
    at_once = apply_moves(
        texture(), [Move(move.zoom**100, move.rotation * 100, (move.pan[0] * 100, move.pan[1] * 100))]
    )
    assert detail(repeated) == pytest.approx(detail(at_once), rel=0.06)


def test_no_black_and_no_smeared_border_comes_in() -> None:
    picture = 0.25 + 0.5 * texture().clamp(0, 1)
    for move in (Move(zoom=0.8), Move(rotation=0.4), Move(pan=(0.3, -0.2))):
        moved = apply_moves(picture, [move])
        assert float(moved.min()) > 0.15
        for border in (moved[..., 0, :], moved[..., -1, :], moved[..., 0], moved[..., -1]):
            assert float(border.std()) > 0.5 * float(picture.std())
        for neighbor, border in ((moved[..., 3, :], moved[..., 0, :]), (moved[..., 3], moved[..., 0])):
            assert float((neighbor - border).abs().mean()) > 0.01


@pytest.mark.parametrize("easing", ["linear", "smooth"])
def test_the_scale_at_each_second_does_not_depend_on_the_frame_rate(easing: str) -> None:
    motion = Motion(zoom=1.3, rotate=20.0, pan=(0.1, -0.05), easing=easing)

    def at_each_second(fps: int) -> list[Move]:
        moves = [move_between(lambda _: motion, frame / fps, (frame + 1) / fps, 3.0) for frame in range(3 * fps)]
        sums = []
        for second in (1, 2, 3):
            past = moves[: second * fps]
            pan = (sum(move.pan[0] for move in past), sum(move.pan[1] for move in past))
            sums.append(Move(math.prod(move.zoom for move in past), sum(move.rotation for move in past), pan))
        return sums

    for slow, fast in zip(at_each_second(12), at_each_second(50), strict=True):
        assert slow.zoom == pytest.approx(fast.zoom)
        assert slow.rotation == pytest.approx(fast.rotation)
        assert slow.pan == pytest.approx(fast.pan)
    assert at_each_second(12)[-1].zoom == pytest.approx(1.3**3)


def test_smooth_easing_rests_at_the_borders_of_a_class() -> None:
    motion = Motion(zoom=1.5, easing="smooth")
    begin, middle, end = (move_between(lambda _: motion, t, t + 0.1, 2.0).zoom for t in (0.0, 0.95, 1.9))
    assert begin == pytest.approx(end)
    assert middle - 1 > 20 * (begin - 1)
