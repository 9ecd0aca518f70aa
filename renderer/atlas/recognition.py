"""Does a network recognize what was dreamed? Scores of single pictures, and figures over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import get_args

import numpy as np
from jaxtyping import Float, UInt8

from renderer.common.errors import UserError
from renderer.networks.network import Network
from renderer.store.evaluation_file import Figures, PictureScore, Seen, View
from renderer.targets.matching import match_classes
from renderer.targets.target import ClassRecord

_MOST_SEEN = 5


@dataclass(frozen=True)
class Judge:
    """A network that is asked what it sees.

    Attributes:
        network: The network.
        outputs: Its class by the index, for the network that dreamed, of a class of the run that it knows.
    """

    network: Network
    outputs: Mapping[int, int]


@dataclass(frozen=True)
class Exhibit:
    """A picture that is to show a class.

    Attributes:
        record: The class.
        shown: As what it is shown.
        still_digest: Digest of its file, if it is a still.
    """

    record: ClassRecord
    shown: tuple[View, ...]
    still_digest: str | None


def make_judge(network: Network, classes: Sequence[ClassRecord]) -> Judge:
    """Find the run's classes among those of a network.

    Raises:
        UserError: The network knows none of them.
    """
    outputs = match_classes(classes, network.classes)
    if not outputs:
        raise UserError(
            f"it knows none of the run's {len(classes)} classes ({classes[0].title}, ...), neither by wnid nor by "
            "title; choose a judge that does, or give it their names with the key `classes`"
        )
    return Judge(network, outputs)


def score_picture(judge: Judge, exhibit: Exhibit, picture: UInt8[np.ndarray, "height width 3"]) -> PictureScore | None:
    """What a network says of a picture; None if it does not know the class.

    Raises:
        UserError: What it says are no numbers.
    """
    record = exhibit.record
    output = judge.outputs.get(record.index)
    if output is None:
        return None
    found: Float[np.ndarray, " classes"] = judge.network.log_probabilities(picture[None])[0]
    if not np.isfinite(found).all():
        raise UserError("its outputs are not finite numbers; are its weights right?")
    return PictureScore(
        index=record.index,
        wnid=record.wnid,
        title=record.title,
        shown=exhibit.shown,
        still_digest=exhibit.still_digest,
        # As in the index: behind those that it is level with.
        rank=int((found >= found[output]).sum()),
        probability=float(np.exp(found[output])),
        log_probability=float(found[output]),
        top=_most_probable(judge, found),
    )


def measure(scores: Sequence[PictureScore]) -> tuple[Figures, ...]:
    """Figures over the stills and over the film's frames; one set where they are the very same pictures."""
    kinds: dict[tuple[PictureScore, ...], tuple[View, ...]] = {}
    for view in get_args(View):
        chosen = tuple(score for score in scores if view in score.shown)
        kinds[chosen] = (*kinds.get(chosen, ()), view)
    return tuple(_figures(shown, chosen) for chosen, shown in kinds.items() if chosen)


def _most_probable(judge: Judge, found: Float[np.ndarray, " classes"]) -> tuple[Seen, ...]:
    dreamed = {output: index for index, output in judge.outputs.items()}
    best = [int(place) for place in np.argsort(-found, kind="stable")[:_MOST_SEEN]]
    return tuple(
        Seen(
            index=place,
            title=judge.network.classes[place].title,
            probability=float(np.exp(found[place])),
            dreamed=dreamed.get(place),
        )
        for place in best
    )


def _figures(shown: tuple[View, ...], scores: Sequence[PictureScore]) -> Figures:
    return Figures(
        shown=shown,
        pictures=len(scores),
        top_1=fmean(score.rank <= 1 for score in scores),
        top_5=fmean(score.rank <= 5 for score in scores),
        mean_log_probability=fmean(score.log_probability for score in scores),
        median_rank=float(median(score.rank for score in scores)),
    )
