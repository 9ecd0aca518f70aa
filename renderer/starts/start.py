"""Where pictures begin, and how they go on by themselves: the interface of all kinds."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from jaxtyping import Float32

from renderer.common.section import Section
from renderer.dream.randomness import PictureKey

StartPicture = Float32[np.ndarray, "3 height width"]


class StartKind(Section):
    """What a fresh picture is before anything has been dreamed into it; its fields are the section `start`."""

    moves: ClassVar[bool] = False
    """Whether it brings something new into every frame, as a film does."""

    @abstractmethod
    def first(self, key: PictureKey, size: tuple[int, int]) -> StartPicture:
        """The first picture.

        Args:
            key: Whose picture it is.
            size: Height and width in pixels.

        Returns:
            Red, green and blue with values in [0, 1].
        """

    def following(self, moved: StartPicture, key: PictureKey, frame: int) -> StartPicture:  # noqa: ARG002
        """The picture from which a later frame of a class is dreamed; asked only where `moves` says so.

        Args:
            moved: The frame before, moved by the camera.
            key: Whose picture it is.
            frame: Number of the frame within its class, from 1.
        """
        return moved
