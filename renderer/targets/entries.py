"""What an entry of a selection stands for: an index, a range, a wnid, a name, a glob, a group."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from itertools import islice

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest
from renderer.targets.target import Target

Entry = int | str

_INDEX = re.compile(r"0*[0-9]{1,9}")
_RANGE = re.compile(r"(0*[0-9]{1,9})\s*-\s*(0*[0-9]{1,9})")
_NUMBERS = re.compile(r"[-\s]*[0-9][-\s0-9]*")
_WNID = re.compile(r"[nN][0-9]{8}")
_GROUP_PREFIX = "under:"
_PATTERN_SIGNS = frozenset("*?[")
_LONGEST_PATTERN = 1000
_MOST_PATTERNS = 1000
_MOST_TOLD = 10


def find_all(key: str, entries: Mapping[int, Entry], names: Names) -> set[int]:
    """Find what entries stand for.

    An entry is taken for the first of these that it fits: `all`; `under:NAME`; an index or a range within the list; a
    wnid of the list; a title, then a synonym, whatever it is made of; a glob over titles and synonyms. So numbers come
    before titles that are numbers, for which there is the glob (`[7]`), and titles before globs. Case does not matter,
    except that a title as it is written comes before one that differs in case.

    Args:
        key: Key of the list in the settings.
        entries: The entries, by their number in the list.
        names: All names that targets go by.

    Returns:
        Indices of the targets.

    Raises:
        UserError: An entry matches nothing.
    """
    found: set[int] = set()
    misses: dict[str, int] = {}
    for entry, number in _distinct(key, entries).items():
        matches = find(entry, names)
        found |= matches
        if not matches:
            misses[entry] = number
    if misses:
        told = [
            f"{key}[{number}]: {describe_miss(entry, names.targets)}"
            for entry, number in islice(misses.items(), _MOST_TOLD)
        ]
        more = len(misses) - _MOST_TOLD
        told += [f"and {more} more entries of {key} that match nothing"] if more > 0 else []
        raise UserError("\n".join(told))
    return found


def _distinct(key: str, entries: Mapping[int, Entry]) -> dict[str, int]:
    """The entries, each once, with the number of the first that is so."""
    distinct: dict[str, int] = {}
    for number, entry in entries.items():
        distinct.setdefault(str(entry).strip(), number)
    patterns = [entry for entry in distinct if _is_pattern(entry)]
    if len(patterns) > _MOST_PATTERNS:
        number = distinct[patterns[_MOST_PATTERNS]]
        raise UserError(
            f"{key}[{number}]: more than {_MOST_PATTERNS:,} entries hold *, ? or [, and each is looked for in every "
            "name; write titles or indices instead"
        )
    return distinct


def _is_pattern(text: str) -> bool:
    """Whether a text may stand for others than itself; no name is so long that a longer one could."""
    return len(text) <= _LONGEST_PATTERN and not _PATTERN_SIGNS.isdisjoint(text)


class Names:
    """All names that classes go by, each with the indices of its classes; what is case-blind has them folded."""

    def __init__(self, targets: Sequence[Target], count: int | None = None) -> None:
        """Sort the names.

        Args:
            targets: All targets, or some.
            count: How many there are in all, where these are some.
        """
        self.targets, self.count = targets, len(targets) if count is None else count
        self.all = {target.index for target in targets}
        self.wnids, self.titles, self.folded_titles, self.synonyms, self.groups = (
            _indices(targets, names)
            for names in (
                lambda target: [target.wnid] if target.wnid else [],
                lambda target: [target.title],
                lambda target: [target.title.casefold()],
                lambda target: [name.casefold() for name in target.synonyms],
                lambda target: [group.casefold() for group in target.groups],
            )
        )


def _indices(targets: Sequence[Target], names: Callable[[Target], Iterable[str]]) -> dict[str, set[int]]:
    indices: defaultdict[str, set[int]] = defaultdict(set)
    for target in targets:
        for name in names(target):
            indices[name].add(target.index)
    return dict(indices)


def find(entry: str, names: Names) -> set[int]:
    """Indices of the targets that an entry stands for; see `find_all`."""
    folded = entry.casefold()
    if folded == "all":
        return names.all
    if folded.startswith(_GROUP_PREFIX):
        group = folded.removeprefix(_GROUP_PREFIX).strip()
        return names.groups.get(group, set()) | _match_pattern(group, names.groups)
    return _match_number(entry, names.count) & names.all or names.wnids.get(folded) or _match_name(entry, names)


def _match_number(entry: str, count: int) -> set[int]:
    if _INDEX.fullmatch(entry):
        first = last = _number(entry)
    elif ends := _RANGE.fullmatch(entry):
        first, last = _number(ends[1]), _number(ends[2])
    else:
        return set()
    return set(range(first, last + 1)) if first <= last < count else set()


def _number(digits: str) -> int:
    """The number; what stands before the last nine digits are zeros."""
    return int(digits[-9:])


def _match_name(entry: str, names: Names) -> set[int]:
    folded = entry.casefold()
    return (
        names.titles.get(entry)
        or names.folded_titles.get(folded)
        or names.synonyms.get(folded)
        or _match_pattern(folded, names.folded_titles) | _match_pattern(folded, names.synonyms)
    )


def _match_pattern(folded: str, names: Mapping[str, set[int]]) -> set[int]:
    if not _is_pattern(folded):
        return set()
    fits = re.compile(translate(folded)).match
    return {index for name, indices in names.items() if fits(name) for index in indices}


def describe_miss(entry: str, known: Sequence[Target]) -> str:
    """Say why an entry matches nothing, and what comes near it."""
    groups = dict.fromkeys(group for target in known for group in target.groups)
    shown = f"{entry!r:.60}"
    if entry.casefold().startswith(_GROUP_PREFIX):
        name = entry[len(_GROUP_PREFIX) :].strip()
        near = _prefixed(nearest(name, groups))
        return f"there is no such group: {shown}{did_you_mean(near) or _some_groups(groups)}"
    if _NUMBERS.fullmatch(entry):
        return f"{shown} is no index or range within 0-{len(known) - 1}, which is all there is"
    if _WNID.fullmatch(entry):
        return f"no class has the wnid {shown}; the command `classes` lists them"
    word = entry.strip("*?")
    names = dict.fromkeys(name for target in known for name in (target.title, *target.synonyms))
    containing = [name for name in names if word and word.casefold() in name.casefold()]
    near = [*_prefixed(nearest(word, groups, count=1, likeness=0.9)), *nearest(word, names), *containing]
    remedy = did_you_mean([repr(name) for name in dict.fromkeys(near)][:3])
    return f"no class is called {shown}{remedy or '; the command `classes` lists them'}"


def _prefixed(groups: Iterable[str]) -> list[str]:
    return [f"{_GROUP_PREFIX}{group}" for group in groups]


def _some_groups(groups: Iterable[str]) -> str:
    some = list(groups)[:8]
    return f"; some groups: {', '.join(some)}" if some else "; the network's list has no groups"
