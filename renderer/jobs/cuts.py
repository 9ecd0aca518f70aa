"""Pieces of a film: the frames of some classes, or of a span of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.ffmpeg import frame_rate
from renderer.common.quantities import format_time
from renderer.common.wording import did_you_mean, listed, nearest
from renderer.film.timeline import Segment
from renderer.store.run import Run
from renderer.targets.entries import Names, find


@dataclass(frozen=True)
class Cut:
    """Neighboring frames of a segment: number of the first one within the segment, and how many there are."""

    segment: Segment
    first: int
    frames: int


def cuts_of_classes(seen: SeenRun, entries: Sequence[str]) -> list[Cut]:
    """All frames of classes, in the order of the film.

    Args:
        seen: The run.
        entries: As in `classes.select`, of the run's own targets.

    Raises:
        UserError: An entry stands for none of them.
    """
    run = seen.run
    highest = max(target.index for target in run.targets)
    names = Names(run.targets, count=max(highest, *run.titles, 0) + 1)
    wanted: set[int] = set()
    for entry in entries:
        found = find(entry.strip(), names)
        if not found:
            raise UserError(_describe_miss(run, entry))
        wanted |= found
    places = {place for place, target in enumerate(run.targets) if target.index in wanted}
    return [Cut(segment, 0, segment.frames) for segment in run.timeline.segments if segment.position in places]


def _describe_miss(run: Run, entry: str) -> str:
    titles = [target.title for target in run.targets]
    known = [*titles, *(name for target in run.targets for name in target.synonyms)]
    near = did_you_mean([repr(name) for name in nearest(entry, known)])
    return f"{run.paths.root} has no class {entry!r:.60}{near or f'; it has {listed(titles)}'}"


def film_segments(seen: SeenRun) -> list[Segment]:
    """The segments of the film that is there; without one, of the film that is to be."""
    segments = seen.run.timeline.segments
    if seen.film is None:
        return list(segments)
    joined = set(seen.film.segments)
    return [segment for segment in segments if segment.name in joined]


def cuts_of_span(segments: Sequence[Segment], fps: float, start: Fraction, end: Fraction | None) -> list[Cut]:
    """The frames of a span of time.

    Args:
        segments: Those of the film, in order.
        fps: Its frames per second.
        start: Where the span begins, in seconds.
        end: Where it ends; None for the end of the film, as also what lies behind that.

    Raises:
        UserError: The film has no frame in it.
    """
    rate, total = frame_rate(fps), sum(segment.frames for segment in segments)
    first, last = round(start * rate), total if end is None else min(total, round(end * rate))
    if first >= total:
        raise UserError(f"--from: the film ends at {format_time(total / rate)}; give an earlier time")
    if first >= last:
        raise UserError("--to: it must be later than --from, by a frame at least")
    cuts, begun = [], 0
    for segment in segments:
        begin, stop = max(first, begun), min(last, begun + segment.frames)
        if begin < stop:
            cuts.append(Cut(segment, begin - begun, stop - begin))
        begun += segment.frames
    return cuts


def refuse_missing(seen: SeenRun, cuts: Sequence[Cut]) -> None:
    """Raise UserError that names the classes whose frames are not all there, and what is there of the film."""
    run = seen.run
    whole = SeenRun(run, thorough=True)
    missing = dict.fromkeys(cut.segment.position for cut in cuts if not _has_frames(whole, cut.segment))
    if not missing:
        return
    titles = listed([run.targets[position].title for position in missing])
    there = _what_is_there(seen)
    if run.settings.film.clean_frames == "drop":
        raise UserError(
            f"{run.paths.root} keeps no frames without text (film.clean_frames: drop), of which clips are made: "
            f"those of {titles} are gone. {there} Render it once more, elsewhere, without that setting"
        )
    raise UserError(
        f"{run.paths.root}: not all frames of {titles} are there; they are not dreamed yet, or were removed or "
        f"damaged. {there} `render` makes the rest"
    )


def _has_frames(seen: SeenRun, segment: Segment) -> bool:
    record = seen.segment(segment)
    return record is not None and seen.has_frames(record)


def _what_is_there(seen: SeenRun) -> str:
    run = seen.run
    spans = [f"{format_time(begin)} to {format_time(end)}" for begin, end in _spans(seen)]
    lacking = {one.position for one in run.timeline.segments if not _has_frames(seen, one)}
    whole = [target.title for place, target in enumerate(run.targets) if place not in lacking]
    if not spans:
        return "Nothing is there yet." if seen.film is None else f"There is the film {seen.film.film.path} alone."
    classes = f", with all of {listed(whole)}" if whole else ""
    return f"There is {listed(spans)} of {format_time(run.timeline.frames / frame_rate(run.timeline.fps))}{classes}."


def _spans(seen: SeenRun) -> Iterator[tuple[Fraction, Fraction]]:
    """Where the film's frames are there, in seconds."""
    begun: int | None = None
    rate, frame = frame_rate(seen.run.timeline.fps), 0
    for segment in film_segments(seen):
        is_there = _has_frames(seen, segment)
        if begun is not None and not is_there:
            yield begun / rate, frame / rate
        begun = (frame if begun is None else begun) if is_there else None
        frame += segment.frames
    if begun is not None:
        yield begun / rate, frame / rate
