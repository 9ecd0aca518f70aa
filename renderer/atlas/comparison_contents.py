"""What the page of a comparison shows, as plain JSON-like data; the same is written down for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renderer.atlas.comparison import Comparison, Row
from renderer.atlas.figures import measure
from renderer.atlas.page_contents import current_scores, describe_film, known, rounded, still_size
from renderer.atlas.seen import SeenRun
from renderer.common.ffmpeg import frame_rate
from renderer.store.comparison_folder import KIND
from renderer.store.evaluation_file import Evaluation, PictureScore, judge_names
from renderer.store.index_file import Index, IndexClass
from renderer.targets.target import Target

_MOST_ALONE = 60
"""Titles of targets that one run has alone; how many more there are is told."""


@dataclass(frozen=True)
class Shelf:
    """Where the page finds what it shows; all addresses are from its folder, with forward slashes.

    Attributes:
        stills: Address of each still, by its path.
        thumbnails: Address of its small copy.
        films: Address of each run's film; None where there is none.
        pages: Address of each run's own page; None where it is not linked.
        film: Name of the film of all runs, if one was made.
        sheet: Name of the sheet, or of its first page.
    """

    stills: Mapping[Path, str]
    thumbnails: Mapping[Path, str]
    films: tuple[str | None, ...]
    pages: tuple[str | None, ...]
    film: str | None = None
    sheet: str | None = None


def comparison_contents(comparison: Comparison, indexes: Sequence[Index], shelf: Shelf) -> dict[str, Any]:
    """Put together what the page shows.

    Args:
        comparison: The runs.
        indexes: What each of them has made.
        shelf: Where the page finds it.

    Returns:
        JSON-like data for `compare.js`. Of a row, a cell is null where the run does not have the target.
    """
    made = [{entry.index: entry for entry in index.classes} for index in indexes]
    rows = [_describe_row(comparison, row, made, shelf) for row in comparison.rows]
    common = [row for row in comparison.rows if all(_dreamed(row, made))]
    judges = _judges(comparison.runs)
    return {
        "version": 1,
        "kind": KIND,
        "title": comparison.title,
        "unit": "class" if comparison.are_classes else "unit",
        "film": shelf.film,
        "sheet": shelf.sheet,
        "judges": judges,
        "common": len(common),
        "runs": [
            {
                **_describe_run(comparison, place, indexes[place], shelf),
                **_describe_recognition(comparison.runs[place], judges, _measured(common, place, made)),
            }
            for place in range(len(comparison.runs))
        ],
        "rows": rows,
    }


def _describe_run(comparison: Comparison, place: int, index: Index, shelf: Shelf) -> dict[str, Any]:
    seen, alone, film = comparison.runs[place], comparison.alone[place], shelf.films[place]
    return {
        "name": comparison.labels[place],
        "network": seen.run.settings.network.names,
        "picture": still_size(seen.run),
        "folder": seen.paths.root.resolve().name,
        "differences": comparison.differences[place] if comparison.differences is not None else None,
        "page": shelf.pages[place],
        "film": {**describe_film(index.film), "path": film} if index.film and film else None,
        "targets": len(seen.run.targets),
        "stills": len(seen.stills),
        "alone": [target.title for target in alone[:_MOST_ALONE]],
        "alone_count": len(alone),
        "problem": seen.evaluation_problem,
    }


def _describe_row(
    comparison: Comparison, row: Row, made: Sequence[Mapping[int, IndexClass]], shelf: Shelf
) -> dict[str, Any]:
    target = row.target
    cells = [
        _describe_cell(seen, own, entries.get(own.index), shelf) if own else None
        for seen, own, entries in zip(comparison.runs, row.targets, made, strict=True)
    ]
    return known(
        {
            "index": target.index,
            "wnid": next((own.wnid for own in row.targets if own and own.wnid), None),
            "title": target.title,
            "synonyms": [name for name in _names(row.targets) if name != target.title] or None,
            "disagreement": rounded(_disagreement(cells)),
            "cells": cells,
        }
    )


def _names(targets: Iterable[Target | None]) -> list[str]:
    """All names that the runs have for a target."""
    return list(dict.fromkeys(name for target in targets if target for name in (target.title, *target.synonyms)))


def _describe_cell(seen: SeenRun, target: Target, entry: IndexClass | None, shelf: Shelf) -> dict[str, Any]:
    if entry is None:
        return known({"failure": seen.failures.get(target.key)})
    still = seen.paths.root / entry.still if entry.still else None
    rate = frame_rate(seen.run.settings.film.fps)
    placed = {"start": entry.start_seconds, "seconds": float(entry.frames / rate) if entry.frames else None}
    if still is None:
        return known(placed)
    return known(
        {
            **placed,
            "still": shelf.stills[still],
            "thumbnail": shelf.thumbnails[still],
            "logit": rounded(entry.logit),
            "probability": rounded(entry.probability),
            "rank": entry.rank,
        }
    )


def _disagreement(cells: Sequence[Mapping[str, Any] | None]) -> float | None:
    """How far apart the runs are: in the probability of a class, in [0, 1]; in the answer of a unit, as a share."""
    shown = [cell for cell in cells if cell and "still" in cell]
    probabilities = [cell["probability"] for cell in shown if "probability" in cell]
    answers = probabilities or [cell["logit"] for cell in shown if "logit" in cell]
    if len(answers) < 2:
        return None
    largest = 1.0 if probabilities else max(map(abs, answers)) or 1.0
    return float(max(answers) - min(answers)) / largest


def _dreamed(row: Row, made: Sequence[Mapping[int, IndexClass]]) -> list[IndexClass | None]:
    """What each run has made of a target, where it has a still of it."""
    entries = [found.get(own.index) if own else None for own, found in zip(row.targets, made, strict=True)]
    return [entry if entry and entry.still else None for entry in entries]


def _measured(common: Sequence[Row], place: int, made: Sequence[Mapping[int, IndexClass]]) -> list[IndexClass]:
    """The pictures that a run's figures are of: of what all runs have; all of its own where that is nothing."""
    if not common:
        return [entry for entry in made[place].values() if entry.still]
    return [entry for row in common if (entry := _dreamed(row, made)[place])]


