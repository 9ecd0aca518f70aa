"""When the classes of a run begin: decided once, where the run is described, and kept in `run.yaml`."""

from __future__ import annotations

from collections.abc import Sequence

from renderer.film.times import Times, class_times, even_times
from renderer.jobs.hearing import beats_of
from renderer.settings.sections import Settings


def times_of(settings: Settings, own_seconds: Sequence[float | None]) -> Times | None:
    """When each class begins, and when the film ends; None where all are as long as `film.seconds_per_class` says.

    Args:
        settings: All settings.
        own_seconds: How long each class is shown, where that is said of it alone.

    Raises:
        UserError: The beats that the film is to follow cannot be heard, or are too few.
    """
    film = settings.film
    times = class_times(film, own_seconds, beats_of(settings) if film.beats_per_class else None)
    return None if times == even_times(film, len(own_seconds)) else times
