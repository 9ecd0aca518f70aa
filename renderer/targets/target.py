"""What is dreamed toward, and what a network says of a picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, SupportsFloat

OUTPUTS = "(outputs)"
"""Name of the layer that is a network's answer: one number for each class, before the softmax. No module has it."""


@dataclass(frozen=True)
class Neuron:
    """A channel of a layer, such as one of a network's outputs.

    Attributes:
        layer: The layer's name in the network; `OUTPUTS` for its answer.
        unit: Number of the channel, from 0.
    """

    layer: str
    unit: int


@dataclass(frozen=True)
class Mixture:
    """Several neurons at once.

    Attributes:
        parts: The neurons.
        weights: How much each counts; what is below 0 is to answer as little as it can.
    """

    parts: tuple[Neuron, ...]
    weights: tuple[float, ...]


class Answers(Protocol):
    """What units answer, by their numbers."""

    def __getitem__(self, unit: int, /) -> SupportsFloat: ...


Units = tuple[tuple[int, float], ...]
"""Numbers of units, each with its weight."""


@dataclass(frozen=True)
class Aim:
    """What the dreaming knows of a target, and so all that pixels can depend on.

    Attributes:
        key: Tells it from all others, whatever is selected beside it: random numbers, file names and records follow it.
            Letters, digits, `.`, `_` and `-` only.
        ascends: What is to answer to the picture as strongly as it can.
    """

    key: str
    ascends: Neuron | Mixture

    @property
    def parts(self) -> tuple[Neuron, ...]:
        """The neurons that it is made of; nearly always one."""
        return self.ascends.parts if isinstance(self.ascends, Mixture) else (self.ascends,)

    @property
    def units(self) -> Units:
        """Their numbers, each with its weight."""
        weights = self.ascends.weights if isinstance(self.ascends, Mixture) else (1.0,)
        return tuple((part.unit, weight) for part, weight in zip(self.parts, weights, strict=True))

    def total(self, answers: Answers) -> float:
        """What its units answer, by their weights."""
        return sum(weight * float(answers[unit]) for unit, weight in self.units)

    def blended(self, before: Aim, share: float) -> Aim:
        """The same on the way from another one: with 0 that one's ascent, with 1 its own."""
        weights: dict[Neuron, float] = {}
        for aim, part_of in ((before, 1 - share), (self, share)):
            for part, (_, weight) in zip(aim.parts, aim.units, strict=True):
                weights[part] = weights.get(part, 0.0) + part_of * weight
        return Aim(self.key, Mixture(tuple(weights), tuple(weights.values())))


@dataclass(frozen=True)
class Target(Aim):
    """What is dreamed toward, with all that is said of it.

    Attributes:
        index: Number by which it is selected and listed, from 0; of a class that of its output.
        title: Name, unique among the network's targets.
        wnid: WordNet noun identifier such as `n02123045`, where there is one.
        synonyms: Further names; may contain the title.
        groups: Names of the groups that it belongs to, the widest first.
    """

    index: int
    title: str
    wnid: str | None = None
    synonyms: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_class(self) -> bool:
        """Whether it is one of the network's outputs, and no mixture of several."""
        return isinstance(self.ascends, Neuron) and self.ascends.layer == OUTPUTS

    @property
    def aim(self) -> Aim:
        """Without what is only said of it."""
        return Aim(self.key, self.ascends)

    @property
    def group(self) -> str:
        """The narrowest group, or an empty text."""
        return self.groups[-1] if self.groups else ""


def class_target(
    index: int,
    title: str,
    wnid: str | None = None,
    synonyms: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> Target:
    """The target that is a network's class: the output of the given index."""
    return Target(f"{index:04d}", Neuron(OUTPUTS, index), index, title, wnid, synonyms, groups)


@dataclass(frozen=True)
class Guess:
    """One of the classes a network sees in a picture, and how probable it thinks it is."""

    index: int
    probability: float


@dataclass(frozen=True)
class Score:
    """What a network says of a picture that is to show a certain target.

    Attributes:
        activation: How strongly what is ascended answers: of a class its output before the softmax.
        probability: Of a class, its output after the softmax, in [0, 1]; else None, as also the rank.
        rank: Place of the class among all classes; 1 is first.
        top: The five most probable classes, best first (all, if there are fewer).
    """

    activation: float
    probability: float | None = None
    rank: int | None = None
    top: tuple[Guess, ...] = ()

    @property
    def is_missed(self) -> bool:
        """Whether the network puts another class first; never where there is no rank."""
        return self.rank not in (None, 1)
