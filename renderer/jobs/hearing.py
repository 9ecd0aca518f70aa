"""What a film hears: the sound that goes with it, or curves of the user's own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from renderer.common.errors import UserError, naming
from renderer.film.times import Beats
from renderer.settings.sections import Settings

if TYPE_CHECKING:
    from renderer.sound.curves import Curves

_BEATS = "beats"  # As curves name them.


def beats_of(settings: Settings) -> Beats:
    """The beats by which a film is divided, where `film.beats_per_class` is set.

    Raises:
        UserError: There is nothing that has beats, or it cannot be read.
    """
    curves, sound = settings.film.curves, settings.video.audio or settings.start.sound()
    if curves:
        with naming("film.curves"):
            own = _read(curves)
        if _BEATS in own.names:
            return own.beat_times
    if sound is None:
        raise UserError(_without_beats(curves))
    with naming("video.audio" if settings.video.audio else "start.path"):
        return _heard(sound).beat_times


def _without_beats(curves: Path | None) -> str:
    if curves:
        return (
            f"film.beats_per_class: {curves} has no column {_BEATS}, and the film has no sound; add the column, name a "
            "sound as video.audio, or leave film.beats_per_class out"
        )
    return (
        "film.beats_per_class: there is no sound to hear beats in; name one as video.audio, or a file of curves as "
        "film.curves, or leave film.beats_per_class out"
    )


def _heard(path: Path) -> Curves:
    """The curves of a sound; heard once, for a check asks again."""
    try:
        state = path.stat()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name another file") from error
    return _heard_as_it_is(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _heard_as_it_is(path: Path, _changed: int, _size: int) -> Curves:
    from renderer.sound.listening import listen  # noqa: PLC0415

    return listen(path)


def _read(path: Path) -> Curves:
    from renderer.sound.csv_file import read_curves  # noqa: PLC0415

    return read_curves(path)
