"""A run as seen by those who only look: what is there of it and whole, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import compress
from os.path import lexists
from pathlib import Path
from typing import NamedTuple

from renderer.common.errors import UserError
from renderer.film.timeline import Segment
from renderer.media.codecs import CODECS, SEGMENT_SUFFIXES
from renderer.store.evaluation_file import Evaluation, read_evaluation
from renderer.store.paths import RunPaths
from renderer.store.records import (
    CleanRecord,
    FailureRecord,
    FileRecord,
    FilmRecord,
    PartRecord,
    SegmentRecord,
    SimilarityRecord,
    StillRecord,
    is_intact,
    read_record,
    speaks_of,
)
from renderer.store.run import Run, load_run
from renderer.targets.slugs import still_name
from renderer.targets.target import Target


class Lacks(NamedTuple):
    """What a segment lacks: its frames, or its last frame without loss."""

    frames: bool
    picture: bool


class SeenRun:
    """A run's directory at one moment; another process may be working in it.

    Everything is read when it is first asked for, and kept: to see what is new, look again with a new object.
    """

    def __init__(self, run: Run, *, thorough: bool = False) -> None:
        """Look at a run.

        Args:
            run: The run.
            thorough: Verify the digests of all files; else only their sizes.
        """
        self.run, self.paths = run, run.paths
        self._thorough = thorough
        self._segments: dict[Segment, SegmentRecord | None] = {}
        self._parts: dict[Segment, PartRecord | None] = {}
        self._stills: dict[str, tuple[StillRecord | None, tuple[bool, ...]]] = {}

    def of_any_length(self, segment: Segment) -> SegmentRecord | None:
        """Record of a segment, also from when it had another length; None if it speaks of other files."""
        if segment not in self._segments:
            record, paths = read_record(self.paths.segment_record(segment.name), SegmentRecord), self.paths
            is_own = (
                record is not None
                and are_own(paths, segment.name, record.frames, record.clean)
                and speaks_of(paths, record.picture, paths.picture(segment.name))
            )
            self._segments[segment] = record if is_own else None
        return self._segments[segment]

    def segment(self, segment: Segment) -> SegmentRecord | None:
        """Record of a segment, whether or not its files are still whole.

        None if there is none, or if it speaks of other files or frames than this segment has.
        """
        record = self.of_any_length(segment)
        return record if record and record.frames == segment.frames else None

    def was_finished(self, segment: Segment) -> bool:
        """Whether a record of a segment is there, even if it is damaged; not one of another length."""
        record = self.of_any_length(segment)
        is_other = record is not None and record.frames != segment.frames
        return not is_other and lexists(self.paths.segment_record(segment.name))

    def lacks(self, segment: Segment) -> Lacks:
        """What of a segment is missing or damaged."""
        record = self.segment(segment)
        if record is None:
            return Lacks(frames=True, picture=True)
        has_picture = self.is_whole(record.picture)
        dropped = record.dropped and has_picture and self.part(segment) is not None
        return Lacks(frames=not dropped and not self.has_frames(record), picture=not has_picture)

    def has_frames(self, record: SegmentRecord) -> bool:
        """Whether the clean frames of a segment are there, and whole."""
        return all(self.is_whole(piece) for piece in record.clean)

    def begun(self, segment: Segment) -> SegmentRecord | None:
        """Record of a segment that was finished when its class was shorter, if its files are there and whole."""
        record = self.of_any_length(segment)
        if record is None or record.frames >= segment.frames:
            return None
        return record if self.has_frames(record) and self.is_whole(record.picture) else None

    def part(self, segment: Segment) -> PartRecord | None:
        """Record of a segment's frames with text, if they are there and whole, be they up to date or not."""
        if segment not in self._parts:
            record = read_record(self.paths.part_record(segment.name), PartRecord)
            files = [self.paths.part(segment.name, suffix) for suffix in SEGMENT_SUFFIXES]
            is_own = record is not None and any(speaks_of(self.paths, record.part, file) for file in files)
            self._parts[segment] = record if record and is_own and self.is_whole(record.part) else None
        return self._parts[segment]

    def last_picture(self, segment: Segment) -> FileRecord | None:
        """The last frame of a segment, if it is there and whole."""
        record = self.segment(segment)
        return record.picture if record and self.is_whole(record.picture) else None

    def still(self, target: Target) -> StillRecord | None:
        """Record of a target's still, if that is there and whole, with the facets of which that holds too."""
        record, whole = self._looked_at(target)
        if record is None or not whole[0]:
            return None
        return record if all(whole) else record.model_copy(update={"facets": tuple(compress(record.facets, whole[1:]))})

    def recorded_still(self, target: Target) -> StillRecord | None:
        """Record of a target's stills, whether or not they are still whole."""
        return self._looked_at(target)[0]

    @property
    def stills(self) -> Mapping[str, StillRecord]:
        """All stills of the run's targets that are there and whole, by the target's key."""
        return {target.key: still for target in self.run.targets if (still := self.still(target))}

    @property
    def damaged_stills(self) -> list[str]:
        """Names of the stills that were finished, and are missing or damaged now, or their records are."""
        begun = [target for target in self.run.targets if lexists(self.paths.still_record(target.key))]
        return [name for target in begun for name in self._damaged_stills(target)]

    @cached_property
    def film(self) -> FilmRecord | None:
        """The assembled film, if it is there and whole, and is of this run's segments."""
        record = read_record(self.paths.film_record, FilmRecord) if self.run.file.film else None
        path = self.paths.film(CODECS[self.run.settings.video.codec].film_suffix)
        if record is None or not speaks_of(self.paths, record.film, path) or not self.is_whole(record.film):
            return None
        segments = [segment for segment in self.run.timeline.segments if segment.name in set(record.segments)]
        same = tuple(segment.name for segment in segments) == record.segments
        return record if same and sum(segment.frames for segment in segments) == record.frames else None

    @property
    def lost_film(self) -> bool:
        """Whether a film was assembled as the settings say, and is damaged or gone, or its record is."""
        record = read_record(self.paths.film_record, FilmRecord)
        if record is None:
            return lexists(self.paths.film_record)
        path = self.paths.film(CODECS[self.run.settings.video.codec].film_suffix)
        return speaks_of(self.paths, record.film, path) and not self.is_whole(record.film)

    @cached_property
    def failures(self) -> Mapping[str, str]:
        """Why targets could not be rendered, by key."""
        found = (read_record(path, FailureRecord) for path in self.paths.all_failures())
        return {key: reason for record in found if record for key, reason in record.reasons.items()}

    @cached_property
    def similarity(self) -> Mapping[str, int]:
        """The place of each target in the order of similarity by key; empty where it is not known."""
        keys = [target.key for target in self.run.targets]
        if self.run.settings.classes.order == "similarity":
            return {key: place for place, key in enumerate(keys)}
        record = read_record(self.paths.similarity, SimilarityRecord)
        if record is None or sorted(record.keys) != sorted(keys):
            return {}
        return {key: place for place, key in enumerate(record.keys)}

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """What judges have said, if they were asked; raises UserError where the file is damaged."""
        return read_evaluation(self.paths.evaluation)

    @property
    def evaluation_problem(self) -> str | None:
        """What is wrong with the file of the judges' words, if anything is."""
        try:
            _ = self.evaluation
        except UserError:
            return f"{self.paths.evaluation.name} is damaged; write it anew with `neuron-atlas evaluate`"
        return None

    def thumbnail(self, still: str) -> str:
        """Path of the small copy of a still from the run's directory; of the still itself where there is none yet."""
        path = self.paths.thumbnail(Path(still))
        return self.paths.relative(path) if path.is_file() else still

    def is_whole(self, record: FileRecord | None) -> bool:
        """Whether a file is there as it was recorded."""
        return record is not None and is_intact(self.paths, record, thorough=self._thorough)

    def _looked_at(self, target: Target) -> tuple[StillRecord | None, tuple[bool, ...]]:
        """Record of a target's stills, and which of them are there and whole."""
        if target.key not in self._stills:
            record = read_record(self.paths.still_record(target.key), StillRecord)
            files = enumerate(record.files if record else (), start=1)
            self._stills[target.key] = record, tuple(self._is_still(target, place, file) for place, file in files)
        return self._stills[target.key]

    def _damaged_stills(self, target: Target) -> list[str]:
        record, whole = self._looked_at(target)
        if record is None:
            return [still_name(target)]
        return [still_name(target, place) for place, is_whole in enumerate(whole, start=1) if not is_whole]

    def _is_still(self, target: Target, place: int, file: FileRecord) -> bool:
        path = self.paths.still(still_name(target, place))
        return speaks_of(self.paths, file, path) and self.is_whole(file)


def are_own(paths: RunPaths, name: str, frames: int, clean: Sequence[CleanRecord]) -> bool:
    """Whether files with clean frames are those of a segment, one after another, so many frames in all."""
    first = 0
    for piece in clean:
        if not speaks_of(paths, piece, paths.clean(name, first)):
            return False
        first += piece.frames
    return first == frames


def look_at(directory: Path) -> SeenRun:
    """See what a directory holds, by the sizes of files; raises UserError where it holds no run."""
    return SeenRun(load_run(directory))
