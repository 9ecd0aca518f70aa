"""Telling where pictures stand that are still being dreamed, and going on from there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

import torch

from renderer.common.digests import bytes_digest, data_digest
from renderer.dream.ascent import Reached
from renderer.dream.climb import Ascent
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import Saved, Saving, SegmentTask, StillTask


class Watch:
    """Tells when a group is to be saved."""

    def __init__(self, saving: Saving) -> None:
        self._seconds, self._last = saving.seconds, time.monotonic()

    def is_due(self, share: float = 1.0) -> bool:
        """Whether that long has passed since the last time it was; or a share of it."""
        if time.monotonic() - self._last < share * self._seconds:
            return False
        self._last = time.monotonic()
        return True


def save(key: str, names: tuple[str, ...], reached: Reached) -> Saved:
    """Of an ascent from fresh pictures."""
    ascent = reached.ascent
    trace = None if ascent.trace is None else ascent.trace.cpu().numpy()
    return Saved(key, names, 0, reached.steps, ascent.pictures.cpu().numpy(), ascent.health, trace)


def reached(saved: Saved, device: torch.device) -> Reached:
    """An ascent from fresh pictures, to go on with."""
    trace = None if saved.trace is None else torch.from_numpy(saved.trace).to(device)
    return Reached(saved.steps, Ascent(torch.from_numpy(saved.pictures).to(device), saved.health, trace))


def segments_key(tasks: Sequence[SegmentTask]) -> str:
    """Of the segments of a group; their names tell all that they follow from."""
    return data_digest(["segments", *((task.segment.name, task.begun, task.segment.frames) for task in tasks)])


def stills_key(recipe: StillRecipe, tasks: Sequence[StillTask]) -> str:
    """Of the stills of a group."""
    others = [[bytes_digest(other.tobytes()) for other in task.others] for task in tasks]
    own = [recipe.told_of(task.aim) for task in tasks]
    told = [[asdict(task.aim), task.seed, apart, *one] for task, apart, one in zip(tasks, others, own, strict=True)]
    return data_digest(["stills", recipe.common_digest, told])
