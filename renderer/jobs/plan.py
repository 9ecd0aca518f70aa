"""What of a film is still to be computed: the batches of which anything is missing or damaged, round by round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from renderer.atlas.seen import Lacks, SeenRun
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import in_batches
from renderer.film.timeline import Segment
from renderer.store.records import SegmentRecord


@dataclass(frozen=True)
class PlannedSegment:
    """A segment of a batch that is computed.

    Attributes:
        segment: Which one.
        lacks: What of it has to be written; where nothing is, it is computed only because others of its batch are.
        begun: Record of its first frames, where it was finished when its class was shorter.
    """

    segment: Segment
    lacks: Lacks
    begun: SegmentRecord | None = None

    @property
    def is_missing(self) -> bool:
        """Whether anything of it has to be written."""
        return any(self.lacks)


Batch = tuple[PlannedSegment, ...]
"""What is stepped together; computed whole, or pictures might differ in the last bit."""


@dataclass(frozen=True)
class Plan:
    """What is to be done for a film, and what is done.

    Attributes:
        rounds: Batches to compute. Those of a round may be computed at the same time; rounds come one after another.
        records: Records of the segments that are whole, by name.
        damaged: Names of the segments that were finished, and are damaged now.
    """

    rounds: tuple[tuple[Batch, ...], ...]
    records: Mapping[str, SegmentRecord]
    damaged: tuple[str, ...]

    @property
    def items(self) -> tuple[PlannedSegment, ...]:
        """All segments that are computed."""
        return tuple(item for batches in self.rounds for batch in batches for item in batch)


def still_batches(recipe: StillRecipe) -> list[list[int]]:
    """Places of the targets whose fresh stills are dreamed together: neighbors, as many as the recipe allows."""
    places, size = list(range(len(recipe.aims))), recipe.run.batch
    return [places[first : first + size] for first in range(0, len(places), size)]


def _planned(seen: SeenRun, segment: Segment, lacks: Lacks) -> PlannedSegment:
    return PlannedSegment(segment, lacks, seen.begun(segment) if any(lacks) else None)


def make_plan(seen: SeenRun) -> Plan:
    """Compare a film with what is there of it."""
    run = seen.run
    lacks = {segment: seen.lacks(segment) for chain in run.timeline.chains for segment in chain}
    rounds = []
    for segments in run.timeline.rounds:
        items = [_planned(seen, segment, lacks[segment]) for segment in segments]
        batches = [tuple(batch) for batch in in_batches(items, run.film_recipe.run.batch)]
        missing = tuple(batch for batch in batches if any(item.is_missing for item in batch))
        if missing:
            rounds.append(missing)
    found = {segment: record for segment in lacks if (record := seen.segment(segment))}
    missing_parts = [segment for segment, parts in lacks.items() if any(parts)]
    return Plan(
        rounds=tuple(rounds),
        records={segment.name: record for segment, record in found.items() if not any(lacks[segment])},
        damaged=tuple(segment.name for segment in missing_parts if seen.was_finished(segment)),
    )
