"""A film on paper, from its settings: its classes and what changes over its time. Nothing is dreamed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from renderer.atlas.groups import find_groups
from renderer.common.errors import UserError
from renderer.common.expressions import ExpressionError
from renderer.common.over_time import Curve, Heard, Moment, Varying, silence
from renderer.common.wording import format_duration
from renderer.film.paths import names_at
from renderer.film.timeline import (
    Timeline,
    blend_frames,
    build_timeline,
    class_borders,
    crossfade_frames,
    transition_frames,
)
from renderer.film.times import Times
from renderer.media.sketch import MOST_GROUPS, Block, Fade, FilmSketch, Line, Samples
from renderer.settings.sections import Settings
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.sound.curves import Curves

_LEAST_SAMPLES, _MOST_SAMPLES = 3_000, 12_000
_BEATS, _BEAT = "beats", "beat"


@dataclass(frozen=True)
class FilmSound:
    """What is heard in a film: curves of the user's own, and those of the sound.

    Attributes:
        sources: The curves; what an earlier one has takes the place of what a later one has.
    """

    sources: tuple[Curves, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is heard."""
        return tuple(dict.fromkeys(name for curves in reversed(self.sources) for name in curves.names))

    def at(self, name: str, seconds: float) -> float:
        """A curve at a time; raises ExpressionError where there is none of that name."""
        for curves in self.sources:
            if name in curves.names:
                return curves.at(name, max(0.0, seconds))
        raise ExpressionError(f"needs {name!r}, which is not heard; there are {', '.join(self.names)}")

    def beat_times(self, until: float) -> list[float]:
        """Seconds at which there are beats."""
        found = (curves for curves in self.sources if _BEATS in curves.names)
        return next((curves.beat_times(until) for curves in found), [])

    def together(self) -> Curves:
        """All of it as one: as long as the longest, and as finely sampled as the finest."""
        from renderer.sound.curves import Curves  # noqa: PLC0415

        if len(self.sources) == 1:
            return self.sources[0]
        seconds = max(curves.seconds for curves in self.sources)
        count = max(2, round(seconds * max(curves.rate for curves in self.sources)))
        times = np.arange(count) * (seconds / count)
        names = [name for name in self.names if name != _BEAT]
        values = {name: np.array([self.at(name, time) for time in times], dtype=np.float32) for name in names}
        return Curves(count / seconds, values)


def film_sound(settings: Settings) -> FilmSound | None:
    """What is heard in the film of some settings; None without sound and curves. Raises UserError."""
    from renderer.sound.csv_file import read_curves  # noqa: PLC0415
    from renderer.sound.listening import listen  # noqa: PLC0415

    sound, own = settings.video.audio or settings.start.sound(), settings.film.curves
    sources = [read_curves(own)] if own else []
    if sound is not None:
        sources.append(listen(sound))
    return FilmSound(tuple(sources)) if sources else None


def sketch_film(
    name: str, settings: Settings, targets: Sequence[Target], times: Times | None, sound: FilmSound | None
) -> FilmSketch:
    """Put a film on paper.

    Args:
        name: Name of the configuration.
        settings: Its settings.
        targets: Its targets in order.
        times: When they begin; see `class_times`.
        sound: What is heard.
    """
    film = settings.film
    timeline = build_timeline(film, len(targets), settings.run.segment_seconds, times)
    borders = [frame / film.fps for frame in class_borders(film, len(targets), times)]
    moments = _moments(borders, film.fps)
    heard = sound.at if sound else silence
    return FilmSketch(
        name=name,
        details=_details(settings, timeline),
        blocks=tuple(_blocks(settings, targets, borders)),
        curves=tuple(_line(key, curve, moments, heard) for key, curve in Varying(settings).curves.items()),
        heard=tuple(_heard_line(one, sound, moments) for one in sound.names if one not in {_BEATS, _BEAT})
        if sound
        else (),
        beats=tuple(sound.beat_times(borders[-1])) if sound else (),
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
        f"{format_duration(timeline.frames / film.fps)}  ·  {count} class{'' if count == 1 else 'es'}  ·  {film.width} × "
        f"{film.height}, {film.fps:g} frames a second  ·  {how}"
    )


def _blocks(settings: Settings, targets: Sequence[Target], borders: Sequence[float]) -> list[Block]:
    groups, path = _groups(targets), settings.motion.path
    notes = [names_at(path, place)[1] if path and len(set(path)) > 1 else "" for place in range(len(targets))]
    return [
        Block(target.title, begin, end, group, note)
        for target, (begin, end), group, note in zip(targets, pairwise(borders), groups, notes, strict=True)
    ]


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


def _line(key: str, curve: Curve, moments: Sequence[Moment], heard: Heard) -> Line:
    """A setting over the time of the film; there are gaps where it is nothing."""
    values, held, trouble = np.full(len(moments), np.nan), np.zeros(len(moments), dtype=bool), None
    for place, moment in enumerate(moments):
        try:
            raw = curve.raw(moment, heard)
        except ExpressionError as error:
            trouble = trouble or f"at {moment.film_seconds:.1f} s: {error}"
            continue
        values[place] = curve.bounds.nearest(raw)
        held[place] = not curve.bounds.hold(raw)
    return Line(key, _times(moments), values, (curve.bounds.lowest, curve.bounds.highest), held, trouble)


def _heard_line(name: str, sound: FilmSound, moments: Sequence[Moment]) -> Line:
    values = np.array([sound.at(name, moment.film_seconds) for moment in moments])
    bounds = (0.0, 1.0) if name.startswith("audio.") else (-np.inf, np.inf)
    return Line(name, _times(moments), values, bounds)


def _times(moments: Sequence[Moment]) -> Samples:
    return np.array([moment.film_seconds for moment in moments])


def _fades(settings: Settings, timeline: Timeline, borders: Sequence[float], times: Times | None) -> list[Fade]:
    """Where classes go over into each other, and chains into chains."""
    film, found = settings.film, []
    firsts = {chain[-1].position + 1 for chain in timeline.chains}
    for place, frames in sorted(timeline.class_frames.items()):
        if place == 0 or place in firsts or film.transition == "reset":
            continue
        fades = film.transition == "crossfade"
        length = min(transition_frames(film), frames - 1) if fades else blend_frames(film, frames)
        if length > 0:
            kind = "crossfade" if fades else "blend"
            found.append(Fade(borders[place], borders[place] + length / film.fps, kind))
    for chain in timeline.chains:
        last, fade = chain[-1], crossfade_frames(film, times)
        if timeline.lead_in_after(last) and (length := min(fade, last.class_frames)):
            end = borders[last.position + 1]
            found.append(Fade(end - length / film.fps, end, "chain"))
    return found


def check_table_path(path: Path) -> None:
    """Refuse a place for a table of curves, before a sound is heard: one that is there may be changed by hand.

    Raises:
        UserError: Something is there, or the name is not that of a table.
    """
    if path.suffix.lower() != ".csv":
        raise UserError(f"--curves: {path} must end in .csv")
    if path.exists() or path.is_symlink():
        raise UserError(f"--curves: {path} is there; name another file, or remove it")
