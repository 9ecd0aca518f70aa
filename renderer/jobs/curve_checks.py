"""Values over time, tried over the whole film before any of it is dreamed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from renderer.common.errors import UserError
from renderer.common.expressions import ExpressionError
from renderer.common.over_time import Curve, Formula, Heard, Moment, Varying, silence
from renderer.common.wording import listed
from renderer.film.recipe import FilmRecipe
from renderer.jobs.hearing import heard_names, sound_of
from renderer.settings.sections import Settings
from renderer.store.run import Run
from renderer.targets.target import Target

_MOST_MOMENTS = 20_000


def refuse_wrong_curves(settings: Settings, recipe: FilmRecipe, targets: Sequence[Target], heard: Heard) -> None:
    """Refuse expressions that leave their bounds, or have no value, in some frame of a film.

    Args:
        settings: All settings.
        recipe: What the film is made from.
        targets: The film's targets.
        heard: What is heard at a time.

    Raises:
        UserError: One does; the message names its key, and when.
    """
    curves = {key: curve for key, curve in Varying(settings).curves.items() if isinstance(curve, Formula)}
    if not curves:
        return
    for moment in moments(recipe):
        for key, curve in curves.items():
            if problem := _problem(curve, moment, heard):
                when = f"{moment.film_seconds:.2f} s into the film, in {targets[moment.position].title!r:.60}"
                raise UserError(f"{key}: {when}, {curve.written!r:.80} {problem}")


def describe_curves(run: Run) -> str | None:
    """How many values of a run change over time, and what they follow; None where none do.

    Raises:
        UserError: What is heard is not there, or a value leaves its bounds.
    """
    settings = run.settings
    curves = Varying(settings).curves
    if not curves:
        return None
    sound, names = sound_of(settings), list(heard_names(settings))
    refuse_wrong_curves(settings, run.film_recipe, run.targets, sound.opened().at if sound else silence)
    count = f"{len(curves)} values change" if len(curves) > 1 else "a value changes"
    return f"{count} over time" + (f", by {listed(names)}" if names else "")


def moments(recipe: FilmRecipe, most: int = _MOST_MOMENTS) -> Iterator[Moment]:
    """The moments of the frames of a film, in order; of one with very many some, evenly."""
    timeline = recipe.timeline
    step = math.ceil(timeline.frames / most)
    for segment in timeline.segments:
        first = -segment.start_frame % step
        for frame in range(first, segment.frames, step):
            yield recipe.moment(segment, (segment.first_frame + frame) / timeline.fps)


def _problem(curve: Curve, moment: Moment, heard: Heard) -> str | None:
    try:
        value = curve.raw(moment, heard)
    except ExpressionError as error:
        return f"{error}; mend the expression"
    if curve.bounds.hold(value):
        return None
    return f"is {value:g}; it must be {curve.bounds}, so put min, max or clamp around it"
