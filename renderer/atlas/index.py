"""`atlas.json`, from the records of what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renderer.film.timeline import Segment
from renderer.jobs.session import Run
from renderer.jobs.stills import still_record
from renderer.jobs.trusted_records import intact_film
from renderer.media.codecs import encoded_size
from renderer.media.ffmpeg import frame_rate
from renderer.settings.sections import EmbeddedNetwork, Network, TorchvisionNetwork
from renderer.store.index_file import Index, IndexClass, IndexFilm, IndexGuess, write_index
from renderer.store.records import FilmRecord, StillRecord, is_intact
from renderer.targets.target import ClassRecord


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


def update_index(run: Run) -> Index:
    """Write `atlas.json` anew with all that is there."""
    index = make_index(run)
    write_index(run.paths.index, index)
    return index


def make_index(run: Run) -> Index:
    """Look for all that is there: the stills, and the film if it has been assembled."""
    film = intact_film(run, thorough=False)
    places = _places(run, film)
    classes = []
    for position, record in enumerate(run.classes):
        still = still_record(run, record)
        if still and not is_intact(run.paths, still.still, thorough=False):
            still = None
        if still or position in places:
            classes.append(_describe_class(run, record, still, places.get(position)))
    return Index(network=describe_network(run.settings.network), film=_describe_film(run, film), classes=tuple(classes))


def _places(run: Run, film: FilmRecord | None) -> Mapping[int, Stretch]:
    if film is None:
        return {}
    joined = set(film.segments)
    found = stretches([segment for segment in run.timeline.segments if segment.name in joined])
    return {stretch.position: stretch for stretch in found}


def _describe_class(run: Run, record: ClassRecord, still: StillRecord | None, place: Stretch | None) -> IndexClass:
    score = still.score if still else None
    rate = frame_rate(run.settings.film.fps)
    return IndexClass(
        index=record.index,
        wnid=record.wnid,
        title=record.title,
        group=record.path,
        still=still.still.path if still else None,
        start_frame=place.start_frame if place else None,
        frames=place.frames if place else None,
        start_seconds=float(place.start_frame / rate) if place else None,
        logit=score.logit if score else None,
        probability=score.probability if score else None,
        rank=score.rank if score else None,
        seed=still.seed if still else None,
        top=tuple(
            IndexGuess(
                index=guess.index,
                title=run.titles.get(guess.index, str(guess.index)),
                probability=guess.probability,
            )
            for guess in (score.top if score else ())
        ),
    )


def _describe_film(run: Run, film: FilmRecord | None) -> IndexFilm | None:
    if film is None:
        return None
    settings = run.settings.film
    rate = frame_rate(settings.fps)
    width, height = encoded_size(run.settings.video.codec, (settings.width, settings.height))
    return IndexFilm(
        path=film.film.path,
        width=width,
        height=height,
        fps=float(rate),
        frames=film.frames,
        seconds=float(film.frames / rate),
    )


def network_name(network: Network) -> str:
    """What a network is called."""
    match network:
        case EmbeddedNetwork():
            return "emojinet"
        case TorchvisionNetwork(name=name):
            return name


def describe_network(network: Network) -> dict[str, Any]:
    """What is said of a network in the index."""
    weights = Path(network.weights).name if isinstance(network, TorchvisionNetwork) else None
    return {"source": network.source, "name": network_name(network), "weights": weights}
