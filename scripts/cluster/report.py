"""The table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster.film import Work
from cluster.simulation import Outcome

_LITTLE = 0.9  # less than this is of use where something else than their number limits
_FULL = 0.7  # is waited for, if at other times there is room

COLUMNS = (
    *("workers", "chains", "batch", "strands", "unseen", "hours", "at least", "worker hours"),
    *("efficiency", "busy", "again", "waiting", "starting", "idle", "away", "network", "TB", "lost", "what limits"),
)

_AMOUNTS = {"hours", "at least", "worker hours", "TB"}


def row(film: Work, chains: int, batch: int, found: Outcome) -> dict[str, Any]:
    """What is told of a case, by column; shares are from 0 to 1."""
    return {
        "workers": found.workers,
        "chains": chains,
        "batch": batch,
        "strands": len(film.strands),
        "unseen": 1 - film.shown_passes / film.passes,
        "hours": found.wall / 3600,
        "at least": found.bound / 3600,
        "worker hours": (found.states["leased"] + found.states["starting"]) * found.workers * found.wall / 3600,
        "efficiency": found.useful,
        "busy": found.states["leased"],
        "again": found.again,
        "waiting": found.waiting,
        "starting": found.states["starting"],
        "idle": found.states["idle"],
        "away": found.states["away"],
        "network": found.network,
        "TB": found.bytes / 1e12,
        "lost": found.lost_workers,
        "what limits": limit(found),
    }


def limit(found: Outcome) -> str:
    """What keeps it from being done sooner."""
    if found.useful > _LITTLE:
        return "number of workers"
    shares = {
        _of_strands(found): found.states["idle"] - found.assembling,
        "assembling": found.assembling,
        _of_waiting(found): found.waiting,
        "starting": found.states["starting"],
        "losses": found.again + found.states["away"],
    }
    return max(shares, key=lambda name: shares[name])


def _of_strands(found: Outcome) -> str:
    return "length of a strand" if found.depth >= found.work / found.workers else "ends: too few strands"


def _of_waiting(found: Outcome) -> str:
    if max(found.network, found.disk) < _FULL:
        return "encoding, sending"
    return "network to the drivers" if found.network > found.disk else "a driver's disk"


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """As Markdown."""
    sides = ["---" if column == COLUMNS[-1] else "---:" for column in columns]
    lines = [columns, sides, *([_text(column, one[column]) for column in columns] for one in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(column: str, value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    if column in _AMOUNTS:
        return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.3g}"
    return f"{value:.1%}" if value < 0.0995 else f"{value:.0%}"
