"""Values over time in the frames of a film, with a small network."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.sequence import dream_segments
from renderer.film.tasks import Picture, SegmentTask
from renderer.settings.chosen import Chosen
from renderer.settings.loading import check_settings
from tests.networks.tiny import aims, tiny_network

PLAIN = {
    "film": {"width": 44, "height": 32, "fps": 4.0, "seconds_per_class": 1.0, "chains": 2, "lead_in_seconds": 0.5},
    "dream": {"steps_per_frame": 2, "fresh_steps": 3},
}


def recipe_of(**sections: dict[str, object]) -> FilmRecipe:
    data = {key: {**PLAIN.get(key, {}), **sections.get(key, {})} for key in {*PLAIN, *sections}}
    settings = Chosen().fill_in(check_settings(data))
    return film_recipe(settings, aims(1, 2, 3, 0), {})


def frames(recipe: FilmRecipe) -> list[Picture]:
    """All frames of the first chain."""
    shown, before = list[Picture](), None
    for segment in recipe.timeline.chains[0]:
        for together in dream_segments(tiny_network(), recipe, [SegmentTask(segment, before)]):
            shown += [frame.picture for frame in together]
        before = shown[-1]
    return shown


def names(recipe: FilmRecipe) -> list[str]:
    return [segment.name for chain in recipe.timeline.chains for segment in chain]


CONSTANT = {
    "motion": {"zoom": 1.3, "rotate": 20.0, "pan": [0.1, 0.0]},
    "dream": {"level": {"contrast": 0.15}, "transforms": {"rotate": 40.0}, "optimizer": {"learning_rate": 0.05}},
}


def as_keyframes(values: dict[str, object]) -> dict[str, object]:
    """The same, each number as keyframes or as an expression."""
    changed: dict[str, object] = {}
    for number, (key, value) in enumerate(values.items()):
        if isinstance(value, dict):
            changed[key] = as_keyframes(value)
        elif isinstance(value, list):
            changed[key] = [str(one) for one in value]
        else:
            changed[key] = (
                {"0": value, "50%": value, "100%": value} if number % 2 else {"film": {"0": value, "5": value}}
            )
    return changed


def test_constants_as_keyframes_give_the_same_frames() -> None:
    plain, keyed = recipe_of(**CONSTANT), recipe_of(**as_keyframes(CONSTANT))
    assert not keyed.changes.is_constant
    assert len(keyed.changes.curves) == 7
    for one, other in zip(frames(plain), frames(keyed), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "changed",
    [
        {"motion": {"zoom": {"0": 1.15, "100%": 1.6}}},
        {"motion": {"rotate": "3 + 40 * class_t"}},
        {"motion": {"pan": ["0.3 * class_share", 0]}},
        {"dream": {"optimizer": {"learning_rate": {"0": 0.08, "1s": 0.3}}}},
        {"dream": {"objective": {"log_probability": {"0": 5, "1s": 50}}}},
        {"dream": {"transforms": {"crop": [{"0": 0.35, "1s": 0.9}, 1.0]}}},
        {"dream": {"transforms": {"scale": [0.5, "1.2 + class_t"]}}},
        {"dream": {"transforms": {"flip": "class_t > 0.3"}}},
        {"dream": {"transforms": {"color": "0.3 * (class_t < 0.3)"}}},
        {"dream": {"transforms": {"rotate": "25 + 90 * class_t"}}},
        {"dream": {"transforms": {"jitter": "0.06 + 0.5 * class_t"}}},
        {"dream": {"regularizers": {"total_variation": "1 + 300 * class_t"}}},
        {"dream": {"regularizers": {"l2": "300 * class_t"}}},
        {"dream": {"level": {"strength": {"0": 0.8, "1s": 0}}}},
        {"dream": {"level": {"contrast": {"0": 0.18, "1s": 0.01}}}},
    ],
    ids=lambda changed: next(iter(changed.values())).__str__()[:50],
)
def test_what_changes_over_time_changes_the_frames(changed: dict[str, dict[str, object]]) -> None:
    usual, other = frames(recipe_of()), frames(recipe_of(**changed))
    assert not np.array_equal(usual[3], other[3])


def test_an_expression_that_is_constant_is_that_constant() -> None:
    for one, other in zip(
        frames(recipe_of(motion={"zoom": 1.4})), frames(recipe_of(motion={"zoom": "1 + 0.4"})), strict=True
    ):
        assert np.array_equal(one, other)


def test_segments_are_named_by_what_their_values_follow_from() -> None:
    usual = names(recipe_of())
    longer = {"film": {"seconds_per_class": 2.0}, "run": {"segment_seconds": 1.0}}
    of_class = {"motion": {"zoom": {"0": 1.0, "1s": 1.2}}}
    of_share = {"motion": {"zoom": {"0": 1.0, "50%": 1.2}}}
    of_film = {"motion": {"zoom": "1 + 0.1 * t"}}
    assert not {*usual} & {*names(recipe_of(**of_class))}
    first = {
        name: names(recipe_of(**values))[0]
        for name, values in {"class": of_class, "share": of_share, "film": of_film}.items()
    }
    assert names(recipe_of(**of_class, **longer))[0] == first["class"]
    assert names(recipe_of(**of_share, **longer))[0] != first["share"], "half of the class is later now"
    assert names(recipe_of(**of_film, **longer))[0] == first["film"]
    later = names(recipe_of(**of_film, **longer))[2]
    assert later not in names(recipe_of(**of_film)), "the second class is later in the film now"


def test_a_lead_in_has_the_values_of_the_end_of_its_class() -> None:
    recipe = recipe_of()
    lead_in = recipe.timeline.chains[1][0]
    assert lead_in.is_lead_in
    begin, end = recipe.moment(lead_in, 0.0), recipe.moment(lead_in, 0.5)
    assert (begin.position, begin.seconds, end.seconds, end.duration) == (1, 0.5, 1.0, 1.0)
    assert (begin.film_seconds, end.film_seconds, end.film_duration) == (1.5, 2.0, 4.0)
