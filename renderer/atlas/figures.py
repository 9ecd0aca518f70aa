"""How well a network recognizes many pictures, as a few figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import get_args

from renderer.store.evaluation_file import Figures, PictureScore, View


def measure(scores: Sequence[PictureScore]) -> tuple[Figures, ...]:
    """Figures over the stills and over the film's frames; one set where they are the very same pictures."""
    kinds: dict[tuple[PictureScore, ...], tuple[View, ...]] = {}
    for view in get_args(View):
        chosen = tuple(score for score in scores if view in score.shown)
        kinds[chosen] = (*kinds.get(chosen, ()), view)
    return tuple(_figures(shown, chosen) for chosen, shown in kinds.items() if chosen)


def _figures(shown: tuple[View, ...], scores: Sequence[PictureScore]) -> Figures:
    ranks = [score.rank for score in scores if score.rank is not None]
    return Figures(
        shown=shown,
        pictures=len(scores),
        top_1=_mean(rank <= 1 for rank in ranks),
        top_5=_mean(rank <= 5 for rank in ranks),
        mean_log_probability=_mean(score.log_probability for score in scores),
        median_rank=float(median(ranks)) if ranks else None,
        mean_activation=_mean(score.activation for score in scores),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
