"""Records that say what is to be expected of them; any other counts as damaged, whatever its digest."""

from __future__ import annotations

from collections.abc import Sequence

from renderer.film.timeline import Segment
from renderer.jobs.session import Run
from renderer.media.codecs import FILM_SUFFIX, SEGMENT_SUFFIX
from renderer.store.paths import RunPaths
from renderer.store.records import (
    FilmRecord,
    SegmentRecord,
    SimilarityRecord,
    is_intact,
    read_record,
    speaks_of,
)


def segment_record(paths: RunPaths, segment: Segment, fade: int) -> SegmentRecord | None:
    """Record of a segment; None if it is not there, or speaks of other files or frames than this segment has.

    Args:
        paths: The run's directory.
        segment: The segment.
        fade: Frames of the crossfade between two chains.
    """
    record = read_record(paths.segment_record(segment.name), SegmentRecord)
    if record is None or record.frames != segment.frames:
        return None
    tail = paths.tail(segment.name) if segment.is_lead_in and fade > 0 else None
    files = _film_fits(paths, segment, record) and speaks_of(paths, record.picture, paths.picture(segment.name))
    return record if files and (record.tail is None or speaks_of(paths, record.tail, tail)) else None


def _film_fits(paths: RunPaths, segment: Segment, record: SegmentRecord) -> bool:
    if segment.is_lead_in:
        return record.film is None
    expected = (paths.segment(segment.name, suffix) for suffix in dict.fromkeys(SEGMENT_SUFFIX.values()))
    return record.film is None or any(speaks_of(paths, record.film, path) for path in expected)


def film_record(run: Run) -> FilmRecord | None:
    """Record of the assembled film; None if it is not there, or is not of this run's film and segments."""
    record = read_record(run.paths.film_record, FilmRecord)
    if record is None or not speaks_of(run.paths, record.film, run.paths.film(FILM_SUFFIX[run.settings.video.codec])):
        return None
    segments = [segment for segment in run.timeline.segments if segment.name in set(record.segments)]
    names = tuple(segment.name for segment in segments)
    fits = names == record.segments and sum(segment.frames for segment in segments) == record.frames
    return record if fits else None


def intact_film(run: Run, *, thorough: bool = True) -> FilmRecord | None:
    """Record of the assembled film, if that is there and whole; by its size alone unless thorough."""
    record = film_record(run)
    return record if record and is_intact(run.paths, record.film, thorough=thorough) else None


def similarity_record(paths: RunPaths, indices: Sequence[int]) -> SimilarityRecord | None:
    """Record of the tour through classes that look alike; None unless it goes through exactly these."""
    record = read_record(paths.similarity, SimilarityRecord)
    return record if record and sorted(record.indices) == sorted(indices) else None
