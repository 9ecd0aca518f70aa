"""What the page shows, as plain JSON-like data: the run's classes, and what has been made of them so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from renderer.atlas.groups import Groups, find_groups
from renderer.atlas.seen import SeenRun
from renderer.store.evaluation_file import Evaluation, PictureScore, judge_names
from renderer.store.index_file import Index, IndexClass, IndexFacet, IndexFilm
from renderer.store.run import Run
from renderer.targets.target import Target

_FILM_KINDS = {".mp4": "video", ".webm": "video", ".gif": "picture", ".webp": "picture"}
"""What browsers can show; other films are offered for download."""


def page_contents(seen: SeenRun, index: Index) -> dict[str, Any]:
    """Put together what the page shows.

    Args:
        seen: The run.
        index: What has been made.

    Returns:
        JSON-like data for `page.js`. Values that are not known are left out of the classes.
    """
    run, problem = seen.run, seen.evaluation_problem
    groups = find_groups([target.groups for target in run.targets])
    made = {entry.index: entry for entry in index.classes}
    evaluation = None if problem else seen.evaluation
    judged = _judged(seen, evaluation) if evaluation else {}
    classes = [
        {
            **_describe_target(target, groups),
            **_describe_dream(seen, made.get(target.index)),
            "judged": judged.get(target.index),
            "similarity": seen.similarity.get(target.key),
            "failure": seen.failures.get(target.key),
        }
        for target in run.targets
    ]
    return {
        "title": run.settings.page.title or run.name,
        "network": index.network["name"],
        "dreamers": run.settings.network.names,
        "picture": still_size(run),
        "film": describe_film(index.film) if index.film else None,
        "loops": run.settings.film.loop,
        "groups": [
            {"name": group.name, "count": group.count, "wider": group.wider, "narrower": group.narrower}
            for group in groups.groups
        ],
        "widest": groups.widest,
        "names": list(groups.names.items()),
        "titles": _other_titles(run, index),
        "judges": judge_names(evaluation) if evaluation else [],
        "problem": problem,
        "classes": [known(entry) for entry in classes],
    }


def _describe_target(target: Target, groups: Groups) -> dict[str, Any]:
    names = {name: place for place, name in enumerate(groups.names)}
    synonyms = [name for name in target.synonyms if name != target.title]
    # WordNet has several ways to the root, and the list puts them into one; by size they read from wide to narrow.
    path = sorted(dict.fromkeys(target.groups), key=lambda name: -groups.groups[groups.names[name]].count)
    return {
        "key": None if target.is_class else target.key,
        "index": target.index,
        "wnid": target.wnid,
        "title": target.title,
        "synonyms": synonyms or None,
        "path": [names[name] for name in path],
    }


def _describe_dream(seen: SeenRun, entry: IndexClass | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {
        **_describe_still(seen, entry),
        "start": entry.start_seconds,
        "top": [[guess.index, rounded(guess.probability)] for guess in entry.top] or None,
        "facets": [known(_describe_still(seen, facet)) for facet in entry.facets] or None,
    }


def _describe_still(seen: SeenRun, shown: IndexClass | IndexFacet) -> dict[str, Any]:
    return {
        "still": shown.still,
        "thumbnail": seen.thumbnail(shown.still) if shown.still else None,
        "logit": rounded(shown.logit),
        "probability": rounded(shown.probability),
        "rank": shown.rank,
        "seed": None if shown.seed is None else str(shown.seed),  # JavaScript's numbers end at 53 bits
    }


def known(described: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known."""
    return {key: value for key, value in described.items() if value is not None}


def _judged(seen: SeenRun, evaluation: Evaluation) -> Mapping[int, list[list[Any]]]:
    """By class index, for each judge that knows the class: its place, and the class's rank, probability and top."""
    judged: dict[int, list[list[Any]]] = {}
    own = {target.index for target in seen.run.targets}
    for place, judge in enumerate(evaluation.judges):
        for score in current_scores(seen, judge.pictures):
            # Classes of the page by their index, others by their title.
            top = [[one.dreamed if one.dreamed in own else one.title, _short(one.probability)] for one in score.top]
            judged.setdefault(score.index, []).append([place, score.rank, _short(score.probability), top])
    return judged


def current_scores(seen: SeenRun, scores: Sequence[PictureScore]) -> Iterator[PictureScore]:
    """The scores of stills, without those of stills that have been dreamed again since."""
    by_index = {target.index: target for target in seen.run.targets}
    for score in scores:
        if "still" in score.shown:
            record = seen.still(by_index[score.index]) if score.index in by_index else None
            if record is None or record.still.digest == score.still_digest:
                yield score


def describe_film(film: IndexFilm) -> dict[str, Any]:
    """The film, with what browsers can do with it: play a `video`, show a `picture`, or offer a `file`."""
    kind = _FILM_KINDS.get(Path(film.path).suffix, "file")
    return {**film.model_dump(), "kind": kind}


def still_size(run: Run) -> dict[str, int]:
    """Width and height of the run's stills in pixels."""
    source = run.settings.stills if run.dreams_stills else run.settings.film
    return {"width": source.width, "height": source.height}


def _other_titles(run: Run, index: Index) -> dict[int, str]:
    """Titles of classes that the network saw and that are not among those of the run."""
    own = {target.index for target in run.targets}
    return {guess.index: guess.title for entry in index.classes for guess in entry.top if guess.index not in own}


def _short(probability: float | None) -> float | None:
    """As fine as the page shows it."""
    if probability is None:
        return None
    return round(probability, 4) or float(f"{probability:.1g}")


def rounded(value: float | None) -> float | None:
    """Six digits: nobody reads more, and a thousand classes make them many."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None
