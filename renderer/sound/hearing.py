"""What a film hears: a sound, curves of the user's own, or both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from renderer.common.digests import data_digest
from renderer.common.errors import UserError, naming
from renderer.common.expressions import ExpressionError
from renderer.sound.curves import BEATS, Curves


class SoundFile(BaseModel):
    """The files that a run hears.

    Attributes:
        sound: A file with sound, if it is listened to.
        curves: A file of curves, if there is one; they come before those of the sound.
        digest: Of the curves that both give.
    """

    model_config = ConfigDict(frozen=True)

    sound: Path | None
    curves: Path | None
    digest: str

    def opened(self) -> Hearing:
        """What is heard; raises UserError where that is not what it was."""
        hearing = hear(self.sound, self.curves)
        if hearing.digest != self.digest:
            path = self.curves or self.sound
            raise UserError(f"{path}: gives other curves than when the run was begun; render again to go on with them")
        return hearing


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

    @cached_property
    def digest(self) -> str:
        """Tells what is heard apart."""
        return data_digest([part.digest for part in self.parts])

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
            parts.append(_read(curves, *_state(curves)))
    if sound:
        with naming("video.audio"):
            parts.append(_listened(sound, *_state(sound)))
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
