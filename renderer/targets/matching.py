"""Which classes of two networks' lists are the same; their places in the lists say nothing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from renderer.targets.target import ClassRecord

Keys = Callable[[ClassRecord], Iterable[str]]


def match_classes(own: Sequence[ClassRecord], others: Sequence[ClassRecord]) -> dict[int, int]:
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
        free = [record for record in others if record.index not in taken]
        found |= _pairs([record for record in own if record.index not in found], free, keys)
    return found


def _pairs(own: Sequence[ClassRecord], others: Sequence[ClassRecord], keys: Keys) -> dict[int, int]:
    """The classes that have a key in common with one of the other side each, which has none with any other."""
    by_key: defaultdict[str, list[ClassRecord]] = defaultdict(list)
    for other in others:
        for key in set(keys(other)):
            by_key[key].append(other)
    candidates: dict[int, set[int]] = {}
    wanted_by: defaultdict[int, set[int]] = defaultdict(set)
    for record in own:
        same = {other.index for key in keys(record) for other in by_key[key] if not _differ(record, other)}
        candidates[record.index] = same
        for index in same:
            wanted_by[index].add(record.index)
    return {
        index: next(iter(same))
        for index, same in candidates.items()
        if len(same) == 1 and all(len(wanted_by[other]) == 1 for other in same)
    }


def _differ(one: ClassRecord, other: ClassRecord) -> bool:
    """Whether they are known to be different, whatever they are called: a crane is a bird or a machine."""
    return one.wnid is not None and other.wnid is not None and one.wnid != other.wnid


def _wnid(record: ClassRecord) -> tuple[str, ...]:
    return () if record.wnid is None else (record.wnid,)


def _title(record: ClassRecord) -> tuple[str, ...]:
    return (record.title,)


def _folded_title(record: ClassRecord) -> tuple[str, ...]:
    return (_fold(record.title),)


def _names(record: ClassRecord) -> tuple[str, ...]:
    return tuple(_fold(name) for name in (record.title, *record.synonyms))


def _fold(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
