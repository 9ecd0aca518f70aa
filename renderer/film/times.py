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
    own_beats: Sequence[int | None] | None = None,
) -> Times:
    """When each class begins, and when the film ends.

    Args:
        film: The film's settings.
        own_seconds: How long each class is shown, where that is said of it alone.
        beats: The beats of the sound; needed with `film.beats_per_class`, and where classes have beats of their own.
        longer: By how many seconds each class is shown longer than that; to the next beat, where beats count.
        own_beats: For how many beats each class is shown, where that is said of it alone.

    Raises:
        UserError: There are too few beats.
    """
    times, heard, frame = [0.0], _Heard(beats) if beats else None, 1 / film.fps
    nothing = [None] * len(own_seconds)
    for own, counted, more in zip(own_seconds, own_beats or nothing, longer or nothing, strict=True):
        count = counted or (film.beats_per_class if own is None else None)
        if heard and count:
            # A beat that falls on the frame with which a class begins is not counted again.
            end = heard.beat_after(times[-1] + frame / 2, count)
            end = heard.beat_after(end + more - frame / 2, 1) if more else end
        else:
            end = times[-1] + (film.seconds_per_class if own is None else own) + (more or 0.0)
        times.append(end)
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
