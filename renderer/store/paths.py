"""Where everything in a run's directory lies, and the patterns by which it is known again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

FILM_STEM = "atlas"

RUNS = Path("runs")
"""Folder of the runs for which no other place is named."""

_DIGITS = r"[0-9a-f]{10}"
_SEGMENT = rf"[\w.-]+-\d{{3,}}-{_DIGITS}"
_LEAD_IN = rf"lead-in-[\w.-]+-{_DIGITS}"
_PART = rf"{_SEGMENT}\.part"
_CLEAN_STILL = r"clean-[\w.-]+"
_SAVED = r"saved-[0-9a-f]{32}"
_SHARD = r"shard-\d+-of-\d+"  # as `shard_name` writes it
_OF_SHARD = rf"-{_SHARD}"
_STILL_RECORD_STEM = r"still-(?P<key>[\w.-]+)"

SEGMENT_STEM = re.compile(rf"({_SEGMENT}|{_LEAD_IN})(\.\d{{5,}})?")
"""Of a segment's files, without the suffix."""
SEGMENT_RECORD = re.compile(rf"({_SEGMENT}|{_LEAD_IN})\.json")
"""Of a segment's record, or a lead-in's."""
STILL_RECORD = re.compile(rf"{_STILL_RECORD_STEM}\.json")
"""Of a still's record; its group `key` is the target's key."""
STATE_FILE = re.compile(
    rf"({_SEGMENT}|{_LEAD_IN}|{_PART}|{_STILL_RECORD_STEM}|{_CLEAN_STILL}|film|similarity"
    rf"|(failures|now)({_OF_SHARD})?)\.(png|jpg|json)"
    rf"|{_SAVED}\.safetensors"
)
"""Of all that resumption needs, without locks and logs."""
_SAVED_FILE = re.compile(rf"{_SAVED}\.safetensors")
FILE_OF_SHARD = re.compile(rf"(lock|log|failures)-(?P<shard>{_SHARD})(-old)?(\.\w+)?")
"""Of files that a shard alone writes; a store has no locks. Its group `shard` is the shard's name."""
LOG_FILE = re.compile(rf"log({_OF_SHARD})?(-old)?\.txt")
FIRST_LOG = re.compile(r"log(-shard-1-of-\d+)?\.txt")
"""Of the log that tells the command of a run."""
THUMBNAIL = re.compile(r"[\w.-]+-[a-z0-9-]+(_\d+)?\.webp")
SHEET_PAGE = re.compile(r"sheet(-\d{2,})?\.webp")
FILM_PICTURE = re.compile(r"\d{6,}\.png")
"""Of a frame, in a film that is a folder of pictures."""


def shard_name(number: int, count: int) -> str:
    """What tells the files of a shard from those of others.

    Args:
        number: Which shard, from 1.
        count: How many there are.
    """
    return f"shard-{number}-of-{count}"


