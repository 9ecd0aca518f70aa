"""Values over time, tried over the whole film before any of it is dreamed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from renderer.common.errors import UserError
from renderer.common.expressions import ExpressionError
from renderer.common.over_time import Varying
from renderer.common.value_curves import Curve, Formula, Heard, Keyframes, Moment, silence
from renderer.common.wording import listed
from renderer.film.film_recipe import FilmRecipe
from renderer.film.scenes import Scene, settings_for
from renderer.jobs.hearing import heard_names, sound_of
from renderer.settings.sections import Settings
from renderer.store.run import Run
from renderer.targets.target import Target

_MOST_MOMENTS = 20_000


def refuse_wrong_curves(
    settings: Settings, recipe: FilmRecipe, targets: Sequence[Target], scenes: Mapping[str, Scene], heard: Heard
) -> None:
    """Refuse expressions that leave their bounds, or have no value, in some frame of a film.

    Args:
        settings: All settings.
        recipe: What the film is made from.
        targets: The film's targets.
        scenes: What some of them have of their own, by their keys.
        heard: What is heard at a time.

    Raises:
        UserError: One does; the message names its key, and when.
    """
    common = _formulas(settings)
    own = {
        key: list(dict.fromkeys(formula for one in settings_for(settings, scene) for formula in _formulas(one)))
        for key, scene in scenes.items()
    }
    if not common and not any(own.values()):
        return
    for moment in moments(recipe):
        for key, curve in own.get(targets[moment.position].key, common):
            if problem := _problem(curve, moment, heard):
                when = f"{moment.film_seconds:.2f} s into the film, in {targets[moment.position].title!r:.60}"
                raise UserError(f"{key}: {when}, {curve.written!r:.80} {problem}")


def _formulas(settings: Settings) -> list[tuple[str, Formula]]:
    """The expressions in settings, each with its key."""
    return [(key, curve) for key, curve in Varying(settings).curves.items() if isinstance(curve, Formula)]


def describe_curves(run: Run) -> str | None:
    """How many values of a run change over time, and what they follow; None where none do.

    Raises:
        UserError: What is heard is not there, or a value leaves its bounds.
    """
    settings, scenes = run.settings, run.file.scenes
    count = len({(key, curve) for one in _all_settings(run) for key, curve in Varying(one).curves.items()})
    if not count:
        return None
    names = list(heard_names(settings, scenes.values()))
    sound = sound_of(settings, scenes.values())
    refuse_wrong_curves(settings, run.film_recipe, run.targets, scenes, sound.opened().at if sound else silence)
    told = f"{count} values change" if count > 1 else "a value changes"
    return f"{told} over time" + (f", by {listed(names)}" if names else "")


def unreached_keyframe(run: Run) -> str | None:
    """Which keyframe lies after the end of every class, if one does; a sign was forgotten, most likely."""
    timeline = run.timeline
    longest = max(timeline.class_frames.values()) / timeline.fps
    for key, curve in (pair for one in _all_settings(run) for pair in Varying(one).curves.items()):
        if isinstance(curve, Keyframes) and not curve.of_film:
            for frame in curve.frames:
                if not frame.is_share and frame.time > longest:
                    meant = f"; did you mean {frame.time:g}%?" if frame.time <= 100 else ""
                    return f"{key}: {frame.key} lies after the end of every class ({longest:.3g} s){meant}"
    return None


def _all_settings(run: Run) -> list[Settings]:
    """The settings, as they are for all, and for each class and card with values of its own."""
    own = [one for scene in run.file.scenes.values() for one in settings_for(run.settings, scene)]
    return [run.settings, *own]


def moments(recipe: FilmRecipe, most: int = _MOST_MOMENTS) -> Iterator[Moment]:
    """Moments of a film in order: of its frames, between them, and at the ends of classes; of very many, some."""
    timeline = recipe.timeline
    step = math.ceil(timeline.frames / most)
    for segment in timeline.segments:
        first = -segment.start_frame % step
        frames = [frame + half for frame in range(first, segment.frames, step) for half in (0.0, 0.5)]
        for frame in [*frames, float(segment.frames)]:
            yield recipe.moment(segment, (segment.first_frame + frame) / timeline.fps)


def _problem(curve: Curve, moment: Moment, heard: Heard) -> str | None:
    try:
        value = curve.raw(moment, heard)
    except ExpressionError as error:
        return f"{error}; mend the expression"
    if curve.bounds.hold(value):
        return None
    return f"is {value:g}; it must be {curve.bounds}, so put min, max or clamp around it"
