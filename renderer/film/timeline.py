"""The film on paper: which class is shown in which frames, divided into chains and segments. Arithmetic only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from renderer.common.errors import UserError
from renderer.film.times import Times
from renderer.settings.sections import DreamedFilm

_MOST_SEGMENTS = 100_000


@dataclass(frozen=True)
class Segment:
    """Neighboring frames of one class: encoded as one file, the unit of resumption.

    Attributes:
        name: All files of the segment carry it.
        chain: Number of the chain, from 0.
        number: Place in the chain, from 0; a lead-in, which is not part of the film, has -1.
        position: Place of its target in the film, from 0.
        part: Place among the segments of this class, from 0.
        first_frame: Number of the first frame within its class.
        frames: How many frames the segment has.
        class_frames: How many frames the whole class has.
        start_frame: Number of the first frame within the film; of a lead-in, of the frame in whose place it is dreamed,
            which is below 0 where it would have to begin before the film.
    """

    name: str
    chain: int
    number: int
    position: int
    part: int
    first_frame: int
    frames: int
    class_frames: int
    start_frame: int

    @property
    def is_lead_in(self) -> bool:
        """Whether it is only dreamed to begin a chain, and not shown."""
        return self.number < 0

    @property
    def ends_class(self) -> bool:
        """Whether its last frame is the last of its class."""
        return self.first_frame + self.frames == self.class_frames


@dataclass(frozen=True)
class Seam:
    """Where the end of a chain fades into the lead-in of the next.

    Attributes:
        lead_in: The lead-in, of which the last frames are kept.
        first: Number, within the segment, of the first frame that is mixed; below 0 if that lies in a segment before.
        frames: Length of the crossfade; never longer than the class.
    """

    lead_in: Segment
    first: int
    frames: int


@dataclass(frozen=True)
class Timeline:
    """All segments of a film.

    Attributes:
        chains: The segments of each chain in order, a lead-in first where the chain has one.
        fps: Frames per second.
        frames: How many frames the film has.
    """

    chains: tuple[tuple[Segment, ...], ...]
    fps: float
    frames: int

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the film in its order, without lead-ins."""
        return tuple(segment for chain in self.chains for segment in chain if not segment.is_lead_in)

    @cached_property
    def class_frames(self) -> Mapping[int, int]:
        """How many frames each class has, by its position."""
        return {segment.position: segment.class_frames for segment in self.segments}

    @property
    def rounds(self) -> tuple[tuple[Segment, ...], ...]:
        """What is computed together: the lead-ins, then the first segment of every chain, the second, and so on."""
        rounds: defaultdict[int, list[Segment]] = defaultdict(list)
        for chain in self.chains:
            for segment in chain:
                rounds[segment.number].append(segment)
        return tuple(tuple(rounds[number]) for number in sorted(rounds))

    def before(self, segment: Segment) -> Segment | None:
        """The segment that is computed before the given one in its chain, or None."""
        chain = self.chains[segment.chain]
        place = segment.number - chain[0].number
        return chain[place - 1] if place else None

    def seam(self, segment: Segment, fade: int) -> Seam | None:
        """How a segment takes part in the crossfade of `fade` frames to the next chain; None if it does not."""
        fade = min(fade, segment.class_frames)
        last = self.chains[segment.chain][-1]
        lead_in = self.lead_in_after(last)
        first = segment.class_frames - fade - segment.first_frame
        if lead_in is None or segment.is_lead_in or segment.position != last.position or first >= segment.frames:
            return None
        return Seam(lead_in, first, fade)

    def lead_in_after(self, segment: Segment) -> Segment | None:
        """The lead-in that the end of the given segment fades into: that of the next chain, or None.

        After the last chain comes the first one, which has a lead-in in a loop alone.
        """
        if segment != self.chains[segment.chain][-1]:
            return None
        following = self.chains[(segment.chain + 1) % len(self.chains)][0]
        return following if following.is_lead_in else None


def follows_class(segment: Segment, chain: Sequence[Segment]) -> bool:
    """Whether there is a class before that of a segment in its chain, be it that of the lead-in."""
    return not segment.is_lead_in and (chain[0].is_lead_in or segment.position != chain[0].position)


