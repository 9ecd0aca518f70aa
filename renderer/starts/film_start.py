"""A film of somebody else: every frame of it is dreamed, and what was dreamed moves with what is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from renderer.common.errors import UserError, naming
from renderer.common.over_time import over_time
from renderer.common.source_film import FILM, FilmFacts, FilmReader, Picture, film_facts
from renderer.dream.randomness import PictureKey
from renderer.starts.flow import Flow, Values, carry, find_by_dis, find_flow, refuse_without_opencv
from renderer.starts.raft import find_by_raft, missing_weights, raft_weights
from renderer.starts.start import ALL, FLOW, MovingStart, OpenedWith, StartFile, StartKind, StartPicture, size_beside
from renderer.targets.target import Target

_KEY = "start.path"
_LONGEST_SIDE = 1280  # Of a film whose size nobody has set.
_KEPT_FRAMES = 3
_BEYOND = 8  # A panorama is followed with an eighth of it more on either side.
_LONGEST_SECONDS = 3600.0  # Of a class, as the settings allow.


class FilmStart(StartKind):
    """Dream into every frame of a film."""

    kind: Literal["film"] = Field("film", description="A film.")
    path: Path | None = Field(
        None,
        description="A film of any format that ffmpeg reads; without it, the six seconds that come along. What `film` "
        "and `motion` do not say follows from it: frame rate, size, time for each class, a camera at rest; "
        "`dream.fresh_steps` is 0 then.",
    )
    keep: float = over_time(
        0.3,
        ge=0,
        le=1,
        description="How near each frame stays to the film's: with 0 what was dreamed stays until it is hidden, with 1 "
        "nothing is dreamed.",
    )

    flow: Literal["auto", "dis", "raft"] = Field(
        "auto",
        description="How motion is found: `raft` is a network, finer and slower; `dis` (dense inverse search) needs no "
        "weights. `auto` takes RAFT where its weights are among those that torch has downloaded.",
    )

    moves: ClassVar[bool] = True

    def first(self, key: PictureKey, size: tuple[int, int], file: StartFile | None = None) -> StartPicture:  # noqa: ARG002
        """The film's first frame."""
        found = _Followed(self._known(file), size, 1.0, OpenedWith(file))
        try:
            return found.picture(0)
        finally:
            found.close()

    def opened(self, size: tuple[int, int], fps: float, files: OpenedWith) -> MovingStart:
        """The film, and what moves in it."""
        return _Followed(self._known(files.film), size, fps, files)

    @property
    def held(self) -> float:
        """As it is set."""
        return self.keep

    def files(self, targets: Sequence[Target]) -> Mapping[str, Path]:  # noqa: ARG002
        """The film, for all, and the weights by which its motion is found; raises UserError also without OpenCV."""
        refuse_without_opencv()
        self._facts()
        weights = None if self.flow == "dis" else raft_weights()
        if weights is None and self.flow == "raft":
            raise missing_weights()
        return {ALL: self._film} | ({FLOW: weights} if weights else {})

    def told(self) -> dict[str, Any]:
        """Without the path, and without what `auto` may stand for: the weights count by what is in them."""
        return self.model_dump(mode="json", exclude={"path", "flow"})

    def with_absolute_paths(self) -> Self:
        """The same from every folder."""
        return self.model_copy(update={"path": self.path and self.path.absolute()})

    def refuse_longer(self, frames: int, fps: float) -> None:
        """A film that went on where nothing is to be seen would be of another kind than before."""
        there = self._facts().frames(fps)
        if frames > there:
            raise UserError(
                f"film.seconds_per_class: the film would have {frames} frames, and {self._film.name} has {there} at "
                f"{fps:g} a second; choose fewer classes, or leave out film.seconds_per_class: then they share its time"
            )

    def seconds_of(self, classes: int, fps: float) -> float:
        """The film's time, shared."""
        return min(self._facts().frames(fps) / fps / classes, _LONGEST_SECONDS)

    @classmethod
    def suits(cls, said: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Rate and size of the film, and a camera at rest."""
        start, film = (part if isinstance(part := said.get(key), dict) else {} for key in ("start", "film"))
        path = start.get("path")
        if not isinstance(path, str | None):
            return {}
        facts = _facts_of(Path(path) if path else FILM)
        return {
            "film": {"fps": facts.fps, **size_beside(film, (facts.height, facts.width), _LONGEST_SIDE)},
            "motion": {"zoom": 1.0, "rotate": 0.0},
            "dream": {"fresh_steps": 0},
        }

    def sound(self) -> Path | None:
        """The film, if it has a sound; also if it cannot be read any more, so that its sound is missed."""
        try:
            return self._film if self._facts().has_sound else None
        except UserError:
            return self._film

    @property
    def _film(self) -> Path:
        return self.path or FILM

    def _facts(self) -> FilmFacts:
        return _facts_of(self._film)

    def _known(self, file: StartFile | None) -> Path:
        return file.path if file else self._film


class _Followed(MovingStart):
    """A film that is read, with the flow from each frame to the next."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, files: OpenedWith) -> None:
        with naming(_KEY):
            self._reader = FilmReader(path, size, fps)
        self._find = find_by_raft(files.flow.path, files.device) if files.flow else find_by_dis
        self._beyond = size[1] // _BEYOND if files.goes_round else 0
        self._kept: dict[int, Picture] = {}
        self._flow: tuple[int, Flow] | None = None

    def picture(self, frame: int) -> StartPicture:
        """The film's frame; before the first one there is the first."""
        return np.ascontiguousarray(self._frame(frame).transpose(2, 0, 1)).astype(np.float32) / np.float32(255)

    def carried(self, dreamed: StartPicture, frame: int) -> StartPicture:
        """Moved as the film does."""
        if self._flow is None or self._flow[0] != frame:
            before, after = (self._widened(self._frame(number)) for number in (frame - 1, frame))
            self._flow = frame, find_flow(before, after, self._find)
        moved = carry(self._widened(np.ascontiguousarray(dreamed.transpose(1, 2, 0))), self._flow[1])
        inside = moved[:, self._beyond : moved.shape[1] - self._beyond]
        return np.ascontiguousarray(inside.transpose(2, 0, 1))

    def _widened(self, values: Values) -> Values:
        """With what comes from the other side, where it goes round."""
        return np.pad(values, ((0, 0), (self._beyond, self._beyond), (0, 0)), mode="wrap")

    def close(self) -> None:
        """End the reading."""
        self._reader.close()

    def _frame(self, number: int) -> Picture:
        number = max(0, number)
        if number not in self._kept:
            with naming(_KEY):
                self._kept[number] = self._reader.frame(number)
            for old in list(self._kept)[:-_KEPT_FRAMES]:
                del self._kept[old]
        return self._kept[number]


def _facts_of(path: Path) -> FilmFacts:
    with naming(_KEY):
        return film_facts(path)
