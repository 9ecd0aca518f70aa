"""What of a film is still to be computed: the rounds of which anything is missing or damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import lexists

from renderer.film.timeline import Segment, Timeline
from renderer.jobs.trusted_records import segment_record
from renderer.store.paths import RunPaths
from renderer.store.records import FileRecord, SegmentRecord, is_intact
from renderer.store.tails import count_pictures


@dataclass(frozen=True)
class Seam:
    """Where the end of a chain fades into the lead-in of the next.

    Attributes:
        lead_in: The lead-in, of which the last frames are kept.
        first: Number, within the segment, of the first frame that is mixed; below 0 if that lies in a segment before.
        frames: Length of the crossfade.
    """

    lead_in: Segment
    first: int
    frames: int


@dataclass(frozen=True)
class PlannedSegment:
    """A segment of a round that is computed.

    Attributes:
        segment: Which one.
        before: The segment with whose last frame it begins, or None.
        seam: How it fades into the next chain, or None.
        film: Whether its encoded frames have to be written.
        picture: Whether its last frame has to be written.
        tail: Whether the last frames of a lead-in have to be written.
    """

    segment: Segment
    before: Segment | None
    seam: Seam | None
    film: bool
    picture: bool
    tail: bool

    @property
    def is_missing(self) -> bool:
        """Whether anything of it has to be written; else it is computed for the company's sake alone."""
        return self.film or self.picture or self.tail


@dataclass(frozen=True)
class Plan:
    """What is to be done for a film, and what is done.

    Attributes:
        rounds: Rounds to compute, in order; a round is computed whole, or pictures might differ in the last bit.
        records: Records of the segments that are whole, by name.
        damaged: Names of the segments that were finished, and are damaged now.
    """

    rounds: tuple[tuple[PlannedSegment, ...], ...]
    records: Mapping[str, SegmentRecord]
    damaged: tuple[str, ...]


def make_plan(timeline: Timeline, paths: RunPaths, fade: int, *, thorough: bool = True) -> Plan:
    """Compare a film with what is there of it.

    Args:
        timeline: The film.
        paths: The run's directory.
        fade: Frames of the crossfade between two chains.
        thorough: Verify the digests of all files; else only their sizes.
    """
    rounds: list[tuple[PlannedSegment, ...]] = []
    records: dict[str, SegmentRecord] = {}
    damaged: list[str] = []
    for segments in timeline.rounds:
        planned = []
        for segment in segments:
            record = segment_record(paths, segment, fade)
            item = _plan_segment(timeline, paths, segment, record, fade, thorough=thorough)
            planned.append(item)
            if item.is_missing and lexists(paths.segment_record(segment.name)):
                damaged.append(segment.name)
            elif record:
                records[segment.name] = record
        if any(item.is_missing for item in planned):
            rounds.append(tuple(planned))
    return Plan(tuple(rounds), records, tuple(damaged))


def find_seam(timeline: Timeline, segment: Segment, fade: int) -> Seam | None:
    """How the given segment takes part in the crossfade to the next chain; None if it does not."""
    last = timeline.chains[segment.chain][-1]
    lead_in = timeline.lead_in_after(last)
    first = segment.class_frames - fade - segment.first_frame
    if lead_in is None or segment.is_lead_in or segment.position != last.position or first >= segment.frames:
        return None
    return Seam(lead_in, first, fade)


def _plan_segment(
    timeline: Timeline,
    paths: RunPaths,
    segment: Segment,
    record: SegmentRecord | None,
    fade: int,
    *,
    thorough: bool,
) -> PlannedSegment:
    def lacks(file: FileRecord | None) -> bool:
        return file is None or not is_intact(paths, file, thorough=thorough)

    return PlannedSegment(
        segment=segment,
        before=timeline.before(segment),
        seam=find_seam(timeline, segment, fade),
        film=not segment.is_lead_in and lacks(record.film if record else None),
        picture=lacks(record.picture if record else None),
        tail=segment.is_lead_in
        and fade > 0
        and (lacks(record.tail if record else None) or count_pictures(paths.tail(segment.name)) != fade),
    )
