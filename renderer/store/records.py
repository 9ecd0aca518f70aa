"""What is known of finished files: small JSON files, each written after everything that it speaks of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from renderer.common.digests import data_digest
from renderer.store.absent import absent_size, fetch_absent
from renderer.store.files import digest, size, write_whole
from renderer.store.paths import RunPaths
from renderer.store.plain_files import is_plain, path_within, read_plain
from renderer.targets.target import Score

Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A frozen piece of bookkeeping."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRecord(Record):
    """A file as it was when it was finished.

    Attributes:
        path: From the run's directory, with forward slashes.
        digest: Digest of its contents.
        size: In bytes.
    """

    path: str
    digest: str
    size: Count


class CleanRecord(FileRecord):
    """A file with clean frames; a segment may have several, one after another.

    Attributes:
        frames: How many it has.
    """

    frames: Count


class SegmentRecord(Record):
    """A finished segment.

    Attributes:
        frames: How many frames it has.
        clean: The frames, without text.
        picture: Its last frame, from which the next segment begins.
        score: What the network says of the last frame; given where that is the last of its class.
        seconds: How long it took: its share of the time of its round.
        scores: What it says of each frame, where that was asked.
        dropped: Whether the files with the frames have been removed, since the part for the film is there.
    """

    frames: Count
    clean: tuple[CleanRecord, ...]
    picture: FileRecord
    score: Score | None
    seconds: Seconds
    scores: tuple[Score, ...] | None = None
    dropped: bool = False


class PartRecord(Record):
    """A segment with text, encoded for the film.

    Attributes:
        part: The file.
        made_from: Fingerprint of all that it follows from.
    """

    part: FileRecord
    made_from: str


class FacetRecord(Record):
    """A further still of the same target."""

    still: FileRecord
    score: Score
    seed: int


class StillRecord(Record):
    """A finished still.

    Attributes:
        still: The picture.
        score: What the network says of it.
        seed: Seed of its randomness.
        fresh: Whether it was dreamed for itself, not taken from the film.
        made_from: Fingerprint of all that it follows from.
        seconds: How long it took: its share of the time of its group.
        facets: Further stills of the target, better ones first.
        text: Fingerprint of the text on them; None where there is none.
        tried: Fingerprint of fresh stills that came out worse than the film's, which stayed.
    """

    still: FileRecord
    score: Score
    seed: int
    fresh: bool
    made_from: str
    seconds: Seconds
    facets: tuple[FacetRecord, ...] = ()
    text: str | None = None
    tried: str | None = None

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """All pictures of the target, best first."""
        return (self.still, *(facet.still for facet in self.facets))


class FilmRecord(Record):
    """An assembled film.

    Attributes:
        film: The film.
        segments: Names of its segments, in order.
        frames: How many frames it has.
        made_from: Fingerprint of all that it follows from.
    """

    film: FileRecord
    segments: tuple[str, ...]
    frames: Count
    made_from: str


class FailureRecord(Record):
    """The classes that could not be rendered.

    Attributes:
        reasons: Why not, by the target's key.
    """

    reasons: dict[str, str]


class SimilarityRecord(Record):
    """A short tour through classes that look alike to the network.

    Attributes:
        keys: The keys of the run's targets.
    """

    keys: tuple[str, ...]


AnyRecord = TypeVar("AnyRecord", bound=Record)


def describe(paths: RunPaths, path: Path) -> FileRecord:
    """Describe a file that is whole."""
    fetch_absent(path)
    return FileRecord(path=paths.relative(path), digest=digest(path), size=size(path))


def describe_clean(paths: RunPaths, path: Path, frames: int) -> CleanRecord:
    """Describe a file with so many clean frames that is whole."""
    return CleanRecord(**describe(paths, path).model_dump(), frames=frames)


def is_intact(paths: RunPaths, record: FileRecord, *, thorough: bool = True) -> bool:
    """Whether a file still is as recorded; by its size alone where a thorough look would take too long.

    What lies outside the run's directory is none of its files, nor is a link, a pipe or a device.
    """
    path = path_within(paths.root, record.path)
    if path is not None and absent_size(path) == record.size:
        return True  # Verified when it is fetched.
    if path is None or not is_plain(path) or size(path) != record.size:
        return False
    return not thorough or digest(path) == record.digest


def speaks_of(paths: RunPaths, record: FileRecord | None, path: Path | None) -> bool:
    """Whether a record speaks of exactly this file, or of none where there is to be none."""
    return (record.path if record else None) == (paths.relative(path) if path else None)


def write_record(path: Path, record: Record) -> None:
    """Write a record, together with a digest of itself."""
    data = record.model_dump(mode="json")
    text = json.dumps({"digest": data_digest(data), "record": data}, ensure_ascii=False, indent=1)
    write_whole(path, text.encode())


def read_record(path: Path, model: type[AnyRecord]) -> AnyRecord | None:
    """Read a record; None if it is missing or damaged, for then the work is not done.

    Its digest is no secret: whoever uses a record still compares it with what it is to speak of.
    """
    try:
        data = json.loads(read_plain(path))
        record = model.model_validate(data["record"])
        return record if data.get("digest") == data_digest(data["record"]) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # ValueError is also what pydantic raises, RecursionError what comes of deep nesting.
        return None
