"""What is known of finished files: small JSON files, each written after everything that it speaks of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from renderer.common.digests import data_digest
from renderer.store.files import digest, size, write_whole
from renderer.store.paths import RunPaths
from renderer.targets.target import Score


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
    size: int


class SegmentRecord(Record):
    """A finished segment.

    Attributes:
        frames: How many frames it has.
        film: The encoded frames; None for a lead-in.
        picture: Its last frame, from which the next segment begins.
        tail: The last frames of a lead-in, where the chain before fades into them.
        score: What the network says of the last frame; given where that is the last of its class.
        seconds: How long it took: its share of the time of its round.
    """

    frames: int
    film: FileRecord | None
    picture: FileRecord
    tail: FileRecord | None
    score: Score | None
    seconds: float


class StillRecord(Record):
    """A finished still.

    Attributes:
        still: The picture.
        score: What the network says of it.
        seed: Seed of its randomness.
        fresh: Whether it was dreamed for itself, not taken from the film.
        made_from: Fingerprint of all that it follows from.
        seconds: How long it took: its share of the time of its group.
    """

    still: FileRecord
    score: Score
    seed: int
    fresh: bool
    made_from: str
    seconds: float


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
    frames: int
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
    return FileRecord(path=paths.relative(path), digest=digest(path), size=size(path))


def is_intact(paths: RunPaths, record: FileRecord, *, thorough: bool = True) -> bool:
    """Whether a file still is as recorded; by its size alone where a thorough look would take too long."""
    path = paths.root / record.path
    if not path.exists() or size(path) != record.size:
        return False
    return not thorough or digest(path) == record.digest


def write_record(path: Path, record: Record) -> None:
    """Write a record, together with a digest of itself."""
    data = record.model_dump(mode="json")
    text = json.dumps({"digest": data_digest(data), "record": data}, ensure_ascii=False, indent=1)
    write_whole(path, text.encode())


def read_record(path: Path, model: type[AnyRecord]) -> AnyRecord | None:
    """Read a record; None if it is missing or damaged, for then the work is not done."""
    try:
        data = json.loads(path.read_bytes())
        record = model.model_validate(data["record"])
    except (FileNotFoundError, ValueError, ValidationError, LookupError, TypeError):
        return None
    return record if data.get("digest") == data_digest(data["record"]) else None
