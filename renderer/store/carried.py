"""Which files of a run are kept in a store, by their names from its directory, and which of them tell of others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from renderer.store.paths import (
    FILE_OF_SHARD,
    FILM_PICTURE,
    FILM_STEM,
    FIRST_LOG,
    LOG_FILE,
    SEGMENT_RECORD,
    SEGMENT_STEM,
    SHEET_PAGE,
    STATE_FILE,
    STILL_RECORD,
)
from renderer.store.plain_files import read_plain

RUN_FILE = "run.yaml"
RUN_FILES = (RUN_FILE, f"state/{RUN_FILE}")
"""It, and its copy."""

_FOLDERS = {
    "": re.compile(
        rf"{re.escape(RUN_FILE)}|index\.html|evaluation\.json|logits\.(npy|json)|{FILM_STEM}\.[a-z0-9]+"
        rf"|{SHEET_PAGE.pattern}"
    ),
    "segments": re.compile(rf"{SEGMENT_STEM.pattern}\.[a-z0-9]+"),
    "parts": re.compile(rf"{SEGMENT_STEM.pattern}\.[a-z0-9]+"),
    "stills": re.compile(r"[\w-][\w.-]*\.png"),
    "thumbs": re.compile(r"[\w-][\w.-]*\.webp"),
    "state": re.compile(rf"(?!now[.-])({STATE_FILE.pattern})|{re.escape(RUN_FILE)}|{LOG_FILE.pattern}"),
    FILM_STEM: FILM_PICTURE,
}
_PLAIN = re.compile(r"(segments|parts|stills|thumbs)/.*|state/.*\.png|logits\.npy|sheet.*")
_SAVED = re.compile(r"state/.*\.safetensors")


def is_carried(name: str) -> bool:
    """Whether a store has such a file of a run; all others there are somebody else's.

    Locks are not, nor is what goes on just now, nor what is not whole.
    """
    folder, _, file = name.rpartition("/")
    pattern = _FOLDERS.get(folder)
    return pattern is not None and pattern.fullmatch(file) is not None


def tells_of_others(name: str) -> bool:
    """Whether a file speaks of others, and so is put after everything that was written before."""
    return not _is_film(name) and _PLAIN.fullmatch(name) is None


def is_record(name: str) -> bool:
    """Whether it is needed to tell how far a run is; these are small."""
    folder, _, file = name.rpartition("/")
    is_of_state = file.endswith((".json", ".yaml")) or FIRST_LOG.fullmatch(file)
    return name == RUN_FILE or (folder == "state" and bool(is_of_state))


def is_result(name: str) -> bool:
    """Whether it is needed to tell what a run has made, besides the records; these are small too."""
    is_small = name.startswith("thumbs/") or ("/" not in name and not _is_film(name) and not name.startswith("sheet"))
    return is_record(name) or is_small


def is_saved(name: str) -> bool:
    """Whether pictures that are being dreamed are in it."""
    return _SAVED.fullmatch(name) is not None


def _is_film(name: str) -> bool:
    is_told = name.endswith((".vtt", ".json"))
    return name.startswith(f"{FILM_STEM}/") or (name.startswith(f"{FILM_STEM}.") and not is_told)


def of_whom(name: str) -> str | None:
    """The segment, the shard or the key of the target that a record or a log is of; None if it is of the whole run."""
    file = name.removeprefix("state/")
    if still := STILL_RECORD.fullmatch(file):
        return still["key"]
    if segment := SEGMENT_RECORD.fullmatch(file.replace(".part.json", ".json")):
        return segment[1]
    shard = FILE_OF_SHARD.fullmatch(file)
    return shard["shard"] if shard else None


def recorded_digests(root: Path) -> dict[str, str]:
    """The digests that the records in a run's directory tell of files, by the files' names."""
    found: dict[str, str] = {}
    for path in sorted((root / "state").glob("*.json")):
        try:
            found |= _digests(json.loads(read_plain(path)))
        except (OSError, ValueError, RecursionError):
            continue
    return found


def _digests(data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, Mapping):
        if isinstance(path := data.get("path"), str) and isinstance(digest := data.get("digest"), str):
            yield path, digest
        for value in data.values():
            yield from _digests(value)
    elif isinstance(data, list):
        for value in data:
            yield from _digests(value)
