"""The pictures of a run in which its targets are to be recognized, as far as they are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.film.tasks import Picture
from renderer.film.timeline import Segment
from renderer.media.pictures import load_picture, mix
from renderer.store.evaluation_file import View
from renderer.store.records import FileRecord
from renderer.targets.target import Target


@dataclass(frozen=True)
class Exhibit:
    """A picture that is to show a target; it is read when it is looked at.

    Attributes:
        seen: The run whose picture it is.
        target: What it is to show.
        shown: As what it is shown.
        file: The picture.
        is_still: Whether the file is that of the still.
        mixed_with: What is mixed into it, and its share; None where nothing is.
    """

    seen: SeenRun
    target: Target
    shown: tuple[View, ...]
    file: FileRecord
    is_still: bool = False
    mixed_with: tuple[FileRecord, float] | None = None

    @property
    def still_digest(self) -> str | None:
        """Digest of the still's file; None for a picture of the film alone."""
        return self.file.digest if self.is_still else None

    @property
    def digest(self) -> str:
        """Digest of what the picture follows from: where it is another, so is the picture."""
        if self.mixed_with is None:
            return self.file.digest
        other, share = self.mixed_with
        return data_digest([self.file.digest, other.digest, share])

    def picture(self) -> Picture:
        """Read the picture; raises OSError."""
        picture = load_picture(self.seen.paths.root / self.file.path)
        if self.mixed_with is None:
            return picture
        other, share = self.mixed_with
        return mix(picture, load_picture(self.seen.paths.root / other.path), share)


def exhibits(seen: SeenRun) -> Iterator[Exhibit]:
    """All pictures that are there and whole: each target's still, and its last frame in the film, without text.

    The two are one picture where the still was taken from the film.
    """
    segments = seen.run.timeline.segments if seen.run.file.film else ()
    frames = {segment.position: segment for segment in segments if segment.ends_class}
    for position, target in enumerate(seen.run.targets):
        frame = _frame(seen, frames[position]) if frames else None
        still = seen.still(target)
        if still:
            # Both are written by the same function: the same picture is the same file.
            is_frame = frame is not None and frame.mixed_with is None and frame.file.digest == still.still.digest
            shown: tuple[View, ...] = ("still", "film") if is_frame else ("still",)
            yield Exhibit(seen, target, shown, still.still, is_still=True)
            frame = None if is_frame else frame
        if frame:
            yield frame


def _frame(seen: SeenRun, segment: Segment) -> Exhibit | None:
    """The last frame of a target, as it is before text is put on it and it is encoded."""
    file, target = seen.last_picture(segment), seen.run.targets[segment.position]
    if file is None:
        return None
    seam = seen.run.timeline.seam(segment, seen.run.fade)
    if seam is None:
        return Exhibit(seen, target, ("film",), file)
    # The last frame of the crossfade: nearly all of it is the end of the next chain's lead-in.
    other = seen.last_picture(seam.lead_in)
    share = seam.frames / (seam.frames + 1)
    return Exhibit(seen, target, ("film",), file, mixed_with=(other, share)) if other else None
