"""State dicts inside checkpoints: under which keys they lie, and with which prefixes, as training leaves them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from renderer.common.wording import shortened

_DEEPEST = 3  # Keys, one inside the other, under which a state dict is looked for.
_SHOWN = 60  # Characters of a name.
_LONGEST = 500  # Characters of a name that is of use; each dot of a longer one would cost as many again.
_AVERAGED = re.compile(r"(^|[._-])ema([._-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A mapping with tensors somewhere in a checkpoint.

    Attributes:
        keys: Under which keys it lies, the outermost first.
        entries: All that is in it.
    """

    keys: tuple[str, ...]
    entries: Mapping[str, object]

    def renamed(self, old: str, new: str) -> Part:
        """With another name for the same, wherever a pattern is found in the old one."""
        return Part(self.keys, {re.sub(old, new, name): entry for name, entry in self.entries.items()})


@dataclass(frozen=True)
class Taken:
    """What is taken of a checkpoint for a model.

    Attributes:
        part: The mapping.
        prefix: What all names that count begin with; what else is in the mapping is left out, unless this is empty.
    """

    part: Part
    prefix: str

    @property
    def state(self) -> dict[str, object]:
        """What is taken, by its name without the prefix."""
        begin = len(self.prefix)
        return {name[begin:]: entry for name, entry in self.part.entries.items() if name.startswith(self.prefix)}

    @property
    def described(self) -> str:
        """Where it lay, in a few words; empty where it was the whole file."""
        left = [name for name in self.part.entries if not name.startswith(self.prefix)]
        said = [f"what stands under {quoted('.'.join(self.part.keys))}"] if self.part.keys else []
        said += [f"without the prefix {quoted(self.prefix)}"] if self.prefix else []
        said += [f"leaving out {some(left)}"] if left else []
        return ", ".join(said)

    @property
    def is_averaged(self) -> bool:
        """Whether it is called a moving average of the weights of many steps."""
        return any(_AVERAGED.search(name) for name in (*self.part.keys, self.prefix))


def parts(checkpoint: object) -> list[Part]:
    """The mappings with names and tensors in a checkpoint, the outermost first.

    Args:
        checkpoint: What a file holds: perhaps a state dict, perhaps a mapping that has one under some key, among other
            things. It may be of any size, and hold itself.
    """
    found, level, seen = [], [Part((), _texts(checkpoint))], {id(checkpoint)}
    for _ in range(1 + _DEEPEST):
        found += [part for part in level if any(isinstance(entry, Tensor) for entry in part.entries.values())]
        level = [inner for part in level for inner in _inside(part, seen)]
    return found


def take(found: Sequence[Part], names: Collection[str]) -> Taken | None:
    """What fits the names of a model best, under any prefix; None where no name is found.

    Of two that fit equally well a moving average comes first, since it is what is published and measured; then the one
    that has the shorter prefix, and lies further out.

    Args:
        found: As `parts` gives it.
        names: Those of the model's state dict.
    """
    known = frozenset(names)
    counted = [
        (count, Taken(part, prefix)) for part in found for prefix, count in _prefixes(part.entries, known).items()
    ]
    best = max((count for count, _ in counted), default=0)
    alike = [taken for count, taken in counted if count == best]
    return min(alike, key=lambda taken: (not taken.is_averaged, len(taken.prefix)), default=None)


def quoted(name: str) -> str:
    """A name that anybody may have written, as one bounded word of a message."""
    return json.dumps(shortened(name, _SHOWN))


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return quoted(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _prefixes(entries: Mapping[str, object], known: frozenset[str]) -> Counter[str]:
    """What names begin with that end as one of the model's does, and how many begin so."""
    deepest = 1 + max((name.count(".") for name in known), default=0)
    return Counter(
        name[:begin]
        for name in entries
        if len(name) <= _LONGEST
        # No more dots than the model's names have can be behind a prefix.
        for begin in (0, *[dot.end() for dot in re.finditer(r"\.", name)][-deepest:])
        if name[begin:] in known
    )


def _inside(part: Part, seen: set[int]) -> Iterator[Part]:
    for key, entry in part.entries.items():
        if isinstance(entry, dict) and id(entry) not in seen:
            seen.add(id(entry))
            yield Part((*part.keys, key), _texts(entry))


def _texts(mapping: object) -> dict[str, object]:
    """Its entries whose keys are texts; nothing of what is no mapping."""
    entries = mapping.items() if isinstance(mapping, dict) else ()
    return {key: entry for key, entry in entries if isinstance(key, str)}
