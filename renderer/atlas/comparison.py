"""Several runs as one table: which targets are the same, what each run is called, and how settings differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.store.run import Run, load_run
from renderer.targets.matching import match_classes
from renderer.targets.target import Target

_MOST_DIFFERENCES = 6
_LONGEST_VALUE = 60
_NOT_TOLD = ("classes.", "page.", "network.source", "network.name")
"""Settings that the table and the network's name tell of, or that say nothing of the pictures."""


@dataclass(frozen=True)
class Row:
    """A target that several runs have.

    Attributes:
        targets: For each run what it calls the target; None where it does not have it.
    """

    targets: tuple[Target | None, ...]

    @property
    def target(self) -> Target:
        """The target as the first run has it that does."""
        return next(target for target in self.targets if target)

    @property
    def count(self) -> int:
        """How many runs have it."""
        return sum(target is not None for target in self.targets)


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side.

    Attributes:
        runs: The runs as they are seen; at least two.
        labels: A short name for each, unlike all others.
        differences: For each run, by key, the settings in which the runs differ; None where these are many.
        rows: The targets that at least two runs have, and at least one has a still of; in the order of the first runs.
        alone: For each run, the targets that no other run has.
    """

    runs: tuple[SeenRun, ...]
    labels: tuple[str, ...]
    differences: tuple[Mapping[str, str], ...] | None
    rows: tuple[Row, ...]
    alone: tuple[tuple[Target, ...], ...]

    @property
    def are_classes(self) -> bool:
        """Whether the targets are classes."""
        return self.runs[0].run.are_classes

    @property
    def title(self) -> str:
        """What is compared, in a line."""
        networks = dict.fromkeys(seen.run.settings.network.names for seen in self.runs)
        labels = " · ".join(self.labels)
        return labels if len(networks) == len(self.runs) else f"{', '.join(networks)}: {labels}"


def compare_runs(directories: Sequence[Path]) -> Comparison:
    """See what several runs have in common; the runs may be unfinished.

    Raises:
        UserError: There are less than two, one is given twice or is no run, they dream of different kinds of targets,
            or none of their targets that has a still is in two of them.
    """
    _refuse_few(directories)
    runs = tuple(SeenRun(load_run(directory), thorough=True) for directory in directories)
    _refuse_other_kinds(runs)
    rows = _rows([seen.run.targets for seen in runs])
    shared = [row for row in rows if row.count > 1]
    if not shared:
        raise UserError(
            f"{_listed(runs)} have no target in common, neither by wnid nor by title; compare runs whose "
            "classes.select chooses some of the same"
        )
    dreamed = [row for row in shared if any(stills(row, runs))]
    if not dreamed:
        raise UserError(f"{_listed(runs)} hold no finished still yet of a target that two of them have")
    alone = [row.targets for row in rows if row.count == 1]
    return Comparison(
        runs,
        _labels(runs),
        _differences([seen.run for seen in runs]),
        tuple(dreamed),
        tuple(tuple(target for targets in alone if (target := targets[place])) for place in range(len(runs))),
    )


def stills(row: Row, runs: Sequence[SeenRun]) -> list[Path | None]:
    """For each run the path of a target's still, if that is there and whole."""
    found = [seen.still(target) if target else None for seen, target in zip(runs, row.targets, strict=True)]
    return [seen.paths.root / still.still.path if still else None for seen, still in zip(runs, found, strict=True)]


def _refuse_few(directories: Sequence[Path]) -> None:
    if len(directories) < 2:
        raise UserError("give the directories of two runs at least")
    counts = Counter(directory.resolve() for directory in directories)
    twice = [directory for directory in directories if counts[directory.resolve()] > 1]
    if twice:
        raise UserError(f"{twice[-1]} is given twice; a run is compared with other runs")


def _refuse_other_kinds(runs: Sequence[SeenRun]) -> None:
    """What networks see is the same thing by its name; what a hidden unit looks for, only within one network."""
    kinds = {seen.paths.root: _kind(seen.run) for seen in runs}
    if len(set(kinds.values())) > 1:
        told = "; ".join(f"{directory} dreams {' of '.join(kind)}" for directory, kind in kinds.items())
        raise UserError(f"these runs have nothing in common that could be compared: {told}")


def _kind(run: Run) -> tuple[str, ...]:
    if run.are_classes:
        return ("classes",)
    layers = sorted({part.layer for target in run.targets for part in target.parts})
    return (f"units of {', '.join(layers)}", run.settings.network.label)


def _listed(runs: Sequence[SeenRun]) -> str:
    return ", ".join(str(seen.paths.root) for seen in runs)


def _rows(lists: Sequence[Sequence[Target]]) -> list[Row]:
    """All targets of all lists, the same ones of different lists in one row."""
    rows: list[list[Target | None]] = []
    for place, targets in enumerate(lists):
        # Numbers of their own, for those of different lists say nothing of each other.
        known = [replace(Row(tuple(row)).target, index=number) for number, row in enumerate(rows)]
        found = match_classes(targets, known)
        for target in targets:
            if target.index in found:
                rows[found[target.index]][place] = target
            else:
                rows.append([target if number == place else None for number in range(len(lists))])
    return [Row(tuple(row)) for row in rows]


def _labels(runs: Sequence[SeenRun]) -> tuple[str, ...]:
    """Names of the networks; of the folders, or their paths, where these do not tell the runs apart."""
    networks = [seen.run.settings.network.names for seen in runs]
    folders = [seen.paths.root.resolve().name for seen in runs]
    paths = [str(seen.paths.root) for seen in runs]
    return tuple(next((names for names in (networks, folders) if len(set(names)) == len(names)), paths))


def _differences(runs: Sequence[Run]) -> tuple[Mapping[str, str], ...] | None:
    flat = [dict(_flatten(run.settings.model_dump(), "")) for run in runs]
    keys = [key for key in dict.fromkeys(key for one in flat for key in one) if not key.startswith(_NOT_TOLD)]
    differing = [key for key in keys if len({_shown(one.get(key)) for one in flat}) > 1]
    if len(differing) > _MOST_DIFFERENCES:
        return None
    return tuple({key: shortened(_shown(one.get(key)), _LONGEST_VALUE) for key in differing} for one in flat)


def _flatten(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    """A value as the settings write it, of a path the end: where a disk has it nobody else needs to know."""
    shown = _without_folders(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)


def _without_folders(value: Any) -> Any:
    if isinstance(value, (str, PurePath)) and PurePath(value).is_absolute():
        return "/".join(PurePath(value).parts[-2:])
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    return [_without_folders(one) for one in value] if isinstance(value, (list, tuple)) else value
