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
