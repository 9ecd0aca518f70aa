"""The groups that classes belong to, as something to walk down: from the wide ones to the narrow ones.

WordNet is no tree: a dog is both a canine and a domestic animal. Here a group lies below another if all of its classes
belong to the other too, so the classes themselves say which is the narrower one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEARLY_ALL = 0.8
"""A group with more than this share of what is shown narrows nothing; its own parts are offered in its place."""

_TOO_WIDE = 0.9
"""Groups with more than this share of all classes are left out of the way to a narrower one."""


@dataclass(frozen=True)
class Group:
    """Classes that belong together.

    Attributes:
        name: The narrowest of its names; groups of exactly the same classes are one.
        count: How many classes it has.
        wider: Place of the next wider group among all groups; None where there is none worth naming.
        narrower: Places of the groups to choose from within it, the largest first.
    """

    name: str
    count: int
    wider: int | None
    narrower: tuple[int, ...]


@dataclass(frozen=True)
class Groups:
    """All groups of some classes.

    Attributes:
        groups: The groups, the largest first.
        names: Place of the group that goes by a name.
        widest: Places of the groups to choose from at first, the largest first.
    """

    groups: tuple[Group, ...]
    names: dict[str, int]
    widest: tuple[int, ...]


def find_groups(paths: Sequence[Sequence[str]]) -> Groups:
    """Arrange the groups of classes.

    Args:
        paths: For each class the names of its groups, the widest first.
    """
    members = _members(paths)
    # Of groups with the same classes the last, the narrowest in the lists, gives the name.
    merged = {classes: name for name, classes in members.items()}
    sets = sorted(merged, key=lambda classes: (-classes.bit_count(), merged[classes]))
    places = {classes: place for place, classes in enumerate(sets)}
    groups = tuple(
        Group(
            name=merged[classes],
            count=classes.bit_count(),
            wider=places.get(_next_wider(classes, sets, len(paths))),
            narrower=tuple(places[part] for part in _choices(classes, sets)),
        )
        for classes in sets
    )
    everything = (1 << len(paths)) - 1
    widest = tuple(places[part] for part in _choices(everything, sets))
    return Groups(groups, {name: places[classes] for name, classes in members.items()}, widest)


def _members(paths: Sequence[Sequence[str]]) -> dict[str, int]:
    """The classes of each group, a bit each."""
    members: dict[str, int] = {}
    for place, path in enumerate(paths):
        for name in path:
            members[name] = members.get(name, 0) | 1 << place
    return members


def _next_wider(classes: int, sets: Sequence[int], total: int) -> int:
    """The smallest group with all of the given classes and others; 0, which is no group, if all are too wide."""
    wider = [other for other in sets if other != classes and other & classes == classes]
    return wider[-1] if wider and wider[-1].bit_count() <= _TOO_WIDE * total else 0


def _choices(within: int, sets: Sequence[int]) -> list[int]:
    choices = _parts(within, sets)
    while choices and choices[0].bit_count() > _NEARLY_ALL * within.bit_count():
        nearly_all, *others = choices
        more = [part for part in _parts(nearly_all, sets) if not _lies_in(part, others)]
        if not more:
            break
        choices = sorted(others + more, key=lambda classes: -classes.bit_count())
    return choices


def _parts(within: int, sets: Sequence[int]) -> list[int]:
    """The widest groups of at least two classes that lie within another."""
    found: list[int] = []
    for classes in sets:
        lies_within = classes != within and classes & within == classes
        if lies_within and classes.bit_count() > 1 and not _lies_in(classes, found):
            found.append(classes)
    return found


def _lies_in(classes: int, others: Sequence[int]) -> bool:
    return any(classes & other == classes for other in others)
