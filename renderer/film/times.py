"""When the classes of a film begin: evenly, after seconds of their own, or on the beats of a sound."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from renderer.common.errors import UserError
from renderer.settings.sections import LONGEST_CLASS, Film

Times = tuple[float, ...]
"""Seconds at which each class begins, and at the end those at which the film ends."""

Beats = Callable[[float], Sequence[float]]
"""Times of a sound's beats until a time, all in seconds and in order."""

_DIGITS = 6  # Microseconds: sums of the same seconds are the same, whatever is added first.
_HEARD_AT_ONCE = 60.0


def class_times(
    film: Film,
    own_seconds: Sequence[float | None],
    beats: Beats | None = None,
    longer: Sequence[float] | None = None,
) -> Times:
    """When each class begins, and when the film ends.

    Args:
        film: The film's settings.
        own_seconds: How long each class is shown, where that is said of it alone.
        beats: The beats of the sound; needed with `film.beats_per_class`.
        longer: By how many seconds each class is shown longer than that.

    Raises:
        UserError: There are too few beats.
    """
    times, heard = [0.0], _Heard(beats) if beats and film.beats_per_class else None
    for own, more in zip(own_seconds, longer or [0.0] * len(own_seconds), strict=True):
        begin = times[-1]
        if own is None and heard and film.beats_per_class:
            # A beat that falls on the frame with which a class begins is not counted again.
            end = heard.beat_after(begin + 0.5 / film.fps, film.beats_per_class)
        else:
            end = begin + (film.seconds_per_class if own is None else own)
        times.append(end + more)
    return tuple(round(time, _DIGITS) for time in times)


def even_times(film: Film, classes: int) -> Times:
    """When each of so many classes begins, and when the film ends, if all are as long as `film.seconds_per_class`."""
    return class_times(film.model_copy(update={"beats_per_class": None}), [None] * classes)


class _Heard:
    """The beats of a sound, as far as they were asked for."""

    def __init__(self, beats: Beats) -> None:
        self._beats, self._until = beats, _HEARD_AT_ONCE
        self._times = beats(self._until)

    def beat_after(self, begin: float, count: int) -> float:
        """The time of the beat that is the one of this count after a time."""
        while (place := bisect_right(self._times, begin) + count - 1) >= len(self._times):
            if self._until > begin + LONGEST_CLASS:
                raise UserError(
                    f"film.beats_per_class: the sound has fewer than {count} beats in the hour after "
                    f"{begin:.1f} s; choose another sound, or leave film.beats_per_class out"
                )
            self._until *= 2
            self._times = self._beats(self._until)
        return self._times[place]
