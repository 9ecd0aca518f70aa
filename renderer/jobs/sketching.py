"""A film on paper, from its settings: its classes and what changes over its time. Nothing is dreamed for it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from renderer.atlas.groups import find_groups
from renderer.common.expressions import ExpressionError
from renderer.common.over_time import Varying
from renderer.common.value_curves import Bounds, Curve, Heard, Moment, silence
from renderer.common.wording import format_duration
from renderer.film.recipe import flatten
from renderer.film.scenes import Scene, settings_for
from renderer.film.timeline import (
    Segment,
    Timeline,
    blend_frames,
    build_timeline,
    class_borders,
    crossfade_frames,
    follows_class,
    transition_frames,
)
from renderer.film.times import Times
from renderer.media.sketch import MOST_GROUPS, Block, Card, Fade, FilmSketch, Line, Samples
from renderer.settings.sections import Film, Settings
from renderer.sound.curves import BEAT, BEATS, Curves
from renderer.sound.hearing import Hearing
from renderer.targets.target import Target

_LEAST_SAMPLES, _MOST_SAMPLES = 3_000, 12_000
_STEP = re.compile(r"(\w+)|\[(\d+)\]")


def together(heard: Hearing) -> Curves:
    """All that is heard as one: as long as the longest curve, and as finely sampled as the finest."""
    if len(heard.parts) == 1:
        return heard.parts[0]
    seconds = max(curves.seconds for curves in heard.parts)
    count = max(2, round(seconds * max(curves.rate for curves in heard.parts)))
    times = (np.arange(count) * (seconds / count)).tolist()
    names = [name for name in heard.names if name != BEAT]
    values = {name: np.array([heard.at(name, time) for time in times], dtype=np.float32) for name in names}
    return Curves(count / seconds, values)


def sketch_film(
    name: str,
    settings: Settings,
    targets: Sequence[Target],
    scenes: Sequence[Scene],
    times: Times | None,
    hearing: Hearing | None,
) -> FilmSketch:
    """Put a film on paper.

    Args:
        name: Name of the configuration.
        settings: Its settings.
        targets: Its targets in order.
        scenes: What each has of its own.
        times: When they begin; see `class_times`.
        hearing: What is heard.
    """
    film = settings.film
    own = {place: settings_for(settings, one)[0] for place, one in enumerate(scenes) if one != Scene()}
    timeline = build_timeline(film, len(targets), settings.run.segment_seconds, times)
    borders = [frame / film.fps for frame in class_borders(film, len(targets), times)]
    moments = _moments(borders, film.fps)
    heard = [one for one in hearing.names if one not in {BEATS, BEAT}] if hearing else []
    return FilmSketch(
        name=name,
        details=_details(settings, timeline),
        blocks=tuple(_blocks(settings, targets, scenes, borders)),
        curves=tuple(_curves(settings, own, moments, hearing.at if hearing else silence)),
        heard=tuple(_heard_line(one, hearing.at, moments) for one in heard) if hearing else (),
        beats=tuple(hearing.beat_times(borders[-1])) if hearing else (),
        fades=tuple(_fades(settings, timeline, borders, times)),
        chains=tuple(borders[chain[-1].position + 1] for chain in timeline.chains[:-1]),
        cuts=film.transition == "reset",
        font=settings.overlay.font,
    )


def _details(settings: Settings, timeline: Timeline) -> str:
    film, count = settings.film, len(timeline.class_frames)
    how = {
        "carry": "each class is carried on from the one before",
        "reset": "each class begins anew",
        "crossfade": "classes fade into each other",
    }[film.transition]
    return (
        f"{format_duration(timeline.frames / film.fps)}  ·  {count} class{'' if count == 1 else 'es'}  ·  "
        f"{film.width} x {film.height}, {film.fps:g} frames a second  ·  {how}"
    )


def _blocks(
    settings: Settings, targets: Sequence[Target], scenes: Sequence[Scene], borders: Sequence[float]
) -> list[Block]:
    groups, path = _groups(targets), settings.motion.path
    moves = [path[place % len(path)] if path and len(set(path)) > 1 else "" for place in range(len(targets))]
    notes = [" / ".join(scene.overlay.get("lines", ())) or move for scene, move in zip(scenes, moves, strict=True)]
    return [
        Block(target.title, *span, group, note, _cards(scene, span))
        for target, span, group, note, scene in zip(targets, pairwise(borders), groups, notes, scenes, strict=True)
    ]


def _cards(scene: Scene, span: tuple[float, float]) -> tuple[Card, ...]:
    """The title cards over a class."""
    begin, end = span
    first = accumulate((card.seconds for card in scene.before), initial=begin)
    left = end - sum(card.seconds for card in scene.after)
    last = accumulate((card.seconds for card in scene.after), initial=left)
    cards, spans = (*scene.before, *scene.after), (*pairwise(first), *pairwise(last))
    return tuple(Card(" / ".join(card.lines), *one) for card, one in zip(cards, spans, strict=True))


def _groups(targets: Sequence[Target]) -> list[str]:
    """For each target the one of the widest groups to choose from that it belongs to."""
    found = find_groups([target.groups for target in targets])
    widest = found.widest[:MOST_GROUPS]
    places = {name: place for name, place in found.names.items() if place in widest}
    chosen = [next((places[group] for group in target.groups if group in places), None) for target in targets]
    return ["" if place is None else found.groups[place].name for place in chosen]


def _moments(borders: Sequence[float], fps: float) -> list[Moment]:
    """Of each frame at least, for steps are between frames; of fewer where the film is long."""
    seconds = borders[-1]
    count = min(_MOST_SAMPLES, max(_LEAST_SAMPLES, round(seconds * fps) + 1))
    times = np.linspace(0, seconds, count)
    places = np.clip(np.searchsorted(borders, times + 1e-9, side="right") - 1, 0, len(borders) - 2)
    return [
        Moment(place, time - borders[place], borders[place + 1] - borders[place], time, seconds)
        for place, time in zip(places.tolist(), times.tolist(), strict=True)
    ]


def _curves(settings: Settings, own: Mapping[int, Settings], moments: Sequence[Moment], heard: Heard) -> Iterator[Line]:
    """The settings that change over time, or from class to class."""
    everything: dict[int | None, Settings] = {None: settings} | dict(own.items())
    curves = {place: Varying(one).curves for place, one in everything.items()}
    keys = dict.fromkeys([*(key for found in curves.values() for key in found), *_differing(settings, own.values())])
    for key in keys:
        known = {place: curves[place].get(key) or _number(one, key) for place, one in everything.items()}
        yield _line(key, [known.get(moment.position, known[None]) for moment in moments], moments, heard)


def _differing(settings: Settings, own: Iterable[Settings]) -> list[str]:
    """Keys of the numbers that are others for some classes."""
    common = flatten(settings)
    return [
        key
        for one in own
        for key, value in flatten(one).items()
        if isinstance(value, int | float) and isinstance(common.get(key), int | float) and value != common[key]
    ]


def _number(settings: Settings, key: str) -> float:
    """A number of the settings by its key, such as `motion.zoom` or `motion.pan[0]`; no number where it is none."""
    found: Any = settings
    for name, place in _STEP.findall(key):
        found = found[int(place)] if place else getattr(found, name, None)
    return float(found) if isinstance(found, int | float) else math.nan


def _line(key: str, followed: Sequence[Curve | float], moments: Sequence[Moment], heard: Heard) -> Line:
    """A setting over the time of the film, by what it follows at each moment; there are gaps where it is nothing."""
    values, held, trouble = np.full(len(moments), np.nan), np.zeros(len(moments), dtype=bool), None
    for place, (curve, moment) in enumerate(zip(followed, moments, strict=True)):
        if not isinstance(curve, Curve):
            values[place] = curve
            continue
        try:
            raw = curve.raw(moment, heard)
        except ExpressionError as error:
            trouble = trouble or f"at {moment.film_seconds:.1f} s: {error}"
            continue
        values[place] = curve.bounds.nearest(raw)
        held[place] = not curve.bounds.hold(raw)
    bounds = next((one.bounds for one in followed if isinstance(one, Curve)), Bounds())
    return Line(key, _times(moments), values, (bounds.lowest, bounds.highest), held, trouble)


def _heard_line(name: str, heard: Heard, moments: Sequence[Moment]) -> Line:
    values = np.array([heard(name, moment.film_seconds) for moment in moments])
    bounds = (0.0, 1.0) if name.startswith("audio.") else (-np.inf, np.inf)
    return Line(name, _times(moments), values, bounds)


def _times(moments: Sequence[Moment]) -> Samples:
    return np.array([moment.film_seconds for moment in moments])


def _fades(settings: Settings, timeline: Timeline, borders: Sequence[float], times: Times | None) -> list[Fade]:
    """Where classes go over into each other, and chains into chains."""
    film, found = settings.film, list[Fade]()
    for chain in timeline.chains:
        begins = [segment for segment in chain if not segment.first_frame and follows_class(segment, chain)]
        found += [fade for segment in begins for fade in _fade_into(film, borders[segment.position], segment)]
        last, fade = chain[-1], crossfade_frames(film, times)
        if timeline.lead_in_after(last) and (length := min(fade, last.class_frames)):
            end = borders[last.position + 1]
            found.append(Fade(end - length / film.fps, end, "chain"))
    return found


def _fade_into(film: Film, begin: float, segment: Segment) -> Iterator[Fade]:
    """How the class that begins with a segment comes out of the one before it."""
    fades, frames = film.transition == "crossfade", segment.class_frames
    length = min(transition_frames(film), frames - 1) if fades else blend_frames(film, frames)
    if length > 0 and film.transition != "reset":
        yield Fade(begin, begin + length / film.fps, "crossfade" if fades else "blend")
