"""What of a film is still to be computed: the batches of which anything is missing or damaged, round by round."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from renderer.atlas.seen import Lacks, SeenRun
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import in_batches
from renderer.film.timeline import Segment
from renderer.store.records import SegmentRecord
from renderer.store.run import Run

Item = TypeVar("Item")


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

Strand = tuple[tuple[Segment, ...], ...]
"""Chains that are stepped together from their beginning to their end: needs nothing of what other strands dream."""


@dataclass(frozen=True)
class Plan:
    """What is to be done for a film, and what is done.

    Attributes:
        rounds: Batches to compute, of several strands. Those of a round may be computed at the same time; the rounds
            of a strand come one after another.
        records: Records of the segments that are whole, by name.
        damaged: Names of the segments that were finished, and are damaged now.
        segments: All that were looked at: those of the film, or of some of its strands; lead-ins too.
    """

    rounds: tuple[tuple[Batch, ...], ...]
    records: Mapping[str, SegmentRecord]
    damaged: tuple[str, ...]
    segments: tuple[Segment, ...]

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


def strands_of(run: Run) -> list[Strand]:
    """The film's chains, divided into what may be computed apart; follows from settings alone."""
    return [tuple(chains) for chains in in_batches(run.timeline.chains, run.film_recipe.run.batch)]


def of_shard(items: Sequence[Item], number: int, count: int) -> Sequence[Item]:
    """What of some items is for a shard, whose number is from 1, of so many."""
    return items[number - 1 :: count]


def segments_of(strands: Sequence[Strand]) -> list[Segment]:
    """All segments of some strands, lead-ins too."""
    return [segment for strand in strands for chain in strand for segment in chain]


def make_plan(seen: SeenRun, only: Collection[int] | None = None) -> Plan:
    """Compare a film with what is there of it.

    Args:
        seen: The run.
        only: Numbers of the strands that are looked at; by default all are.
    """
    strands = [strand for number, strand in enumerate(strands_of(seen.run)) if only is None or number in only]
    lacks = {segment: seen.lacks(segment) for segment in segments_of(strands)}
    found = {segment: record for segment in lacks if (record := seen.segment(segment))}
    missing_parts = [segment for segment, parts in lacks.items() if any(parts)]
    return Plan(
        rounds=_rounds(seen, strands, lacks),
        records={segment.name: record for segment, record in found.items() if not any(lacks[segment])},
        damaged=tuple(segment.name for segment in missing_parts if seen.was_finished(segment)),
        segments=tuple(lacks),
    )


def _rounds(seen: SeenRun, strands: Sequence[Strand], lacks: Mapping[Segment, Lacks]) -> tuple[tuple[Batch, ...], ...]:
    """The batches of which anything is missing: of each strand's chains the first segments, the second, and so on."""
    rounds = []
    for number in sorted({segment.number for segment in lacks}):
        batches = [tuple(one for chain in strand for one in chain if one.number == number) for strand in strands]
        planned = [tuple(_planned(seen, one, lacks[one]) for one in batch) for batch in batches]
        rounds.append(tuple(batch for batch in planned if any(item.is_missing for item in batch)))
    return tuple(batches for batches in rounds if batches)
