"""`evaluation.json`: what networks recognize in a run's pictures. The order of keys is part of the format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from renderer.common.errors import UserError
from renderer.store.files import write_whole
from renderer.store.plain_files import read_plain
from renderer.store.records import Record

View = Literal["still", "film"]
"""What a viewer sees a picture as: a class's still, or the last frame of the class in the film."""


Role = Literal["dreamer", "companion", "relative", "judge"]
"""Of a network in a run: the first that dreamed; it took part; one of its name did, with other weights; an outsider."""

_PARTS = {"companion": " (companion)", "relative": " (same architecture)"}


class Seen(Record):
    """A class that a network sees in a picture.

    Attributes:
        index: Its index in that network's own list.
        title: Its title there.
        probability: How probable the network thinks it is, in [0, 1].
        dreamed: Index, for the network that dreamed, of the run's class that it is; None if it is none of them.
    """

    index: int
    title: str
    probability: float
    dreamed: int | None


class PictureScore(Record):
    """What a network says of one picture.

    Attributes:
        index: Index of the class that was dreamed, for the network that dreamed.
        wnid: The class's WordNet identifier, where it has one.
        title: The class's title.
        shown: As what it is shown; both where the still is the film's last frame of the class.
        still_digest: Digest of the still's file when it was looked at; None for a picture of the film alone.
        picture_digest: Digest of what the picture followed from then.
        rank: Place of the class among all that the network knows; 1 is first. None, as the next two, for a target that
            is no class.
        probability: Probability of the class, in [0, 1].
        log_probability: Its natural logarithm, finite where the probability is 0.
        top: The most probable classes, best first.
        activation: How strongly a target answers that is no class.
    """

    index: int
    wnid: str | None
    title: str
    shown: tuple[View, ...]
    still_digest: str | None
    picture_digest: str | None = None
    rank: int | None = None
    probability: float | None = None
    log_probability: float | None = None
    top: tuple[Seen, ...] = ()
    activation: float | None = None


class Figures(Record):
    """How well a network recognizes all pictures of a kind.

    Attributes:
        shown: Of which kind; both where they are the very same pictures.
        pictures: How many there are, one a class.
        top_1: Share of the pictures in which the network puts the class first.
        top_5: Share of those in which the class is among the first five.
        mean_log_probability: Mean natural logarithm of the class's probability.
        median_rank: Median of the class's rank.
        mean_activation: Mean answer of targets that are no classes.
    """

    shown: tuple[View, ...]
    pictures: int
    top_1: float | None = None
    top_5: float | None = None
    mean_log_probability: float | None = None
    median_rank: float | None = None
    mean_activation: float | None = None


class UnknownClass(Record):
    """A class of the run that a network does not know."""

    index: int
    wnid: str | None
    title: str


class Recognition(Record):
    """What one network recognizes.

    Attributes:
        network: The network, described as in `atlas.json`.
        contents: Digest of what tells it from other networks; one with the same weights is the same.
        companion: Whether it took part in the dreaming, so that it is no outsider.
        relative: Whether a network of its name took part, with other weights: it is an outsider only in part.
        unknown: Classes of the run that are not in its list, and so in none of the figures.
        figures: Its figures; empty if it knows none of the classes that are finished so far.
        pictures: Its scores of the single pictures, in the order of the film.
    """

    network: dict[str, Any]
    contents: str
    companion: bool = False
    relative: bool = False
    unknown: tuple[UnknownClass, ...]
    figures: tuple[Figures, ...]
    pictures: tuple[PictureScore, ...]


class Evaluation(Record):
    """The contents of `evaluation.json`.

    Attributes:
        version: Of the format.
        network: What the network recognizes that dreamed.
        judges: What others recognize, in the order in which they were asked first.
    """

    version: Literal[1] = 1
    network: Recognition
    judges: tuple[Recognition, ...]


def role(evaluation: Evaluation, judge: Recognition) -> Role:
    """What part a network has in a run; the first one that dreamed, asked as a judge too, took part."""
    if judge is evaluation.network:
        return "dreamer"
    if judge.companion:
        return "companion"
    return "relative" if judge.relative else "judge"


def judge_names(evaluation: Evaluation, outsider: str = "") -> list[str]:
    """What to call each judge among people, with its part; `outsider` is put behind those that had none."""
    names = zip(plain_judge_names(evaluation), evaluation.judges, strict=True)
    return [f"{name}{_part(evaluation, judge) or outsider}" for name, judge in names]


def _part(evaluation: Evaluation, judge: Recognition) -> str:
    if judge.companion and judge.contents == evaluation.network.contents:
        return " (took part)"
    return _PARTS.get(role(evaluation, judge), "")


def plain_judge_names(evaluation: Evaluation) -> list[str]:
    """What to call each judge: with its weights, where the name alone would not tell it from the others."""
    networks = [judge.network for judge in evaluation.judges]
    counts = Counter(network["name"] for network in networks)
    return [
        f"{network['name']} ({network['weights'] or f'judge {number}'})"
        if counts[network["name"]] > 1
        else str(network["name"])
        for number, network in enumerate(networks, start=1)
    ]


def failed(scores: Sequence[PictureScore]) -> list[PictureScore]:
    """The pictures in which a network puts another class first, the worst first."""
    missed = (score for score in scores if score.rank is not None and score.rank > 1)
    return sorted(missed, key=lambda score: (-(score.rank or 0), score.log_probability or 0.0))


def write_evaluation(path: Path, evaluation: Evaluation) -> None:
    """Write `evaluation.json`."""
    write_whole(path, (evaluation.model_dump_json(indent=1) + "\n").encode())


def read_evaluation(path: Path) -> Evaluation | None:
    """Read `evaluation.json`; None if there is none.

    Raises:
        UserError: It is not what this program writes.
    """
    try:
        evaluation = Evaluation.model_validate_json(read_plain(path))
        _refuse_unusable(evaluation)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError) as error:
        raise UserError(f"{path} is damaged; write it anew with `neuron-atlas evaluate`") from error
    return evaluation


def _refuse_unusable(evaluation: Evaluation) -> None:
    """Raise ValueError or LookupError for what the page and the tables cannot show."""
    for judge in (evaluation.network, *evaluation.judges):
        if not all(isinstance(judge.network[key], str) for key in ("source", "name")) or "weights" not in judge.network:
            raise ValueError("a network without a name")
    # Neither Python's nor JavaScript's JSON takes numbers that are not finite.
    json.dumps(evaluation.model_dump(mode="json"), allow_nan=False)
