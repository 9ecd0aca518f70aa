"""Which classes of two networks' lists are the same; their places in the lists say nothing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from renderer.targets.target import Target

Keys = Callable[[Target], Iterable[str]]


def match_classes(own: Sequence[Target], others: Sequence[Target]) -> dict[int, int]:
    """Find the classes of one list in another.

    Classes are the same if their wnids are. Where one of the two has no wnid, names decide: first the very titles, then
    titles of which case, underscores and spaces do not matter, then titles and synonyms. A name that several classes go
    by decides nothing.

    Args:
        own: The classes that are looked for.
        others: Where they are looked for.

    Returns:
        Index in the other list by index in the own one, for the classes that are in both; none stands for two.
    """
    found: dict[int, int] = {}
    for keys in (_wnid, _title, _folded_title, _names):
        taken = set(found.values())
        free = [target for target in others if target.index not in taken]
        found |= _pairs([target for target in own if target.index not in found], free, keys)
    return found


def _pairs(own: Sequence[Target], others: Sequence[Target], keys: Keys) -> dict[int, int]:
    """The classes that have a key in common with one of the other side each, which has none with any other."""
    by_key: defaultdict[str, list[Target]] = defaultdict(list)
    for other in others:
        for key in set(keys(other)):
            by_key[key].append(other)
    candidates: dict[int, set[int]] = {}
    wanted_by: defaultdict[int, set[int]] = defaultdict(set)
    for target in own:
        same = {other.index for key in keys(target) for other in by_key[key] if not _differ(target, other)}
        candidates[target.index] = same
        for index in same:
            wanted_by[index].add(target.index)
    return {
        index: next(iter(same))
        for index, same in candidates.items()
        if len(same) == 1 and all(len(wanted_by[other]) == 1 for other in same)
    }


def _differ(one: Target, other: Target) -> bool:
    """Whether they are known to be different, whatever they are called: a crane is a bird or a machine."""
    return one.wnid is not None and other.wnid is not None and one.wnid != other.wnid


def _wnid(target: Target) -> tuple[str, ...]:
    return () if target.wnid is None else (target.wnid,)


def _title(target: Target) -> tuple[str, ...]:
    return (target.title,)


def _folded_title(target: Target) -> tuple[str, ...]:
    return (_fold(target.title),)


def _names(target: Target) -> tuple[str, ...]:
    return tuple(_fold(name) for name in (target.title, *target.synonyms))


def _fold(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
