"""What a class is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassRecord:
    """One of a network's categories.

    Attributes:
        index: Number of the network's output neuron, from 0.
        title: Name, unique in its list.
        wnid: WordNet noun identifier such as `n02123045`, where there is one.
        synonyms: Further names; may contain the title.
        path: Names of the groups that it belongs to, the widest first.
    """

    index: int
    title: str
    wnid: str | None = None
    synonyms: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The narrowest group, or an empty text."""
        return self.path[-1] if self.path else ""


@dataclass(frozen=True)
class Guess:
    """One of the classes a network sees in a picture, and how probable it thinks it is."""

    index: int
    probability: float


@dataclass(frozen=True)
class Score:
    """What a network says of a picture that is to show a certain class.

    Attributes:
        logit: The class's output before the softmax.
        probability: The class's output after the softmax, in [0, 1].
        rank: Place of the class among all classes; 1 is first.
        top: The five most probable classes, best first (all, if there are fewer).
    """

    logit: float
    probability: float
    rank: int
    top: tuple[Guess, ...]
