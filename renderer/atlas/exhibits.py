"""The pictures of a run in which its classes are to be recognized, as far as they are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from renderer.atlas.recognition import Exhibit
from renderer.film.timeline import Segment
from renderer.jobs.plan import find_seam
from renderer.jobs.segments import mix
from renderer.jobs.session import Run
from renderer.jobs.stills import still_record
from renderer.jobs.trusted_records import segment_record
from renderer.jobs.worker import Picture
from renderer.media.pictures import load_picture
from renderer.store.records import FileRecord, is_intact


@dataclass(frozen=True)
class Hanging:
    """An exhibit and its picture, which is read when it is looked at.

    Attributes:
        exhibit: What the picture is to show.
        run: The run whose picture it is.
        file: The picture.
        mixed_with: What is mixed into it, and its share; None where nothing is.
    """

    exhibit: Exhibit
    run: Run
    file: FileRecord
    mixed_with: tuple[FileRecord, float] | None = None

    def picture(self) -> Picture:
        """Read the picture; raises OSError."""
        picture = load_picture(self.run.paths.root / self.file.path)
        if self.mixed_with is None:
            return picture
        other, share = self.mixed_with
        return mix(picture, load_picture(self.run.paths.root / other.path), share)


def hangings(run: Run) -> Iterator[Hanging]:
    """All pictures that are there and whole: each class's still, and its last frame in the film, without text.

    The two are one picture where the still was taken from the film.
    """
    frames = {segment.position: segment for segment in run.timeline.segments if segment.ends_class}
    for position, record in enumerate(run.classes):
        frame = _frame(run, frames[position])
        still = still_record(run, record)
        if still and is_intact(run.paths, still.still):
            # Both are written by the same function: the same picture is the same file.
            is_frame = frame is not None and frame.mixed_with is None and frame.file.digest == still.still.digest
            exhibit = Exhibit(record, ("still", "film") if is_frame else ("still",), still.still.digest)
            yield Hanging(exhibit, run, still.still)
            frame = None if is_frame else frame
        if frame:
            yield frame


def _frame(run: Run, segment: Segment) -> Hanging | None:
    """The last frame of a class, as it is before text is put on it and it is encoded."""
    file = _last_picture(run, segment)
    if file is None:
        return None
    exhibit = Exhibit(run.classes[segment.position], ("film",), None)
    seam = find_seam(run.timeline, segment, run.fade)
    if seam is None:
        return Hanging(exhibit, run, file)
    # The last frame of the crossfade: nearly all of it is the end of the next chain's lead-in.
    other = _last_picture(run, seam.lead_in)
    return Hanging(exhibit, run, file, (other, seam.frames / (seam.frames + 1))) if other else None


def _last_picture(run: Run, segment: Segment) -> FileRecord | None:
    record = segment_record(run.paths, segment, run.fade)
    return record.picture if record and is_intact(run.paths, record.picture) else None
