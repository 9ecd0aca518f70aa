"""What tests of whole runs share: tiny settings, a recorder of progress, and an independent reader of films."""

import re
from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av

from renderer.common.progress import Amount
from renderer.film.timeline import Segment
from renderer.jobs.commands import Request
from renderer.settings.loading import parse_settings
from renderer.settings.sections import Settings
from renderer.store.run import load_run

TINY = (
    "film.width=24",
    "film.height=16",
    "film.fps=8",
    "film.seconds_per_class=1.25",
    "film.chains=2",
    "film.crossfade_seconds=0.375",
    "film.lead_in_seconds=0.5",
    "run.segment_seconds=1",
    "run.batch=2",
    "stills.width=20",
    "stills.height=16",
    "classes.select=[1,2,3,5]",
)
"""Four classes in two chains, ten frames a class in two segments: 8 and 2 frames; three frames of crossfade."""


def tiny_settings(*overrides: str) -> Settings:
    """Settings of a tiny film."""
    return parse_settings("", "tiny", [*TINY, *overrides])


def request(directory: Path, *overrides: str, restart: bool = False) -> Request:
    """A request for a tiny film."""
    return Request("tiny", tiny_settings(*overrides), directory, restart)


class Recorder:
    """Keeps what it is told, and sees that all of the work is told of in the end.

    Attributes:
        told: What has been told of the last piece of work, one by one.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.units: list[str] = []
        self.total = self.done = Amount(0, 0)
        self.told: list[Amount] = []

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        self.units.append(unit)
        self.total, self.done, self.told = total, done, []

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        assert showing
        self.done += amount
        self.told.append(amount)

    def end(self) -> None:
        assert self.done == self.total

    def note(self, text: str) -> None:
        self.notes.append(text)


def frame_digests(film: Path) -> list[str]:
    """A digest of each decoded frame."""
    with av.open(str(film)) as container:
        return [sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest() for frame in container.decode(video=0)]


def chapters(film: Path) -> list[tuple[str, Fraction]]:
    """Title and beginning in seconds of each chapter."""
    with av.open(str(film)) as container:
        return [
            (chapter["metadata"]["title"], chapter["start"] * chapter["time_base"]) for chapter in container.chapters()
        ]


def results(directory: Path) -> dict[str, object]:
    """What a user sees of a run: decoded frames, stills, subtitles and index."""
    found: dict[str, object] = {path.name: path.read_bytes() for path in sorted((directory / "stills").iterdir())}
    for name in ("atlas.json", "atlas.vtt"):
        if (directory / name).exists():
            found[name] = (directory / name).read_bytes()
    if (directory / "atlas.mp4").exists():
        found["frames"] = frame_digests(directory / "atlas.mp4")
    return found


def place_of(segment: Segment) -> str:
    """Where a segment is in its film, such as `0002-000`, or `lead-in-0001` for that of the second chain."""
    return f"lead-in-{segment.chain:04d}" if segment.is_lead_in else f"{segment.position:04d}-{segment.part:03d}"


def names(directory: Path) -> dict[str, str]:
    """The names of a run's segments by their places."""
    chains = load_run(directory).timeline.chains
    return {place_of(segment): segment.name for chain in chains for segment in chain}


def located(directory: Path, file: str) -> Path:
    """A file of a run; for `segments/0002-000.mkv`, that of the segment at this place."""
    found = names(directory)
    return directory / re.sub(r"\d{4}-\d{3}|lead-in-\d{4}", lambda place: found.get(place[0], place[0]), file)
