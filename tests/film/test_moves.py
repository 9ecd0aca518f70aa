"""The camera's moves: toward a center, along a path, shaken, and as values that change all the time say."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch

from renderer.common.errors import UserError
from renderer.common.value_curves import Moment
from renderer.dream.canvas import CANVASES
from renderer.film.camera import Camera, shaking
from renderer.film.film_recipe import FilmRecipe, FilmValues, film_recipe
from renderer.film.motion import Move, move_between
from renderer.film.sequence import dream_segments
from renderer.film.tasks import Picture, SegmentTask
from renderer.film.warp import apply_moves
from renderer.settings.chosen import Chosen
from renderer.settings.loading import check_settings, parse_settings
from renderer.settings.sections import Motion, Settings
from tests.dream.test_sphere import BACK
from tests.film.test_motion import HEIGHT, WIDTH, center, dots
from tests.film.test_turning import middle, moved, spot
from tests.networks.tiny import aims, tiny_network

MotionAt = Callable[[float], Motion]


def changing(seconds: float) -> Motion:
    """Everything changes all the time, and at 0.613 s at once."""
    wave = math.sin(5 * seconds)
    return Motion(zoom=1.2 + 0.5 * wave, rotate=40 * wave * wave, pan=(0.2 * seconds, 0.3 if seconds > 0.613 else -0.1))


def camera(motion: Motion, position: int = 0, *, begin: float = 0.0, seed: int = 3) -> Camera:
    return Camera(lambda _: motion, (max(0, position - 1), position), begin, 2.0, seed)


def total(moves: Sequence[Move]) -> tuple[float, ...]:
    """Logarithm of the zoom, rotation, pan and shake of all moves together."""
    parts = [(math.log(move.zoom), move.rotation, *move.pan, *move.shake) for move in moves]
    return tuple(map(sum, zip(*parts, strict=True)))


def spans(fps: int, seconds: int = 2) -> list[tuple[float, float]]:
    return [(frame / fps, (frame + 1) / fps) for frame in range(seconds * fps)]


# The center.


@pytest.mark.parametrize("move", [{"zoom": 1.5}, {"zoom": 0.8}, {"rotation": 0.9}, {"zoom": 1.2, "rotation": -2.0}])
def test_what_is_at_the_center_stays_there(move: dict[str, float]) -> None:
    row, column = 40, 80
    place = ((column + 0.5) / WIDTH, (row + 0.5) / HEIGHT)
    after = apply_moves(dots((row, column)), [Move(**move, center=place)])
    found = (after[0, 0] == after[0, 0].max()).nonzero()[0].tolist()
    assert found == [row, column]
    other = apply_moves(dots((row, column)), [Move(**move)])
    assert math.dist(center(other), (row, column)) > 3


def test_a_move_around_a_center_is_that_around_the_middle_and_a_shift() -> None:
    row, column = center(apply_moves(dots((44, 60)), [Move(zoom=1.5, center=(0.25, 0.5))]))
    assert column == pytest.approx(WIDTH / 4 - 0.5 + 1.5 * (60 - WIDTH / 4 + 0.5), abs=0.05)
    assert row == pytest.approx((HEIGHT - 1) / 2 + 1.5 * (44 - (HEIGHT - 1) / 2), abs=0.05)


@pytest.mark.parametrize("move", [{"zoom": 1.6}, {"rotation": 1.1}, {"zoom": 0.7, "rotation": 0.5}])
@pytest.mark.parametrize(
    ("place", "direction"), [((0.75, 0.5), (1.0, 0.0, 0.0)), ((0.625, 0.75), (0.5, math.sqrt(0.5), 0.5))]
)
def test_the_center_of_a_panorama_is_a_direction(
    move: dict[str, float], place: tuple[float, float], direction: tuple[float, float, float]
) -> None:
    after = moved(spot(direction), Move(**move, center=place))
    assert float(middle(after) @ torch.tensor(direction).double()) > 0.9995
    assert float(middle(moved(spot(direction), Move(**move))) @ torch.tensor(direction).double()) < 0.99


def test_a_panorama_zooms_away_from_what_is_opposite_to_the_center() -> None:
    before = middle(spot((-0.9, 0.1, 0.4)))
    after = middle(moved(spot((-0.9, 0.1, 0.4)), Move(zoom=1.5, center=(0.75, 0.5))))
    assert float(after @ torch.tensor([-1.0, 0, 0]).double()) > float(before @ torch.tensor([-1.0, 0, 0]).double())


@pytest.mark.parametrize("canvas", ["mirror", "wrap", "sphere"])
def test_a_center_alone_moves_nothing(canvas: str) -> None:
    picture = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(5))
    assert torch.equal(apply_moves(picture, [Move(center=(0.2, 0.9))], CANVASES[canvas]), picture)


# A motion that changes all the time.


@pytest.mark.parametrize("easing", ["linear", "smooth"])
def test_constants_move_by_the_formula_to_the_last_bit(easing: str) -> None:
    motion = Motion(zoom=1.3, rotate=20.0, pan=(0.1, -0.05), easing=easing)

    def eased(time: float) -> float:
        share = time / 3.0
        return time if easing == "linear" else 3.0 * (share - math.sin(2 * math.pi * share) / (2 * math.pi))

    for start, end in [(-1 / 25, 0.0), *spans(25)]:
        seconds = round(eased(end) - eased(start), 12)
        expected = Move(1.3**seconds, math.radians(20.0) * seconds, (0.1 * seconds, -0.05 * seconds))
        assert move_between(lambda _: motion, start, end, 3.0) == expected
        # Equal ones need not be one object.
        assert move_between(lambda _: motion.model_copy(), start, end, 3.0) == expected


@pytest.mark.parametrize("easing", ["linear", "smooth"])
def test_films_of_12_and_50_frames_a_second_do_the_same_move(easing: str) -> None:
    def motion_at(seconds: float) -> Motion:
        return changing(seconds).model_copy(update={"easing": easing})

    totals = [total([move_between(motion_at, *span, 2.0) for span in spans(fps)]) for fps in (1, 12, 50, 240)]
    for one in totals[1:]:
        assert one == pytest.approx(totals[0], abs=1e-9)


def test_spans_add_up_wherever_they_are_divided() -> None:
    whole = total([move_between(changing, 0.1234, 0.9, 2.0)])
    assert total([move_between(changing, 0.1234, 0.6177, 2.0), move_between(changing, 0.6177, 0.9, 2.0)]) == (
        pytest.approx(whole, abs=1e-9)
    )


def test_a_changing_motion_is_integrated() -> None:
    # Zoom of e^t and pan of t: integrals of which are known.
    move = move_between(lambda t: Motion(zoom=math.exp(t), rotate=90 * t, pan=(t, -t * t)), 0.0, 1.0, 1.0)
    assert math.log(move.zoom) == pytest.approx(1 / 2, abs=1e-4)
    assert move.rotation == pytest.approx(math.pi / 4, abs=1e-4)
    assert move.pan == (pytest.approx(1 / 2, abs=1e-4), pytest.approx(-1 / 3, abs=1e-4))


def test_the_center_may_wander() -> None:
    move = move_between(lambda t: Motion(center=(t, 0.5)), 0.2, 0.4, 1.0)
    assert move.center == (pytest.approx(0.3), 0.5)


SETTINGS = Settings.model_validate(
    {
        "film": {"width": 44, "height": 32, "fps": 5.0, "seconds_per_class": 1.0, "lead_in_seconds": 0.0},
        "dream": {"steps_per_frame": 0, "fresh_steps": 1},
    }
)


class Stopping(FilmRecipe):
    """The camera goes to the right for the first half of each frame alone."""

    def at(self, moment: Moment) -> FilmValues:
        halves = moment.seconds * self.film.fps * 2 % 2
        pan = (1.0 if halves < 1 else 0.0, 0.0)
        return FilmValues(self.dream, Motion(zoom=1.0, rotate=0.0, pan=pan), 0.0, self.film.forget)


def frames(recipe: FilmRecipe, position: int = 0) -> list[Picture]:
    segment = recipe.timeline.segments[position]
    together = dream_segments(tiny_network(), recipe, [SegmentTask(segment, None)])
    return [frame.picture for saved in together for frame in saved]  # type: ignore[union-attr]


def recipe_of(motion: Motion, kind: type[FilmRecipe] = FilmRecipe, classes: int = 2) -> FilmRecipe:
    settings = SETTINGS.model_copy(update={"motion": motion})
    usual = film_recipe(Chosen().fill_in(settings), aims(*range(1, classes + 1)), {})
    return kind(**{name: getattr(usual, name) for name in FilmRecipe.model_fields})


def test_frames_ask_for_the_motion_between_them() -> None:
    stopping = frames(recipe_of(Motion(), Stopping))
    even = frames(recipe_of(Motion(zoom=1.0, rotate=0.0, pan=(0.5, 0.0))))
    rest = frames(recipe_of(Motion(zoom=1.0, rotate=0.0)))
    errors = [abs(a.astype(int) - b.astype(int)).mean() for a, b in ((stopping[1], even[1]), (stopping[1], rest[1]))]
    assert errors[0] < 0.2 * errors[1]


# Shaking.


def test_shaking_moves_and_comes_back() -> None:
    shaken = camera(Motion(zoom=1.0, rotate=0.0, shake=0.1))
    moves = [shaken.move(*span) for span in spans(25)]
    places = torch.tensor([move.shake for move in moves]).cumsum(0)
    assert float(places.abs().max()) > 0.03
    # However long it goes on, it is where its waves are and not farther away.
    long = [shaken.move(*span).shake for span in spans(25, 60)]
    assert float(torch.tensor(long).cumsum(0).abs().max()) < 0.2
    here, there = (shaking(3, seconds) for seconds in (0.0, 2.0))
    assert total(moves)[4:] == pytest.approx((0.1 * (there[0] - here[0]), 0.1 * (there[1] - here[1])))


def test_what_shakes_for_a_moment_is_back_afterwards() -> None:
    hit = Camera(lambda t: Motion(shake=0.1 * math.exp(-((t - 1) ** 2) / 0.02)), (0, 0), 5.0, 2.0, seed=1)
    for fps in (12, 25, 50):
        moves = [hit.move(*span) for span in spans(fps)]
        assert total(moves)[4:] == pytest.approx((0.0, 0.0), abs=1e-9)
        assert max(math.hypot(*total(moves[:count])[4:]) for count in range(1, len(moves))) > 0.02


def test_shaking_goes_on_from_class_to_class_and_follows_the_seed() -> None:
    motion = Motion(shake=0.1)
    assert camera(motion).move(1.9, 2.0).shake == pytest.approx(camera(motion, 1, begin=2.0).move(-0.1, 0.0).shake)
    assert camera(motion).move(0.0, 0.1).shake != camera(motion, seed=4).move(0.0, 0.1).shake


@pytest.mark.parametrize(("shake", "same"), [(0.0, True), (0.1, False)])
def test_frames_that_shake_follow_from_their_time_in_the_film(shake: float, same: bool) -> None:
    motion = Motion(shake=shake)
    reset = SETTINGS.film.model_copy(update={"transition": "reset"})
    second, alone = (
        film_recipe(Chosen().fill_in(SETTINGS.model_copy(update={"motion": motion, "film": reset})), shown, {})
        for shown in (aims(1, 2), aims(2))
    )
    assert (second.timeline.segments[1].name == alone.timeline.segments[0].name) == same


def test_a_shaken_picture_moves_by_shares_of_its_shorter_side() -> None:
    row, column = center(apply_moves(dots((60, 70)), [Move(shake=(0.1, -0.05))]))
    assert (row, column) == (pytest.approx(60 + HEIGHT / 20, abs=0.05), pytest.approx(70 - HEIGHT / 10, abs=0.05))
    turned = middle(moved(spot((1.0, 0.0, 0.0)), Move(shake=(0.5, 0.0))))
    assert float(turned @ torch.tensor([0.0, 0.0, 1.0]).double()) > 0.999  # half of the height is a quarter turn


# Paths.


def test_each_class_has_its_move_of_the_path() -> None:
    motion = Motion(zoom=1.0, rotate=0.0, path=("in", "out", "spiral", "drift", "still"))
    late = [camera(motion, position).move(1.0, 2.0) for position in range(6)]
    assert late[0].zoom > 1.1 and late[1].zoom < 0.9 and late[0] == late[5]
    assert late[2].rotation > 0.1 and late[2].zoom > 1.1
    assert math.hypot(*late[3].pan) > 0.02 and 1 < late[3].zoom < 1.1
    assert late[4] == Move()


def test_one_move_goes_over_into_the_next_without_a_jerk() -> None:
    motion = Motion(zoom=1.0, rotate=0.0, path=("in", "out"))
    before, after = camera(motion, 0), camera(motion, 1)
    moves = [before.move(*span) for span in spans(50)] + [after.move(*span) for span in spans(50)]
    speeds = torch.tensor([50 * math.log(move.zoom) for move in moves])
    assert float(speeds.diff().abs().max()) < 0.1 * float(speeds.max() - speeds.min())
    # The first class begins with its own, and after half a second there is nothing of the one before.
    assert speeds[0] == pytest.approx(float(speeds[99])) and speeds[126] == pytest.approx(float(speeds[-1]))
    assert speeds[99] > 0 > speeds[126]
    slow = total([after.move(*span) for span in spans(12)])
    assert slow == pytest.approx(total([after.move(*span) for span in spans(50)]), abs=1e-9)


def test_zoom_rotation_and_pan_come_on_top_of_a_path() -> None:
    on_top = camera(Motion(zoom=1.1, rotate=10.0, pan=(0.2, 0.0), path=("drift",))).move(0.0, 1.0)
    alone = camera(Motion(zoom=1.0, rotate=0.0, path=("drift",))).move(0.0, 1.0)
    assert on_top.zoom == pytest.approx(1.1 * alone.zoom)
    assert on_top.rotation == pytest.approx(alone.rotation + math.radians(10))
    assert on_top.pan == pytest.approx((alone.pan[0] + 0.2, alone.pan[1]))


def test_a_path_is_all_that_moves_unless_something_is_said() -> None:
    alone = parse_settings("motion: {path: in}", "test").motion
    assert (alone.path, alone.zoom, alone.rotate, alone.pan) == (("in",), 1.0, 0.0, (0.0, 0.0))
    said = parse_settings("motion: {path: [in, out], rotate: 5}", "test", ["motion.zoom=1.2"]).motion
    assert (said.path, said.zoom, said.rotate) == (("in", "out"), 1.2, 5.0)
    assert parse_settings("motion: {path: null}", "test").motion == Motion()
    assert check_settings({"motion": {"path": ("drift", "in")}}).motion.path == ("drift", "in")


@pytest.mark.parametrize("wrong", ["up", "[in, up]", "[]", "3"])
def test_a_wrong_path_is_refused_with_the_names(wrong: str) -> None:
    with pytest.raises(UserError, match=r"motion\.path.*'in', 'out', 'spiral', 'drift' or 'still'"):
        parse_settings(f"motion: {{path: {wrong}}}", "test")


def test_a_longer_path_changes_no_class_that_is_as_before() -> None:
    def names(*path: str) -> list[str]:
        motion = Motion.model_validate({"zoom": 1.0, "rotate": 0.0, "path": path})
        return [segment.name for segment in recipe_of(motion, classes=3).timeline.segments]

    assert names("in", "out", "still")[:2] == names("in", "out")[:2]
    assert names("in", "out", "still")[2] != names("in", "out")[2]
    assert names("in", "in")[0] == names("in", "out")[0] != names("out", "in")[0]


def test_defaults_are_not_told_so_that_old_runs_go_on() -> None:
    assert not {"center", "path", "shake"} & recipe_of(Motion())._told()["motion"].keys()
    changed = [Motion(center=(0.4, 0.5)), Motion(shake=0.1), Motion(path=("in",))]
    assert len({recipe_of(motion).digest for motion in (Motion(), *changed)}) == 4


def test_far_behind_a_panorama_stays_whole() -> None:
    assert float(middle(moved(spot(BACK), Move(zoom=2.0, center=(1.5, 0.5)))) @ torch.tensor(BACK).double()) > 0.999
