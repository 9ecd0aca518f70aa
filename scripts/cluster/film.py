"""What is to be done for a film: its strands and their rounds, by the program's own division."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from renderer.film.film_recipe import FilmRecipe
from renderer.film.timeline import Segment
from renderer.jobs.disk_space import segments_bytes
from renderer.jobs.plan import Strand, strands_of
from renderer.settings.sections import Settings
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from renderer.store.run_file import RunFile
from renderer.targets.target import class_target

_BYTES_PER_VALUE = 4  # of a picture that is saved while it is being dreamed


@dataclass(frozen=True)
class Round:
    """A batch: the next segment of each chain of a strand.

    Attributes:
        steps: How many ascent steps with how many pictures, one after another.
        frames: How many frames are encoded.
        segments: How many segments they make.
        bytes: What these travel as.
        saved_bytes: What travels when it is saved where the pictures stand.
    """

    steps: tuple[tuple[int, int], ...]
    frames: int
    segments: int
    bytes: float
    saved_bytes: float

    @property
    def passes(self) -> int:
        """Steps of all pictures."""
        return sum(steps * pictures for steps, pictures in self.steps)


@dataclass(frozen=True)
class Work:
    """What a film takes.

    Attributes:
        strands: The rounds of each of its strands.
        frames: How many frames it shows.
        shown_passes: How many passes these take; the others are for fresh pictures and lead-ins.
    """

    strands: tuple[tuple[Round, ...], ...]
    frames: int
    shown_passes: int

    @property
    def passes(self) -> int:
        """Steps of all pictures."""
        return sum(one.passes for strand in self.strands for one in strand)

    @property
    def bytes(self) -> float:
        """What travels, but for what is saved in between."""
        return sum(one.bytes for strand in self.strands for one in strand)


def work_of(settings: Settings, classes: int, density: float = 1.0) -> Work:
    """Divide a film.

    Args:
        settings: Its settings; which classes they select does not matter.
        classes: How many it shows.
        density: Bytes of pictures and films, as a share of what the program reckons with, which is rather too much.
    """
    targets = tuple(class_target(index, f"class {index}") for index in range(classes))
    run = Run(RunPaths(Path()), RunFile(name="film", film=True, settings=settings, targets=targets))
    strands = tuple(_rounds(run, strand, density) for strand in strands_of(run))
    frames = run.timeline.frames
    return Work(strands, frames, frames * settings.dream.steps_per_frame)


def _rounds(run: Run, strand: Strand, density: float) -> tuple[Round, ...]:
    numbers = sorted({segment.number for chain in strand for segment in chain})
    batches = [[one for chain in strand for one in chain if one.number == number] for number in numbers]
    return tuple(_round(run, batch, density) for batch in batches)


def _round(run: Run, batch: Sequence[Segment], density: float) -> Round:
    recipe, film = run.film_recipe, run.settings.film
    return Round(
        steps=(*_fresh(recipe, batch), *_carried(recipe.dream.steps_per_frame, [one.frames for one in batch])),
        frames=sum(one.frames for one in batch),
        segments=len(batch),
        bytes=density * segments_bytes(run, batch),
        saved_bytes=len(batch) * film.width * film.height * 3.0 * _BYTES_PER_VALUE,
    )


def _fresh(recipe: FilmRecipe, batch: Sequence[Segment]) -> list[tuple[int, int]]:
    before = recipe.timeline.before
    pictures = sum(recipe.begins_fresh(one, follows=before(one) is not None) for one in batch)
    return [(recipe.dream.fresh_steps, pictures)] if pictures and recipe.dream.fresh_steps else []


def _carried(steps_per_frame: int, lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Frame by frame; shorter segments end earlier."""
    ends = sorted({0, *lengths})
    return [
        ((end - begin) * steps_per_frame, sum(length >= end for length in lengths)) for begin, end in pairwise(ends)
    ]
