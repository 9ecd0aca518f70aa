"""When the classes of a run begin: decided once, where the run is described, and kept in `run.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from renderer.film.scenes import Scene
from renderer.film.times import Times, class_times, even_times
from renderer.jobs.hearing import beats_of
from renderer.settings.sections import Settings


def times_of(settings: Settings, scenes: Sequence[Scene]) -> Times | None:
    """When each class begins, and when the film ends; None where all are as long as `film.seconds_per_class` says.

    Args:
        settings: All settings.
        scenes: What each class has of its own.

    Raises:
        UserError: The beats that the film is to follow cannot be heard, or are too few.
    """
    film, counted = settings.film, [scene.beats for scene in scenes]
    key = "film.beats_per_class" if film.beats_per_class else "classes.select: beats" if any(counted) else None
    own, longer = [scene.seconds for scene in scenes], [scene.card_seconds for scene in scenes]
    times = class_times(film, own, beats_of(settings, key) if key else None, longer, counted)
    return None if times == even_times(film, len(scenes)) else times
