"""Drawings have the fades that the film has: also where a lead-in stands before the first class of a chain."""

import pytest

from renderer.film.scenes import Scene
from renderer.jobs.sketching import sketch_film
from renderer.targets.class_lists import load_emoji_classes
from tests.film_helpers import tiny_settings

CLASSES = 4  # Of 1.25 s, in two chains, of which only the second one has a lead-in.


def begins(kind: str, *overrides: str) -> list[float]:
    settings, targets = tiny_settings(*overrides), load_emoji_classes()[:CLASSES]
    sketch = sketch_film("tiny", settings, targets, [Scene()] * CLASSES, None, None)
    return [fade.begin for fade in sketch.fades if fade.kind == kind]


@pytest.mark.parametrize(
    ("kind", "how"), [("blend", ("film.blend_seconds=0.5",)), ("crossfade", ("film.transition=crossfade",))]
)
def test_classes_that_come_out_of_another_one_are_drawn_so(kind: str, how: tuple[str, ...]) -> None:
    assert begins(kind, *how) == [1.25, 2.5, 3.75]
    assert begins(kind, *how, "film.loop=true") == [0.0, 1.25, 2.5, 3.75]
    assert begins(kind, *how, "film.chains=1") == [1.25, 2.5, 3.75]
    # Without a lead-in a chain begins with nothing before it.
    assert begins(kind, *how, "film.lead_in_seconds=0") == [1.25, 3.75]
    assert begins(kind, *how, "run.segment_seconds=0.25") == [1.25, 2.5, 3.75]


def test_classes_that_begin_anew_are_not() -> None:
    assert begins("blend", "film.transition=reset", "film.blend_seconds=0.5", "film.loop=true") == []
