"""`state/now.json`: how far the render is that works in a run's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from renderer.store.plain_files import read_plain
from renderer.store.records import Count, Record, Seconds


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
