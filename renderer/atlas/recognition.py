"""Does a network recognize what was dreamed? Scores of single pictures; `figures` sums them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from renderer.common.errors import UserError
from renderer.film.tasks import Picture
from renderer.networks.network import Network
from renderer.store.evaluation_file import PictureScore, Seen, View
from renderer.targets.matching import match_classes
from renderer.targets.target import Target

_MOST_SEEN = 5


@dataclass(frozen=True)
class Judge:
    """A network that is asked what it sees.

    Attributes:
        network: The network.
        outputs: Its class by the index, for the network that dreamed, of a class of the run that it knows; None for
            the network that dreamed something else than classes, which is asked how strongly that answers.
    """

    network: Network
    outputs: Mapping[int, int] | None


def own_judge(network: Network, targets: Sequence[Target]) -> Judge:
    """The network that dreamed: its targets are its own, and their names need not tell them apart."""
    classes = {target.index: target.index for target in targets if target.is_class}
    return Judge(network, classes or None)


def refuse_other_targets(targets: Sequence[Target]) -> None:
    """Refuse to ask judges about what no other network has; raises UserError where no target is a class."""
    if not any(target.is_class for target in targets):
        raise UserError(
            f"the run dreams {targets[0].title} and the like, of which another network has none; judges can be asked "
            "about classes only: leave --judge out to see how strongly the dreaming network answers"
        )


def make_judge(network: Network, targets: Sequence[Target]) -> Judge:
    """Find the run's classes among those of a network.

    Raises:
        UserError: The network knows none of them.
    """
    outputs = match_classes([target for target in targets if target.is_class], network.classes)
    if not outputs:
        raise UserError(
            f"it knows none of the run's {len(targets)} classes ({targets[0].title}, ...), neither by wnid nor by "
            "title; choose a judge that does, or give it their names with the key `classes`"
        )
    return Judge(network, outputs)


def knows(judge: Judge, target: Target) -> bool:
    """Whether a judge can say anything about a target."""
    return judge.outputs is None or target.index in judge.outputs


def score_picture(
    judge: Judge,
    target: Target,
    picture: Picture,
    shown: tuple[View, ...] = ("still",),
    still_digest: str | None = None,
    picture_digest: str | None = None,
) -> PictureScore | None:
    """What a network says of a picture; None if it does not know the target.

    Args:
        judge: The network.
        target: What the picture is to show.
        picture: The picture.
        shown: As what a viewer sees it.
        still_digest: Digest of its file, if it is a still.
        picture_digest: Digest of what it follows from.

    Raises:
        UserError: What it says are no numbers.
    """
    if not knows(judge, target):
        return None
    said = _activation(judge, target, picture) if judge.outputs is None else _rank(judge, target, picture)
    return PictureScore(
        index=target.index,
        wnid=target.wnid,
        title=target.title,
        shown=shown,
        still_digest=still_digest,
        picture_digest=picture_digest,
        **said,
    )


def _activation(judge: Judge, target: Target, picture: Picture) -> dict[str, Any]:
    (score,) = judge.network.scores(picture[None], [target])
    if not np.isfinite(score.activation):
        raise UserError("its activations are not finite numbers; are its weights right?")
    return {"activation": score.activation}


def _rank(judge: Judge, target: Target, picture: Picture) -> dict[str, Any]:
    found: Float[np.ndarray, " classes"] = judge.network.log_probabilities(picture[None])[0]
    if not np.isfinite(found).all():
        raise UserError("its outputs are not finite numbers; are its weights right?")
    own = found[(judge.outputs or {})[target.index]]
    return {
        # As in the index: behind those that it is level with.
        "rank": int((found >= own).sum()),
        "probability": float(np.exp(own)),
        "log_probability": float(own),
        "top": _most_probable(judge, found),
    }


def _most_probable(judge: Judge, found: Float[np.ndarray, " classes"]) -> tuple[Seen, ...]:
    dreamed = {output: index for index, output in (judge.outputs or {}).items()}
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
