"""`logits.npy`: all outputs of a network for each still; `logits.json` names its rows and columns."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from renderer.common.digests import file_digest
from renderer.store.files import whole_file, write_whole
from renderer.store.paths import RunPaths
from renderer.store.plain_files import is_plain_file, read_plain
from renderer.store.records import Record

Logits = Float32[np.ndarray, "stills outputs"]


class LogitsRow(Record):
    """The still of a row.

    Attributes:
        still: Its file, from the run's directory.
        digest: Digest of that file.
        variant: Its place among the stills of its target; 1 is the best.
        key: The target's key.
        index: Number of the target; of a class that of its output, and so of its column.
        wnid: The class's WordNet identifier, where it has one.
        title: The target's title.
    """

    still: str
    digest: str
    variant: int
    key: str
    index: int
    wnid: str | None
    title: str


class LogitsColumn(Record):
    """What an output stands for; without a title where that is not known."""

    index: int
    wnid: str | None
    title: str | None


class LogitsFile(Record):
    """The contents of `logits.json`.

    Attributes:
        version: Of the format.
        digest: Digest of `logits.npy`.
        network: Digest of what tells the network from others.
        rows: What each row is of, in the order of the film.
        columns: What each column is of, in the order of the outputs.
    """

    version: Literal[1] = 1
    digest: str
    network: str
    rows: tuple[LogitsRow, ...]
    columns: tuple[LogitsColumn, ...]


def write_array(path: Path, logits: Logits) -> str:
    """Write `logits.npy`, whole or not at all, and give its digest."""
    with whole_file(path) as temporary:
        np.save(temporary, logits, allow_pickle=False)
    return file_digest(path)


def write_names(path: Path, names: LogitsFile) -> None:
    """Write `logits.json`; to be done last, since it speaks of the other file."""
    write_whole(path, (names.model_dump_json(indent=1) + "\n").encode())


def read_logits(paths: RunPaths) -> tuple[LogitsFile, Logits] | None:
    """Both files; None where one is missing or damaged, or they do not belong together. The array stays on the disk."""
    try:
        names = LogitsFile.model_validate_json(read_plain(paths.logits_names))
        if not is_plain_file(paths.logits) or file_digest(paths.logits) != names.digest:
            return None
        found = np.load(paths.logits, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, TypeError, EOFError, ValidationError):
        return None
    fits = isinstance(found, np.ndarray) and found.shape == (len(names.rows), len(names.columns))
    return (names, found) if fits and found.dtype == np.float32 else None
