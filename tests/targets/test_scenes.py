"""Entries of a selection with values of their own, and title cards: what they say of which target."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from renderer.common.errors import UserError
from renderer.film.scenes import Scene, scenes_of
from renderer.jobs.choosing import chosen_targets
from renderer.settings.loading import check_settings, parse_settings
from renderer.settings.sections import Settings
from tests.film_helpers import tiny_settings


def settings(*entries: str, more: tuple[str, ...] = ("classes.order=listed",)) -> Settings:
    return tiny_settings(f"classes.select=[{', '.join(entries)}]", *more)


def scenes(given: Settings) -> dict[str, Scene]:
    """By the titles of targets, in the order of the film."""
    targets = chosen_targets(given)
    found = scenes_of(given, targets)
    return {target.title: found.get(target.key, Scene()) for target in targets}


def titles(*entries: str, more: tuple[str, ...] = ("classes.order=listed",)) -> list[str]:
    return list(scenes(settings(*entries, more=more)))


def seconds(found: Mapping[str, Scene]) -> dict[str, float | None]:
    return {title: scene.seconds for title, scene in found.items()}


def test_entries_with_values_choose_classes_as_plain_ones_do() -> None:
    assert titles("pizza", "{select: [owl, pizza], seconds: 1}", "cat face") == ["pizza", "owl", "cat face"]
    by_index = titles("{select: pizza, zoom: 1.3}", "cat face", "owl", more=("classes.order=index",))
    assert by_index == titles("pizza", "cat face", "owl", more=("classes.order=index",))
    assert titles("pizza", "{select: owl}", "cat face", more=("classes.order=listed", "classes.limit=2")) == [
        "pizza",
        "owl",
    ]


def test_what_is_said_later_of_a_class_wins_and_the_rest_stays() -> None:
    found = scenes(
        settings(
            "{select: [owl, pizza], seconds: 2, zoom: 1.3, dream: {optimizer: {learning_rate: 0.2}}}",
            "{select: owl, seconds: 8, rotate: 9, dream: {level: {contrast: 0.1}}}",
            "cat face",
        )
    )
    assert seconds(found) == {"pizza": 2, "owl": 8, "cat face": None}
    assert found["owl"].motion == {"zoom": 1.3, "rotate": 9.0}
    assert found["owl"].dream == {"optimizer": {"learning_rate": 0.2}, "level": {"contrast": 0.1}}
    assert found["cat face"] == Scene()


def test_keyframes_of_one_entry_replace_those_of_another() -> None:
    found = scenes(settings("{select: owl, zoom: {0: 1, 1: 2}}", "{select: owl, zoom: {50%: 3}}"))
    assert found["owl"].motion == {"zoom": {"50%": 3.0}}


def test_mixtures_have_values_too_and_stay_the_same_target() -> None:
    plain, own = "{title: cat owl, mix: {cat face: 1, owl: 0.7}}", "{title: cat owl, mix: {cat face: 1, owl: 0.7}, %s}"
    given = settings(own % "seconds: 4, motion: {pan: [0.1, 0]}")
    assert scenes(given)["cat owl"] == Scene(seconds=4, motion={"pan": [0.1, 0.0]})
    assert chosen_targets(given) == chosen_targets(settings(plain))


def test_cards_stand_over_the_class_before_them_and_the_first_ones_over_the_first() -> None:
    found = scenes(settings("{card: HELLO}", "owl", "{card: [ONE, two], seconds: 1}", "{card: MORE}", "pizza"))
    assert [card.lines for card in found["owl"].before] == [("HELLO",)]
    assert [(card.lines, card.seconds) for card in found["owl"].after] == [(("ONE", "two"), 1), (("MORE",), 3)]
    assert found["owl"].card_seconds == 7
    assert found["pizza"] == Scene()


def test_cards_of_classes_that_are_not_shown_are_not_shown_either() -> None:
    entries = ("pizza", "owl", "{card: OWLS}", "cat face", "{card: CATS}")
    limited = scenes(settings(*entries, more=("classes.order=listed", "classes.limit=1")))
    assert limited == {"pizza": Scene()}
    without = scenes(settings(*entries, more=("classes.order=listed", "classes.exclude=owl")))
    assert [card.lines for card in without["pizza"].after] == [("OWLS",)]
    assert [card.lines for card in without["cat face"].after] == [("CATS",)]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{select: owl, zoom: 9}", "zoom: must be a number from 0.2 to 5.0, or a curve, not 9"),
        ("{select: owl, zoom: {0: 1, 50%: 9}}", "zoom: at 50%: must be a number from 0.2 to 5, not 9"),
        ("{select: owl, zoom: 1 +}", "zoom: must be a number, keyframes or an expression"),
        ("{select: owl, pan: 1}", "pan: must be a list of 2 values"),
        ("{select: owl, seconds: 0}", "seconds: must be a number above 0 and at most 3600"),
        ("{select: owl, sekonds: 2}", "sekonds: unknown key; did you mean seconds?"),
        ("{select: []}", "select: must be a list of at least 1"),
        ("{select: owl, zoom: 1, motion: {zoom: 2}}", "zoom: stands for motion.zoom, which is set too"),
        ("{select: owl, motion: {rotat: 2}}", "motion.rotat: unknown key; did you mean motion.rotate?"),
        ("{select: owl, motion: {path: in}}", "motion.path: is the same for the whole film"),
        ("{select: owl, dream: {steps_per_frame: 2}}", "dream.steps_per_frame: is the same for the whole film"),
        ("{select: owl, dream: {optimizer: {kind: adam}}}", "dream.optimizer.kind: is the same for the whole film"),
        ("{select: owl, overlay: {font: a.ttf}}", "overlay.font: there is one font for the whole film"),
        ("{select: owl, overlay: {size: 3}}", "overlay.size: must be a number above 0 and at most 0.5"),
        ("{title: x, mix: {owl: 1}, zoom: 9}", "zoom: must be a number from 0.2 to 5.0"),
        ("{card: []}", "card: must be a list of 1 to 20, each entry text"),
        ("{card: A, zoom: 2}", "zoom: unknown key; known here: card, seconds, overlay"),
        ("{card: A, overlay: {lines: [B]}}", "overlay.lines: a title card has its lines as card"),
    ],
)
def test_wrong_values_are_named_by_line_and_key(entry: str, told: str) -> None:
    text = f"classes:\n  order: listed\n  select:\n    - pizza\n    - {entry}\n"
    with pytest.raises(UserError, match=re.escape(f"f.yaml:5: classes.select[1].{told}")):
        parse_settings(text, "f.yaml")


def test_an_entry_of_no_kind_and_one_that_names_nothing_are_refused() -> None:
    with pytest.raises(UserError, match=r"classes\.select\[0\]: must be .* a mapping like {select: tabby, seconds: 4"):
        settings("{zoom: 2}")
    with pytest.raises(UserError, match=r"classes\.select\[1\]\.select\[1\]: no class is called 'florble'"):
        chosen_targets(settings("owl", "{select: [pizza, florble]}"))


def test_cards_need_an_order_that_is_listed_and_classes() -> None:
    with pytest.raises(UserError, match=r"classes\.select\[1\]\.card: .*set classes\.order to listed"):
        settings("owl", "{card: A}", more=("classes.order=index",))
    with pytest.raises(UserError, match=r"classes\.select: has title cards alone"):
        chosen_targets(settings("{card: A}"))


def test_a_single_entry_and_settings_from_python_are_taken_too() -> None:
    assert scenes(tiny_settings("classes.select={select: owl, zoom: 1.5}"))["owl"].motion == {"zoom": 1.5}
    given = check_settings({"classes": {"select": [{"select": ["owl", 3], "seconds": 2.0, "center": [0.2, 0.5]}]}})
    assert scenes(given)["owl"] == Scene(seconds=2, motion={"center": [0.2, 0.5]})
    again = Settings.model_validate_json(given.model_dump_json())
    assert again == given
