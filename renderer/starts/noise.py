"""Soft noise."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from renderer.dream.randomness import PictureKey, normal
from renderer.starts.start import StartFile, StartKind, StartPicture

_GRAY = np.float32(0.5)


class NoiseStart(StartKind):
    """Start from soft noise around gray."""

    is_noise: ClassVar[bool] = True

    kind: Literal["noise"] = Field(
        "noise", description="What a fresh picture is: `noise`; a `picture`, a photograph; or a `film`."
    )
    contrast: float = Field(
        0.05, ge=0, le=0.5, description="Standard deviation of the noise around mid-gray, where white is 1."
    )

    def first(self, key: PictureKey, size: tuple[int, int], file: StartFile | None = None) -> StartPicture:  # noqa: ARG002
        """Noise of every pixel and color by itself."""
        noise = normal(key, (3, *size))
        picture: StartPicture = np.clip(_GRAY + np.float32(self.contrast) * noise, np.float32(0), np.float32(1))
        return picture
