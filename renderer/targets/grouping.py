"""The groups that targets belong to, each with how many of them are chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from renderer.targets.target import Target


def group_rows(known: Sequence[Target], chosen: Sequence[Target]) -> list[dict[str, int | str | list[str] | None]]:
    """Every group once, whatever its case, since `under:NAME` does not mind it; those with most chosen targets first.

    Args:
        known: All targets that there are.
        chosen: Those that are selected.

    Returns:
        For each group its name, how many of its targets are selected, and how many it has.
    """
    names: dict[str, str] = {}
    for target in known:
        for group in target.groups:
            names.setdefault(group.casefold(), group)
    selected, members = _members(chosen), _members(known)
    order = sorted(names, key=lambda name: (-selected[name], -members[name], name))
    return [{"group": names[name], "selected": selected[name], "classes": members[name]} for name in order]


def _members(targets: Sequence[Target]) -> Counter[str]:
    return Counter(name for target in targets for name in {group.casefold() for group in target.groups})
