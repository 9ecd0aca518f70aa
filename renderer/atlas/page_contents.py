"""What the page shows, as plain JSON-like data: the run's classes, and what has been made of them so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from renderer.atlas.groups import Groups, find_groups
from renderer.common.errors import UserError
from renderer.jobs.trusted_records import similarity_record
from renderer.store.evaluation_file import Evaluation, PictureScore, judge_names, read_evaluation
from renderer.store.index_file import Index, IndexClass, IndexFilm
from renderer.store.paths import RunPaths
from renderer.store.records import FailureRecord, StillRecord, read_record
from renderer.store.run_file import RunFile
from renderer.targets.target import ClassRecord

_FILM_KINDS = {".mp4": "video", ".webm": "video", ".gif": "picture", ".webp": "picture"}
"""What browsers can show; other films are offered for download."""


def page_contents(paths: RunPaths, run: RunFile, index: Index) -> dict[str, Any]:
    """Put together what the page shows.

    Args:
        paths: The run's directory.
        run: What was asked for.
        index: What has been made.

    Returns:
        JSON-like data for `page.js`. Values that are not known are left out of the classes.
    """
    groups = find_groups([record.path for record in run.classes])
    made = {entry.index: entry for entry in index.classes}
    similarity = _similarity(paths, run)
    failures = read_record(paths.failures, FailureRecord)
    evaluation, problem = _evaluation(paths)
    judged = _judged(paths, evaluation, {record.index for record in run.classes}) if evaluation else {}
    classes = [
        {
            **_describe_class(record, groups),
            **_describe_dream(paths, made.get(record.index)),
            "judged": judged.get(record.index),
            "similarity": similarity.get(record.index),
            "failure": failures.reasons.get(record.index) if failures else None,
        }
        for record in run.classes
    ]
    return {
        "title": run.settings.page.title or run.name,
        "network": index.network["name"],
        "picture": _picture_size(run),
        "film": _describe_film(index.film) if index.film else None,
        "groups": [
            {"name": group.name, "count": group.count, "wider": group.wider, "narrower": group.narrower}
            for group in groups.groups
        ],
        "widest": groups.widest,
        "names": list(groups.names.items()),
        "titles": _other_titles(run, index),
        "judges": judge_names(evaluation) if evaluation else [],
        "problem": problem,
        "classes": [{key: value for key, value in entry.items() if value is not None} for entry in classes],
    }


def _describe_class(record: ClassRecord, groups: Groups) -> dict[str, Any]:
    names = {name: place for place, name in enumerate(groups.names)}
    synonyms = [name for name in record.synonyms if name != record.title]
    # WordNet has several ways to the root, and the list puts them into one; by size they read from wide to narrow.
    path = sorted(dict.fromkeys(record.path), key=lambda name: -groups.groups[groups.names[name]].count)
    return {
        "index": record.index,
        "wnid": record.wnid,
        "title": record.title,
        "synonyms": synonyms or None,
        "path": [names[name] for name in path],
    }


def _describe_dream(paths: RunPaths, entry: IndexClass | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {
        "still": entry.still,
        "thumbnail": _thumbnail(paths, entry.still) if entry.still else None,
        "start": entry.start_seconds,
        "logit": _rounded(entry.logit),
        "probability": _rounded(entry.probability),
        "rank": entry.rank,
        "seed": None if entry.seed is None else str(entry.seed),  # JavaScript's numbers end at 53 bits
        "top": [[guess.index, _rounded(guess.probability)] for guess in entry.top] or None,
    }


def _evaluation(paths: RunPaths) -> tuple[Evaluation | None, str | None]:
    """What judges have said, and what is wrong with the file of it; the page does without that file."""
    try:
        return read_evaluation(paths.evaluation), None
    except UserError:
        return None, f"{paths.evaluation.name} is damaged; write it anew with `neuron-atlas evaluate`"


def _judged(paths: RunPaths, evaluation: Evaluation, own: Set[int]) -> Mapping[int, list[list[Any]]]:
    """By class index, for each judge that knows the class: its place, and the class's rank, probability and top."""
    judged: dict[int, list[list[Any]]] = {}
    for place, judge in enumerate(evaluation.judges):
        for score in _current(paths, judge.pictures):
            # Classes of the page by their index, others by their title.
            top = [
                [seen.dreamed if seen.dreamed in own else seen.title, _short(seen.probability)] for seen in score.top
            ]
            judged.setdefault(score.index, []).append([place, score.rank, _short(score.probability), top])
    return judged


def _current(paths: RunPaths, scores: Sequence[PictureScore]) -> Iterator[PictureScore]:
    """The scores of stills, without those of stills that have been dreamed again since."""
    for score in scores:
        if "still" in score.shown:
            record = read_record(paths.still_record(score.index), StillRecord)
            if record is None or record.still.digest == score.still_digest:
                yield score


def _thumbnail(paths: RunPaths, still: str) -> str:
    """The small copy of a still; the still itself where there is none yet."""
    path = paths.thumbnail(Path(still))
    return paths.relative(path) if path.is_file() else still


def _describe_film(film: IndexFilm) -> dict[str, Any]:
    kind = _FILM_KINDS.get(Path(film.path).suffix, "file")
    return {**film.model_dump(), "kind": kind}


def _picture_size(run: RunFile) -> dict[str, int]:
    fresh = run.settings.stills.fresh or not run.film
    source = run.settings.stills if fresh else run.settings.film
    return {"width": source.width, "height": source.height}


def _similarity(paths: RunPaths, run: RunFile) -> Mapping[int, int]:
    """The place of each class in the order of similarity, where that is known."""
    order = [record.index for record in run.classes]
    found = similarity_record(paths, order)
    if run.settings.classes.order != "similarity":
        order = list(found.indices) if found else []
    return {index: place for place, index in enumerate(order)}


def _other_titles(run: RunFile, index: Index) -> dict[int, str]:
    """Titles of classes that the network saw and that are not among those of the run."""
    own = {record.index for record in run.classes}
    return {guess.index: guess.title for entry in index.classes for guess in entry.top if guess.index not in own}


def _short(probability: float) -> float:
    """As fine as the page shows it."""
    return round(probability, 4) or float(f"{probability:.1g}")


def _rounded(value: float | None) -> float | None:
    """Six digits: nobody reads more, and a thousand classes make them many."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None
