"""`state/saved-….safetensors`: pictures that are still being dreamed, and what is there of their segments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from renderer.common.digests import bytes_digest, data_digest
from renderer.dream.health import Health
from renderer.film.tasks import Saved
from renderer.store.files import whole_file
from renderer.store.plain_files import is_plain_file
from renderer.store.records import CleanRecord, Count, Record
from renderer.targets.target import Score

_MOST_TOLD = 1 << 16
"""Bytes in which what is told of the pictures mostly fits."""


class SavedSegment(Record):
    """What is there of a segment.

    Attributes:
        name: Its name.
        frames: How many frames.
        clean: The files with these frames.
        health: How the gradients were so far.
        scores: What the network says of each frame, where that was asked.
    """

    name: str
    frames: Count
    clean: tuple[CleanRecord, ...]
    health: Health
    scores: tuple[Score, ...]


class SavedRecord(Record):
    """What a file tells of the pictures in it; see `Saved`.

    Attributes:
        digest: Of the pictures.
    """

    key: str
    names: tuple[str, ...]
    frames: Count
    steps: Count
    health: tuple[Health, ...]
    segments: tuple[SavedSegment, ...]
    digest: str


def write_saved(path: Path, saved: Saved, segments: Sequence[SavedSegment] = ()) -> None:
    """Write down where pictures stand, whole or not at all.

    Args:
        path: The file.
        saved: Where they stand.
        segments: What is there of those whose frames they are.
    """
    from safetensors.numpy import save_file  # noqa: PLC0415  only where there is something to save

    arrays = _arrays(saved)
    told = SavedRecord(
        key=saved.key,
        names=saved.names,
        frames=saved.frames,
        steps=saved.steps,
        health=saved.health,
        segments=tuple(segments),
        digest=_digest(arrays),
    ).model_dump(mode="json")
    with whole_file(path) as temporary:
        save_file(arrays, temporary, {"told": json.dumps({"digest": data_digest(told), "record": told})})


def read_saved(path: Path, key: str) -> tuple[Saved, tuple[SavedSegment, ...]] | None:
    """Read what `write_saved` wrote; None if it is missing, damaged or another group's: then it is dreamed again."""
    record = read_saved_record(path)
    arrays = _read_arrays(path) if record else {}
    is_own = record is not None and record.key == key and "pictures" in arrays
    if record is None or not is_own or _digest(arrays) != record.digest:
        return None
    pictures, trace = arrays["pictures"], arrays.get("trace")
    return Saved(record.key, record.names, record.frames, record.steps, pictures, record.health, trace), record.segments


def read_saved_record(path: Path) -> SavedRecord | None:
    """The same without the pictures."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    if not is_plain_file(path):
        return None
    try:
        with safe_open(path, "numpy") as file:
            data = json.loads((file.metadata() or {})["told"])
        record = SavedRecord.model_validate(data["record"])
        return record if data["digest"] == data_digest(data["record"]) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError, SafetensorError, ValidationError):
        return None


def saved_names(read: Callable[[int], bytes]) -> tuple[str, ...]:
    """Of what pictures are that were saved elsewhere, without those pictures.

    Args:
        read: Gives so many bytes of the file's beginning, or all of it.

    Returns:
        As in `Saved`; nothing if it is damaged.
    """
    try:
        begin = read(_MOST_TOLD)
        length = int.from_bytes(begin[:8], "little")
        header = json.loads((begin if length + 8 <= len(begin) else read(length + 8))[8 : length + 8])
        names = json.loads(header["__metadata__"]["told"])["record"]["names"]
        return tuple(map(str, names))
    except (ValueError, LookupError, TypeError, RecursionError):
        return ()


def _read_arrays(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except (OSError, ValueError, LookupError, SafetensorError):
        return {}


def _arrays(saved: Saved) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {"pictures": np.ascontiguousarray(saved.pictures)}
    return arrays if saved.trace is None else {**arrays, "trace": np.ascontiguousarray(saved.trace)}


def _digest(arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    return data_digest({name: [array.shape, bytes_digest(array.tobytes())] for name, array in arrays.items()})
