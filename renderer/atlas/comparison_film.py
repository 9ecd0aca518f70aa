"""The film of a comparison: the runs' films in step, or where there are none their stills one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from renderer.atlas.comparison import Comparison, stills
from renderer.common.errors import UserError
from renderer.common.progress import Amount, Progress
from renderer.media.codecs import CODECS
from renderer.media.contact_sheet import picture_size
from renderer.media.fonts import load_font
from renderer.media.grid_film import (
    Board,
    Growth,
    Reel,
    Scene,
    Shot,
    cell_size,
    write_grid_film,
    write_growing_film,
)
from renderer.store.index_file import Index, IndexClass

Write = Callable[[Path, str, Callable[[str], None]], None]


@dataclass(frozen=True)
class FilmPlan:
    """A film that can be made.

    Attributes:
        scenes: The classes that all runs have, in the order of the first.
        write: Writes it to a path, with a title, and tells the class of each frame.
    """

    scenes: tuple[Scene, ...] | tuple[Growth, ...]
    write: Write


def plan_film(comparison: Comparison, indexes: Sequence[Index]) -> FilmPlan:
    """Plan the film: the runs' films side by side; the stills one after another where no run has a film.

    Args:
        comparison: The runs.
        indexes: What each of them has made.

    Raises:
        UserError: Some have a film and others have not, one is of a kind that cannot be cut, or no class is in all.
    """
    load_font(_font(comparison), 24.0)
    missing = [seen.paths.root for seen, index in zip(comparison.runs, indexes, strict=True) if index.film is None]
    if len(missing) == len(indexes):
        return _plan_growing(comparison)
    if missing:
        raise UserError(
            f"--film: {missing[0]} has no film, or it is damaged, and other runs have one; make it with "
            f"`neuron-atlas assemble {missing[0]}`, or leave the run out"
        )
    for seen in comparison.runs:
        codec = seen.run.settings.video.codec
        if CODECS[codec].container is None:
            raise UserError(f"--film: the film of {seen.paths.root} is {codec}, from which no classes can be cut")
    return _plan_grid(comparison, indexes)


def write_film(plan: FilmPlan, path: Path, title: str, progress: Progress) -> None:
    """Write the film, whole or not at all; raises EncodingError and OSError."""
    frames = sum(scene.frames for scene in plan.scenes)
    progress.begin("frames", total=Amount(frames, len(plan.scenes)), done=Amount(0, 0))
    left = [scene.frames for scene in plan.scenes]

    def shown(class_title: str) -> None:
        left[0] -= 1
        ended = left[0] == 0
        if ended:
            left.pop(0)
        progress.advance(Amount(1, int(ended)), [class_title])

    plan.write(path, title, shown)
    progress.end()


def _plan_grid(comparison: Comparison, indexes: Sequence[Index]) -> FilmPlan:
    made = [{entry.index: entry for entry in index.classes} for index in indexes]
    scenes = []
    for row in comparison.rows:
        entries = [found.get(own.index) if own else None for own, found in zip(row.targets, made, strict=True)]
        shots = tuple(shot for entry in entries if (shot := _shot(entry)))
        if len(shots) == len(indexes):
            scenes.append(Scene(row.target.title, shots))
    if not scenes:
        raise UserError("--film: there is no class that the films of all runs show")
    found = [(seen, index.film) for seen, index in zip(comparison.runs, indexes, strict=True) if index.film is not None]
    reels = [Reel(seen.paths.root / film.path, seen.run.settings.film.fps) for seen, film in found]
    cell = cell_size([(film.width, film.height) for _, film in found], len(found))
    say_titles = all(seen.run.settings.overlay.lines for seen in comparison.runs)
    board = _board(comparison, cell, len(found), () if say_titles else scenes)
    return FilmPlan(tuple(scenes), lambda path, title, shown: write_grid_film(path, board, reels, scenes, title, shown))


def _plan_growing(comparison: Comparison) -> FilmPlan:
    found = [(row.target.title, stills(row, comparison.runs)) for row in comparison.rows]
    whole = [(title, tuple(still for still in row if still)) for title, row in found]
    scenes = [Growth(title, row) for title, row in whole if len(row) == len(comparison.runs)]
    if not scenes:
        raise UserError("--film: there is no class that all runs have a still of")
    sizes = [size for still in scenes[0].stills if (size := picture_size(still))] or [(1, 1)]
    board = _board(comparison, cell_size(sizes, 1), 1, scenes)
    return FilmPlan(tuple(scenes), lambda path, title, shown: write_growing_film(path, board, scenes, title, shown))


def _board(
    comparison: Comparison, cell: tuple[int, int], cells: int, titled: Sequence[Scene] | Sequence[Growth]
) -> Board:
    return Board(cell, cells, comparison.labels, tuple(scene.title for scene in titled), _font(comparison))


def _shot(entry: IndexClass | None) -> Shot | None:
    if entry is None or entry.start_frame is None or entry.frames is None:
        return None
    return Shot(entry.start_frame, entry.frames)


def _font(comparison: Comparison) -> Path | None:
    return comparison.runs[0].run.settings.overlay.font
