"""How dreamed frames are shown: what is written over them, and how they are encoded; none of it is dreamed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from renderer.common.digests import data_digest
from renderer.common.section import Section
from renderer.settings.sections import Overlay, Settings


class SegmentVideo(Section):
    """What of the section `video` makes the files of segments."""

    codec: str
    quality: int


class Presentation(Section):
    """What the encoded segments follow from besides the dreamed frames; the names are those of the settings.

    Attributes:
        overlay: The text over the frames; None where there is none.
        video: How they are encoded.
        font: Digest of the font's file, where there is one.
        titles: The titles that the text may name, in the order of the film.
    """

    overlay: Overlay | None
    video: SegmentVideo
    font: str | None
    titles: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Two presentations of the same digest look the same."""
        return data_digest(self.data())

    @cached_property
    def text_digest(self) -> str:
        """The same, of the text alone."""
        return data_digest({key: value for key, value in self.data().items() if key != "video"})

    def data(self) -> dict[str, Any]:
        """All of it as plain data; where the font lies does not count."""
        return self.model_dump(mode="json", exclude={"overlay": {"font"}})


def presentation(settings: Settings, titles: tuple[str, ...], font: str | None) -> Presentation:
    """Take from settings how the frames are shown.

    Args:
        settings: All settings.
        titles: The titles of the run's targets.
        font: Digest of the font's file, where there is one.
    """
    overlay = settings.overlay if settings.overlay.lines else None
    video = SegmentVideo(codec=settings.video.codec, quality=settings.video.quality)
    return Presentation(overlay=overlay, video=video, font=font, titles=titles if overlay else ())
