"""What a film hears: a sound, curves of the user's own, or both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from renderer.common.errors import UserError, naming
from renderer.common.expressions import ExpressionError
from renderer.sound.curves import BEATS, Curves


class SoundFile(BaseModel):
    """The files that a run hears.

    Attributes:
        sound: A file with sound, if it is listened to.
        curves: A file of curves, if there is one; they come before those of the sound.
        digests: Of the curves that are followed, by name.
    """

    model_config = ConfigDict(frozen=True)

    sound: Path | None
    curves: Path | None
    digests: dict[str, str]

    def opened(self) -> Hearing:
        """What is heard; raises UserError where that is not what it was."""
        hearing = hear(self.sound, self.curves)
        for name, digest in self.digests.items():
            if hearing.digest_of(name) != digest:
                path = self.curves or self.sound
                raise UserError(f"{path}: {name} is other than when the run was begun; render again to go on with it")
        return hearing

    def of(self, names: Collection[str]) -> dict[str, str]:
        """The digests of some curves, of those that it has."""
        return {name: digest for name, digest in self.digests.items() if name in names}


@dataclass(frozen=True, eq=False)
class Hearing:
    """Curves from several files.

    Attributes:
        parts: The curves; what the first one has comes first.
    """

    parts: Sequence[Curves]

    @property
    def names(self) -> Collection[str]:
        """All that `at` knows."""
        return [*dict.fromkeys(name for part in self.parts for name in part.names)]

    def digest_of(self, name: str) -> str | None:
        """Tells a curve apart; None where there is none of the name."""
        return next((part.digest_of(name) for part in self.parts if name in part.names), None)

    def at(self, name: str, seconds: float) -> float:
        """The value of a curve, so many seconds into the film; raises ExpressionError where there is no such curve."""
        for part in self.parts:
            if name in part.names:
                return part.at(name, seconds)
        raise ExpressionError(f"follows {name}, which nothing gives; there are {', '.join(self.names) or 'no curves'}")

    def beat_times(self, until: float) -> list[float]:
        """The seconds at which there are beats, until a time."""
        return next((part.beat_times(until) for part in self.parts if BEATS in part.names), [])


def hear(sound: Path | None, curves: Path | None) -> Hearing:
    """Listen to a sound and read curves; what was heard is kept, as long as the files are the same.

    Raises:
        UserError: One of them cannot be read.
    """
    parts = []
    if curves:
        with naming("film.curves"):
            parts.append(_read(curves.absolute(), *_state(curves)))
    if sound:
        with naming("video.audio"):
            parts.append(_listened(sound.absolute(), *_state(sound)))
    return Hearing(parts)


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name another file") from error
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=4)
def _listened(path: Path, _changed: int, _size: int) -> Curves:
    from renderer.sound.listening import listen  # noqa: PLC0415  librosa takes seconds

    return listen(path)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> Curves:
    from renderer.sound.csv_file import read_curves  # noqa: PLC0415

    return read_curves(path)