@dataclass(frozen=True)
class LockedFolder:
    """A folder of this program's, in which one process works at a time.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def state(self) -> Path:
        """Folder of the lock file, and of what else goes on in it."""
        return self.root / "state"

    @property
    def lock(self) -> Path:
        """File that the process which works here holds locked."""
        return self.state / "lock"


@dataclass(frozen=True)
class RunPaths(LockedFolder):
    """The paths of a run; only the lists of records look at the disk.

    Attributes:
        shard: Name of the part of the run that this process computes, while others compute the rest in the same
            directory: each has a lock, a log and the like of its own. Empty for a whole run.
    """

    shard: str = ""

    @property
    def lock(self) -> Path:
        """File that the process which works here, or on this shard, holds locked."""
        return self.state / f"lock{self._of_shard}"

    @property
    def subtitles(self) -> Path:
        """Class titles as subtitles."""
        return self.root / f"{FILM_STEM}.vtt"

    @property
    def index(self) -> Path:
        """What the run has made, for the page and for other programs."""
        return self.root / f"{FILM_STEM}.json"

    @property
    def evaluation(self) -> Path:
        """What networks recognize in the run's pictures."""
        return self.root / "evaluation.json"

    @property
    def logits(self) -> Path:
        """All outputs of the network for each still."""
        return self.root / "logits.npy"

    @property
    def logits_names(self) -> Path:
        """What its rows and columns are."""
        return self.root / "logits.json"

    @property
    def page(self) -> Path:
        """The web page."""
        return self.root / "index.html"

    @property
    def sheet(self) -> Path:
        """The contact sheet; where it has several pages, each name has a number: `sheet-01.webp`."""
        return self.root / "sheet.webp"

    @property
    def settings(self) -> Path:
        """Resolved settings, versions, fingerprints."""
        return self.root / "run.yaml"

    @property
    def settings_copy(self) -> Path:
        """The same once more, for when `run.yaml` is damaged or lost."""
        return self.state / "run.yaml"

    @property
    def stills(self) -> Path:
        """Folder of the stills."""
        return self.root / "stills"

    @property
    def thumbnails(self) -> Path:
        """Folder of the small copies of the stills, for the page."""
        return self.root / "thumbs"

    @property
    def segments(self) -> Path:
        """Folder of the clean frames."""
        return self.root / "segments"

    @property
    def parts(self) -> Path:
        """Folder of the segments with text, as they are joined to the film."""
        return self.root / "parts"

    @property
    def film_record(self) -> Path:
        """Record of the assembled film."""
        return self.state / "film.json"

    @property
    def failures(self) -> Path:
        """Record of the classes that could not be rendered."""
        return self.state / f"failures{self._of_shard}.json"

    @property
    def similarity(self) -> Path:
        """Record of the order in which neighboring classes resemble each other."""
        return self.state / "similarity.json"

    @property
    def progress(self) -> Path:
        """How far the process is that works here; gone when it ends."""
        return self.state / f"now{self._of_shard}.json"

    @property
    def log(self) -> Path:
        """What was done when; see `store.log_file`."""
        return self.state / f"log{self._of_shard}.txt"

    @property
    def old_log(self) -> Path:
        """What came before it."""
        return self.state / f"log{self._of_shard}-old.txt"

    @property
    def preview(self) -> Path:
        """The picture that is being dreamed."""
        return self.state / f"now{self._of_shard}.jpg"

    @property
    def _of_shard(self) -> str:
        return f"-{self.shard}" if self.shard else ""

    @property
    def is_first(self) -> bool:
        """Whether this process does what is done once for a run: it has all of it, or the first shard."""
        return not self.shard or self.shard_number == 1

    def is_beside(self, other: RunPaths) -> bool:
        """Whether another shard is of the same division as this one."""
        return bool(self.shard and other.shard) and self.shard_count == other.shard_count

    @property
    def shard_number(self) -> int:
        """Which of the shards it is, from 1."""
        return int(self.shard.split("-")[1])

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return int(self.shard.split("-")[3])

    def shards(self) -> list[RunPaths]:
        """The shards that have begun to work here."""
        found = (FILE_OF_SHARD.fullmatch(path.name) for path in entries(self.state))
        return [replace(self, shard=shard) for shard in sorted({match["shard"] for match in found if match})]

    def all_failures(self) -> list[Path]:
        """The records of classes that could not be rendered: of the whole run, and of its shards."""
        return [one.failures for one in (replace(self, shard=""), *self.shards())]

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders that a run writes to."""
        return (self.root, self.stills, self.thumbnails, self.segments, self.parts, self.state)

    def film(self, suffix: str) -> Path:
        """The film; the suffix, such as `.mp4`, is that of its container, or empty for a folder of pictures."""
        return self.root / f"{FILM_STEM}{suffix}"

    def still(self, name: str) -> Path:
        """The still of the given file name."""
        return self.stills / name

    def clean_still(self, name: str) -> Path:
        """The still of the given file name as it was before text was written on it."""
        return self.state / f"clean-{name}"

    def thumbnail(self, still: Path) -> Path:
        """The small copy of a still."""
        return self.thumbnails / f"{still.stem}.webp"

    def clean(self, segment_name: str, first: int = 0) -> Path:
        """The clean frames of a segment, from the given one on."""
        return self.segments / (f"{segment_name}.{first:05d}.mkv" if first else f"{segment_name}.mkv")

    def part(self, segment_name: str, suffix: str) -> Path:
        """The frames of a segment with text, encoded for the film."""
        return self.parts / f"{segment_name}{suffix}"

    def picture(self, segment_name: str) -> Path:
        """Last frame of a segment, without text."""
        return self.state / f"{segment_name}.png"

    def segment_record(self, segment_name: str) -> Path:
        """Record of a segment, written when all its files are whole."""
        return self.state / f"{segment_name}.json"

    def saved(self, key: str) -> Path:
        """Where a group of pictures stands that is being dreamed, by its key."""
        return self.state / f"saved-{key}.safetensors"

    def all_saved(self) -> list[Path]:
        """All such files that are there."""
        return matching(self.state, _SAVED_FILE)

    def part_record(self, segment_name: str) -> Path:
        """Record of a segment's frames with text."""
        return self.state / f"{segment_name}.part.json"

    def still_record(self, key: str) -> Path:
        """Record of the still of the target with the given key."""
        return self.state / f"still-{key}.json"

    def segment_records(self) -> list[Path]:
        """The records of segments and lead-ins that are there."""
        return matching(self.state, SEGMENT_RECORD)

    def still_records(self) -> dict[str, Path]:
        """The records of stills that are there, by the target's key."""
        found = ((STILL_RECORD.fullmatch(path.name), path) for path in entries(self.state))
        return {match["key"]: path for match, path in found if match}

    def may_be_still(self, path: str, key: str) -> bool:
        """Whether a path from the directory can be that of a still of the target with the given key."""
        pattern = rf"{re.escape(self.relative(self.stills))}/{re.escape(key)}(-[a-z0-9-]+)?(_\d+)?\.png"
        return re.fullmatch(pattern, path) is not None

    def relative(self, path: Path) -> str:
        """The path as it is written down: from the directory, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name; nothing if there is no such folder."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def matching(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    """What lies in a folder under a name that matches the whole pattern, sorted."""
    return [path for path in entries(folder) if pattern.fullmatch(path.name)]