def chain_count(film: DreamedFilm, classes: int) -> int:
    """Number of chains: the setting, or one for each 25 classes and at most 64; never more than there are classes."""
    wanted = film.chains if isinstance(film.chains, int) else min(64, classes // 25)
    return max(1, min(wanted, classes))


def class_borders(film: DreamedFilm, classes: int, times: Times | None = None) -> list[int]:
    """First frame of each class, and the number of all frames at the end. Every class has a frame at least."""
    if times is None:
        per_class = max(1.0, film.fps * film.seconds_per_class)
        return [round(position * per_class) for position in range(classes + 1)]
    borders = [0]
    for time in times[1:]:
        borders.append(max(borders[-1] + 1, round(time * film.fps)))
    return borders


def build_timeline(film: DreamedFilm, classes: int, segment_seconds: float, times: Times | None = None) -> Timeline:
    """Divide a film into chains and segments.

    Args:
        film: The film's settings.
        classes: How many classes it has; at least one.
        segment_seconds: Longest duration of a segment, in seconds; a crossfade into a class is not divided.
        times: When the classes begin, where they are not equally long; see `class_times`.

    Returns:
        The timeline; chains are equally long, give or take one class. The segments' names tell their places.

    Raises:
        UserError: It has more segments than `refuse_endless` lets pass.
    """
    refuse_endless(film, classes, segment_seconds, times)
    borders = class_borders(film, classes, times)
    longest = _longest_segment(film, segment_seconds)
    count = chain_count(film, classes)
    edges = [round(chain * classes / count) for chain in range(count + 1)]
    chains = []
    for chain in range(count):
        shown: list[Segment] = []
        for position in range(edges[chain], edges[chain + 1]):
            shown += _class_segments(chain, position, borders, longest, first_number=len(shown))
        chains.append((*_lead_in(film, chain, edges[chain], borders), *shown))
    return Timeline(tuple(chains), film.fps, borders[-1])


def refuse_endless(film: DreamedFilm, classes: int, segment_seconds: float, times: Times | None = None) -> None:
    """Refuse a film whose plan alone would take hours.

    Args:
        film: The film's settings.
        classes: How many classes it shows.
        segment_seconds: Longest duration of a segment, in seconds.
        times: When the classes begin, where they are not equally long.

    Raises:
        UserError: It has too many segments.
    """
    longest = _longest_segment(film, segment_seconds)
    if times is None:
        segments = classes * math.ceil(max(1.0, film.fps * film.seconds_per_class) / longest)
    else:
        segments = sum(-(-(end - begin) // longest) for begin, end in pairwise(class_borders(film, classes, times)))
    if segments > _MOST_SEGMENTS:
        raise UserError(
            f"run.segment_seconds: the film would have {segments:,} segments, each with files of its own, and "
            f"{_MOST_SEGMENTS:,} are the most; raise it, or choose fewer classes or a shorter film.seconds_per_class"
        )


def _longest_segment(film: DreamedFilm, segment_seconds: float) -> int:
    """In frames; a crossfade into a class is not divided."""
    whole = transition_frames(film) + 1 if film.transition == "crossfade" else 1
    return max(whole, round(segment_seconds * film.fps))


def transition_frames(film: DreamedFilm) -> int:
    """Number of frames in which one class of a chain fades into the next, if that one has so many."""
    return int(film.crossfade_seconds * film.fps)


def blend_frames(film: DreamedFilm, class_frames: int) -> int:
    """Number of frames in which a class of so many is walked to from the one before it; its last one is its own."""
    return min(round(film.blend_seconds * film.fps), class_frames - 1)


def crossfade_frames(film: DreamedFilm, times: Times | None = None) -> int:
    """Number of frames in which one chain fades into the next, if its last class has so many; a lead-in has them."""
    longest = film.seconds_per_class if times is None else math.inf
    return int(min(film.crossfade_seconds, film.lead_in_seconds, longest) * film.fps)


def _lead_in(film: DreamedFilm, chain: int, position: int, borders: Sequence[int]) -> tuple[Segment, ...]:
    """What begins a chain, if anything does: the class before its first one, in a loop before the film's the last."""
    frames = round(film.lead_in_seconds * film.fps)
    if (chain == 0 and not film.loop) or film.transition == "reset" or frames == 0:
        return ()
    before = (position - 1) % (len(borders) - 1)
    return (
        Segment(
            name=f"lead-in-{chain:04d}",
            chain=chain,
            number=-1,
            position=before,
            part=0,
            first_frame=0,
            frames=frames,
            class_frames=frames,
            start_frame=borders[before + 1] - frames,
        ),
    )


def _class_segments(chain: int, position: int, borders: list[int], longest: int, *, first_number: int) -> list[Segment]:
    class_frames = borders[position + 1] - borders[position]
    return [
        Segment(
            name=f"{position:04d}-{part:03d}",
            chain=chain,
            number=first_number + part,
            position=position,
            part=part,
            first_frame=first,
            frames=min(longest, class_frames - first),
            class_frames=class_frames,
            start_frame=borders[position] + first,
        )
        for part, first in enumerate(range(0, class_frames, longest))
    ]