def _judges(runs: Sequence[SeenRun]) -> list[str]:
    evaluations = [evaluation for seen in runs if (evaluation := _evaluation(seen))]
    return list(dict.fromkeys(name for evaluation in evaluations for name in judge_names(evaluation)))


def _evaluation(seen: SeenRun) -> Evaluation | None:
    return None if seen.evaluation_problem else seen.evaluation


def _describe_recognition(seen: SeenRun, judges: Sequence[str], entries: Sequence[IndexClass]) -> dict[str, Any]:
    evaluation = _evaluation(seen)
    measured = {entry.index for entry in entries}
    said = dict(zip(judge_names(evaluation), evaluation.judges, strict=True)) if evaluation else {}
    judged = [
        _figures([score for score in current_scores(seen, said[judge].pictures) if score.index in measured])
        if judge in said
        else None
        for judge in judges
    ]
    own = {score.index: score for score in (current_scores(seen, evaluation.network.pictures) if evaluation else ())}
    return {"own": _figures([_own_score(entry, own.get(entry.index)) for entry in entries]), "judged": judged}


def _own_score(entry: IndexClass, stored: PictureScore | None) -> PictureScore:
    """What the dreaming network said of a still when it was made; its log-probability is known once evaluated."""
    return PictureScore(
        index=entry.index,
        wnid=entry.wnid,
        title=entry.title,
        shown=("still",),
        still_digest=None,
        rank=entry.rank,
        probability=entry.probability,
        log_probability=stored.log_probability if stored else None,
        activation=entry.logit if entry.rank is None else None,
    )


def _figures(scores: Sequence[PictureScore]) -> dict[str, Any] | None:
    found = [figures for figures in measure(scores) if "still" in figures.shown]
    return known(found[0].model_dump(exclude={"shown", "median_rank"})) if found else None
