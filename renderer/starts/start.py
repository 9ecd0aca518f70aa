"""Where pictures begin, and how they go on by themselves: the interface of all kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict

from renderer.common.photographs import Photograph
from renderer.common.section import Section
from renderer.dream.randomness import PictureKey
from renderer.targets.target import Target

StartPicture = Float32[np.ndarray, "3 height width"]

_SMALLEST_SIDE = 16

ALL = ""
"""Stands for all targets, where they start from one file."""
FLOW = "(flow)"
"""Stands for the weights by which the motion of a film is found."""


class StartFile(BaseModel):
    """A file that pictures start from.

    Attributes:
        path: Where it lies.
        digest: Tells its contents.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    digest: str


def size_beside(said: Any, size: tuple[int, int], longest: int) -> dict[str, int]:
    """Width and height in the proportion of what is started from: of its own size, or as one of them is set.

    Args:
        said: What the user says of the section, plain and not checked yet.
        size: Height and width of what is started from.
        longest: Longest side, where neither is set.
    """
    sides = {"width": size[1], "height": size[0]}
    factor = min(1.0, longest / max(size))
    for key, side in sides.items():
        if isinstance(wanted := said.get(key) if isinstance(said, dict) else None, int):
            factor = wanted / side
    return {key: max(_SMALLEST_SIDE, 2 * round(side * factor / 2)) for key, side in sides.items()}


@dataclass(frozen=True)
class OpenedWith:
    """From what a start that moves is opened, and where.

    Attributes:
        film: The file that it starts from.
        flow: The weights by which its motion is found; None where it is found without any.
        device: Where those compute.
        goes_round: Whether the left border of a frame meets the right one.
    """

    film: StartFile | None
    flow: StartFile | None = None
    device: str = "cpu"
    goes_round: bool = False


class MovingStart(ABC):
    """What a start that moves brings into a film, frame by frame; frames are best asked for in order."""

    @abstractmethod
    def picture(self, frame: int) -> StartPicture:
        """What it shows in a frame of the film, by its number from 0; raises UserError."""

    @abstractmethod
    def carried(self, dreamed: StartPicture, frame: int) -> StartPicture:
        """Carry along what was dreamed, as the picture moves.

        Args:
            dreamed: By what the dreamed frame before differs from what this start showed then.
            frame: Number of the frame in the film, from 1.

        Returns:
            The same as it is to lie over the frame; 0 where it is hidden.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""


class StartKind(Section):
    """What a fresh picture is before anything has been dreamed into it; its fields are the section `start`."""

    moves: ClassVar[bool] = False
    """Whether it brings something new into every frame, as a film does."""

    is_noise: ClassVar[bool] = False
    """Whether its pixels have nothing to do with each other: a panorama has more of them the nearer to a pole."""

    @abstractmethod
    def first(self, key: PictureKey, size: tuple[int, int], file: StartFile | None = None) -> StartPicture:
        """The first picture.

        Args:
            key: Whose picture it is.
            size: Height and width in pixels.
            file: The file that it starts from, if any.

        Returns:
            Red, green and blue with values in [0, 1].

        Raises:
            UserError: The file cannot be read.
        """

    def opened(self, size: tuple[int, int], fps: float, files: OpenedWith) -> MovingStart | None:  # noqa: ARG002
        """What it brings into the frames; None unless `moves` says so.

        Args:
            size: Height and width in pixels.
            fps: Frames per second.
            files: From what, and where.

        Raises:
            UserError: The file cannot be read.
        """
        return None

    def refuse_longer(self, frames: int, fps: float) -> None:
        """Raise UserError where a film of so many frames would be longer than what it starts from."""

    def seconds_of(self, classes: int, fps: float) -> float | None:  # noqa: ARG002
        """How long each of so many classes is shown, where the settings do not say it; None for as long as usual."""
        return None

    @classmethod
    def suits(cls, said: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG003
        """Settings of other sections that suit it, where the user says nothing else.

        Args:
            said: All that the user says, plain and not checked yet.

        Raises:
            UserError: A file that is named there cannot be read.
        """
        return {}

    def sound(self) -> Path | None:
        """A file whose sound is that of the film, where the settings name none."""
        return None

    def reference(self, size: tuple[int, int], file: StartFile | None) -> Photograph | None:  # noqa: ARG002
        """What a picture stays near; None where there is nothing of the kind. Raises as `first`."""
        return None

    @property
    def held(self) -> float:
        """How near it stays: from 0, not at all, to 1, where nothing is dreamed."""
        return 0.0

    @property
    def held_by(self) -> str | None:
        """The layer by whose answers it stays near; None for its pixels."""
        return None

    @property
    def masked(self) -> Literal["alpha", "class"] | None:
        """Where alone something is dreamed: where the reference is opaque, or where the class is in it."""
        return None

    def files(self, targets: Sequence[Target]) -> Mapping[str, Path]:  # noqa: ARG002
        """The file that each target starts from, by the target's key, or for `ALL`; raises UserError."""
        return {}

    def told(self) -> dict[str, Any]:
        """What tells it from others, without its paths: files count by what is in them."""
        return self.model_dump(mode="json")

    def with_absolute_paths(self) -> Self:
        """The same, but its paths mean the same from every folder."""
        return self
