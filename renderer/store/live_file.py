"""`state/now.json`: how far the render is that works in a run's directory, or each of the shards that do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from renderer.store.lock import holder
from renderer.store.paths import RunPaths
from renderer.store.plain_files import read_plain
from renderer.store.records import Count, Record, Seconds

SILENT_SECONDS = 60.0
"""After so long without a sign a process of another machine, whose lock may not be seen, may have been killed."""


class LiveProgress(Record):
    """How far a render is.

    Attributes:
        unit: What it makes: `frames` or `stills`.
        done: How many of them are finished.
        total: How many there will be.
        classes_done: Classes that are finished.
        classes: All classes.
        share: How much of the work is done, from 0 to 1, with what is dreamed and not shown.
        seconds_left: Time that the rest will take; None if nothing has been timed yet.
        title: What is being dreamed; empty at the beginning.
        picture: Number of the picture that lies beside this; 0 if there is none yet.
    """

    unit: str
    done: Count
    total: Count
    classes_done: Count
    classes: Count
    share: Annotated[float, Field(ge=0, le=1)]
    seconds_left: Seconds | None
    title: str
    picture: int


def read_progress(path: Path) -> LiveProgress | None:
    """What the running render has written; None if nothing is there."""
    try:
        return LiveProgress.model_validate_json(read_plain(path))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Working:
    """A shard that tells of itself, on this machine or another one.

    Attributes:
        paths: The directory, as the shard sees it.
        told: What it has told.
        seconds_silent: How long ago that was.
    """

    paths: RunPaths
    told: LiveProgress
    seconds_silent: float


def working_shards(paths: RunPaths) -> list[Working]:
    """The shards of a run that tell of themselves; one that was killed may be among them."""
    found = []
    for one in paths.shards():
        with suppress(OSError):  # It ends just now.
            told, changed = read_progress(one.progress), one.progress.stat().st_mtime
            found += [Working(one, told, max(0.0, time.time() - changed))] if told else []
    return found


def current_progress(paths: RunPaths) -> tuple[LiveProgress, Path] | None:
    """How far those are that work on a run now, and the newest picture; None if nobody does."""
    if holder(paths.lock) is not None:
        told = read_progress(paths.progress)
        return (told, paths.preview) if told else None
    shards = [one for one in working_shards(paths) if one.seconds_silent < SILENT_SECONDS]
    if not shards:
        return None
    newest = min(shards, key=lambda one: one.seconds_silent)
    return _together([one.told for one in shards], newest.told), newest.paths.preview


def _together(all_: Sequence[LiveProgress], newest: LiveProgress) -> LiveProgress:
    alike = [one for one in all_ if one.unit == newest.unit]
    total = sum(one.total for one in alike)
    left = [one.seconds_left for one in alike if one.seconds_left is not None]
    return newest.model_copy(
        update={
            "done": sum(one.done for one in alike),
            "total": total,
            "classes_done": sum(one.classes_done for one in alike),
            "classes": sum(one.classes for one in alike),
            "share": sum(one.share * one.total for one in alike) / max(1, total),
            "seconds_left": max(left, default=None),
        }
    )
