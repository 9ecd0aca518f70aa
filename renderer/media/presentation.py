"""How dreamed frames are shown: what is written over them, and how they are encoded; none of it is dreamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from renderer.common.digests import data_digest
from renderer.common.section import Section
from renderer.media.captions import named_values, templates_name_guesses
from renderer.settings.sections import Overlay, Settings
from renderer.targets.target import Target


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
        facts: What the text may say of each target, in the order of the film.
        others: The titles of all classes that the network knows, where the text may name what it sees.
    """

    overlay: Overlay | None
    video: SegmentVideo
    font: str | None
    facts: tuple[dict[str, Any], ...]
    others: dict[int, str]

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


def presentation(
    settings: Settings, targets: Sequence[Target], titles: Mapping[int, str], font: str | None
) -> Presentation:
    """Take from settings how the frames are shown.

    Args:
        settings: All settings.
        targets: The run's targets.
        titles: The titles of all classes that the network knows, by index.
        font: Digest of the font's file, where there is one.
    """
    lines = settings.overlay.lines
    return Presentation(
        overlay=settings.overlay if lines else None,
        video=SegmentVideo(codec=settings.video.codec, quality=settings.video.quality),
        font=font,
        facts=tuple(named_values(lines, target) for target in targets) if lines else (),
        others=dict(titles) if templates_name_guesses(lines) else {},
    )
