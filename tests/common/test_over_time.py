"""Numbers that change over time: keyframes and expressions in place of constants."""

from __future__ import annotations

import pytest

from renderer.common.errors import UserError
from renderer.common.over_time import Varying
from renderer.common.value_curves import Moment
from renderer.settings.loading import check_settings, parse_settings
from renderer.settings.sections import Motion, Overlay, Settings

FOUR_SECONDS = 4.0


def zoom(written: object, seconds: float, **film: float) -> float:
    motion = check_settings({"motion": {"zoom": written}}).motion
    return Varying(motion).at(Moment(0, seconds, FOUR_SECONDS, **film)).zoom


@pytest.mark.parametrize(
    ("seconds", "value"), [(-1.0, 1.0), (0.0, 1.0), (1.0, 1.2), (2.0, 1.4), (2.5, 1.3), (3.0, 1.2), (9.0, 1.2)]
)
def test_keyframes_are_reached_in_seconds_and_shares(seconds: float, value: float) -> None:
    assert zoom({"0": 1.0, "50%": 1.4, "3s": 1.2}, seconds) == pytest.approx(value)


def test_keyframes_may_be_of_the_whole_film() -> None:
    written = {"film": {"0": 1.0, "100%": 2.0}}
    assert zoom(written, 0.0, film_seconds=25.0, film_duration=100.0) == 1.25


def test_easing_is_that_of_the_way_to_a_keyframe() -> None:
    eased = {"0": 1.0, "2": {"value": 2.0, "easing": "smooth"}, "4": {"value": 3.0, "easing": "hold"}}
    values = [zoom(eased, seconds) for seconds in (0.0, 0.2, 1.0, 1.8, 2.0, 3.9, 4.0)]
    assert values == pytest.approx([1.0, 1.028, 1.5, 1.972, 2.0, 2.0, 3.0])


def test_an_expression_knows_the_time_of_film_and_class() -> None:
    assert zoom("1 + class_t / 10 + t / 100", 2.0, film_seconds=12.0) == pytest.approx(1.32)
    assert zoom("1 + class_share + film_share", 1.0, film_seconds=1.0, film_duration=2.0) == pytest.approx(1.75)


def test_between_frames_nothing_leaves_its_bounds() -> None:
    assert zoom("1 + t", 0.0, film_seconds=100.0) == 5.0
    overlay = check_settings({"overlay": {"opacity": "2 * t - 1"}}).overlay
    assert [Varying(overlay).at(Moment(0, 0, 1, t)).opacity for t in (0.0, 0.75, 2.0)] == [0.0, 0.5, 1.0]


def test_what_is_constant_stays_the_same_object() -> None:
    motion = Motion(zoom=1.3)
    assert Varying(motion).is_constant
    assert Varying(motion).at(Moment(0, 0, 1)) is motion


def test_settings_with_curves_can_be_written_down_and_read_again() -> None:
    text = """
motion: {zoom: {0: 1.0, "50%": {value: 1.4, easing: smooth}}, pan: ["0.1 * sin(t)", 0]}
dream: {level: {contrast: "0.1 + 0.05 * class_share"}, transforms: {crop: [0.3, {film: {0: 0.5, "100%": 1}}]}}
overlay: {opacity: {0: 0.2, 1s: 1}}
"""
    settings = parse_settings(text, "film.yaml")
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert check_settings(settings) == settings
    changes = Varying(settings)
    assert set(changes.curves) == {
        "motion.zoom",
        "motion.pan[0]",
        "dream.level.contrast",
        "dream.transforms.crop[1]",
        "overlay.opacity",
    }
    assert changes.names == {"class_t", "class_share", "t", "film_share"}


def test_constants_as_keyframes_follow_from_nothing() -> None:
    motion = check_settings({"motion": {"zoom": {"0": 1.3, "50%": 1.3}}}).motion
    assert Varying(motion).names == frozenset()
    assert Varying(motion).at(Moment(0, 0.7, 1)).zoom == 1.3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{}", "no keyframes"),
        ("{0: 9}", "at 0: must be a number from 0.2 to 5, not 9"),
        ("{0: fast}", "at 0: must be a number from 0.2 to 5, not 'fast'"),
        ("{0: true}", "at 0: must be a number"),
        ("{later: 1}", "'later' is no time for a keyframe; write seconds or a share"),
        ("{120%: 1}", "beyond 100%"),
        ("{-1: 1}", "'-1' is no time"),
        ("{0: 1, 0s: 2}", "two keyframes for one time"),
        ("{0: {value: 1, easing: bouncy}}", "no easing 'bouncy'; there are linear, smooth, hold"),
        ("{0: {easing: smooth}}", "a keyframe is a number, or {value: 1.4, easing: smooth}"),
        ("{film: {}}", "no keyframes"),
        ('"1 + nosuch"', "at character 5: 'nosuch' is not known"),
        ('"9**9**9"', "beyond all numbers"),
        ('"1 + 9"', "must be from 0.2 to 5, and '1 + 9' is 10"),
        ("""\"__import__('os')\"""", "at character 12"),
        ("true", "must be a number from 0.2 to 5.0, or a curve, not true"),
        ("[1]", "must be a number from 0.2 to 5.0, or a curve, not"),
    ],
)
def test_a_wrong_curve_is_named_with_file_line_and_key(value: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_settings(f"film: {{fps: 12}}\nmotion:\n  zoom: {value}\n", "film.yaml")
    assert str(refused.value).startswith("film.yaml:3: motion.zoom: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_on_the_command_line_too() -> None:
    settings = parse_settings(
        "film: {fps: 12}", "film.yaml", ['motion.zoom={0: 1, "50%": 2}', "overlay.size=0.05 + 0.01 * t"]
    )
    assert Varying(settings.motion).at(Moment(0, 0.5, 2.0)).zoom == 1.5
    assert isinstance(settings.overlay, Overlay)
    assert Varying(settings.overlay).at(Moment(0, 0, 1, 2.0)).size == pytest.approx(0.07)


def test_what_has_to_stay_as_it_is_takes_no_curve() -> None:
    for key in ("dream.steps_per_frame", "film.fps", "overlay.fade_seconds", "dream.parameterization.decay"):
        with pytest.raises(UserError, match=key.replace(".", r"\.") + ": must be a"):
            parse_settings("", "film.yaml", [f"{key}={{0: 1, 50%: 2}}"])


def test_keyframes_are_one_value_that_another_takes_the_place_of() -> None:
    settings = parse_settings("motion: {zoom: {0: 1, 50%: 2}}", "film.yaml", ["motion.zoom={0: 1.5}"])
    assert Varying(settings.motion).at(Moment(0, 1.0, 2.0)).zoom == 1.5


def test_times_may_be_numbers_in_python() -> None:
    assert zoom({0: 1.0, 0.5: 1.4, "100%": 1.0}, 0.25) == pytest.approx(1.2)
