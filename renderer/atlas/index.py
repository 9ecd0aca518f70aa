"""`atlas.json`, from the records of what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from renderer.atlas.seen import SeenRun
from renderer.common.ffmpeg import frame_rate
from renderer.film.timeline import Segment
from renderer.media.codecs import CODECS
from renderer.store.index_file import Index, IndexClass, IndexFacet, IndexFilm, IndexGuess
from renderer.store.records import FacetRecord, StillRecord
from renderer.store.run import Run
from renderer.targets.target import Guess, Target


@dataclass(frozen=True)
class Stretch:
    """Where a class is in a film that has been assembled.

    Attributes:
        position: Place of the class among the run's classes.
        start_frame: Number of its first frame in the film.
        frames: How many frames show it.
    """

    position: int
    start_frame: int
    frames: int


def stretches(segments: Sequence[Segment]) -> list[Stretch]:
    """The classes in a film that is joined from the given segments, in order."""
    found: list[Stretch] = []
    end = 0
    for segment in segments:
        if found and found[-1].position == segment.position:
            found[-1] = Stretch(segment.position, found[-1].start_frame, found[-1].frames + segment.frames)
        else:
            found.append(Stretch(segment.position, end, segment.frames))
        end += segment.frames
    return found


def make_index(seen: SeenRun) -> Index:
    """What is there: the stills, and the film if it has been assembled."""
    run, places = seen.run, _places(seen)
    entries = [
        _describe_target(run, target, seen.still(target), places.get(position))
        for position, target in enumerate(run.targets)
        if seen.still(target) or position in places
    ]
    return Index(network=run.settings.network.describe(), film=_describe_film(seen), classes=tuple(entries))


def _places(seen: SeenRun) -> Mapping[int, Stretch]:
    if seen.film is None:
        return {}
    joined = set(seen.film.segments)
    found = stretches([segment for segment in seen.run.timeline.segments if segment.name in joined])
    return {stretch.position: stretch for stretch in found}


def _describe_target(run: Run, target: Target, still: StillRecord | None, place: Stretch | None) -> IndexClass:
    score = still.score if still else None
    rate = frame_rate(run.settings.film.fps)
    return IndexClass(
        index=target.index,
        wnid=target.wnid,
        title=target.title,
        group=target.groups,
        still=still.still.path if still else None,
        start_frame=place.start_frame if place else None,
        frames=place.frames if place else None,
        start_seconds=float(place.start_frame / rate) if place else None,
        logit=score.activation if score else None,
        probability=score.probability if score else None,
        rank=score.rank if score else None,
        seed=still.seed if still else None,
        top=tuple(_describe_guess(run, guess) for guess in (score.top if score else ())),
        facets=tuple(_describe_facet(facet) for facet in (still.facets if still else ())),
    )


def _describe_facet(facet: FacetRecord) -> IndexFacet:
    return IndexFacet(
        still=facet.still.path,
        logit=facet.score.activation,
        probability=facet.score.probability,
        rank=facet.score.rank,
        seed=facet.seed,
    )


def _describe_guess(run: Run, guess: Guess) -> IndexGuess:
    title = run.titles.get(guess.index, str(guess.index))
    return IndexGuess(index=guess.index, title=title, probability=guess.probability)


def _describe_film(seen: SeenRun) -> IndexFilm | None:
    if seen.film is None:
        return None
    settings, video = seen.run.settings.film, seen.run.settings.video
    rate = frame_rate(settings.fps)
    width, height = CODECS[video.codec].stored_size((settings.width, settings.height))
    return IndexFilm(
        path=seen.film.film.path,
        width=width,
        height=height,
        fps=float(rate),
        frames=seen.film.frames,
        seconds=float(seen.film.frames / rate),
    )
