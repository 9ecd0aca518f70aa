"""What the frames of a film are made from, without text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from renderer.common.digests import data_digest
from renderer.common.section import with_values
from renderer.common.value_curves import OF_CLASS, Moment
from renderer.dream.dreaming import FilmAscent
from renderer.film.paths import names_at
from renderer.film.recipe import UNDIRECTED, Direction, Recipe, StillRun, follows_sound, part_of, pixels_of
from renderer.film.timeline import Segment, Timeline, blend_frames, build_timeline, follows_class, transition_frames
from renderer.film.times import Times
from renderer.settings.sections import DreamedFilm, Motion, MovePath, Settings
from renderer.starts.start import StartFile
from renderer.targets.target import Target

_NAME_DIGITS = 10
# What of the section `film` is in each segment, as far as its frames follow from it.
_OF_SEGMENTS = ("blend_seconds", "chains", "crossfade_seconds", "lead_in_seconds", "loop", "seconds_per_class")


class FilmRun(StillRun):
    """What of the section `run` makes the pixels of a film."""

    segment_seconds: float


@dataclass(frozen=True)
class FilmValues:
    """What holds at one moment of one class.

    Attributes:
        dream: How the pictures are made.
        motion: How the camera moves.
        keep: How near the pictures stay to what they start from; see `StartKind.held`.
        forget: Share of the contrast that is lost where a class begins.
    """

    dream: FilmAscent
    motion: Motion
    keep: float
    forget: float


class FilmRecipe(Recipe):
    """What the frames of a film are made from, without text.

    Attributes:
        film: Its settings.
        times: When the classes begin, where they are not equally long; see `class_times`.
        motion: How the camera moves.
        dream: How the pictures are made.
        run: What the computer is to take care of.
    """

    film: DreamedFilm
    times: Times | None = None
    motion: Motion
    dream: FilmAscent
    run: FilmRun

    @cached_property
    def timeline(self) -> Timeline:
        """The film on paper; each segment is named by the digest of all that its frames follow from."""
        return replace(self._plain, chains=tuple(tuple(self._named(chain)) for chain in self._plain.chains))

    @cached_property
    def _plain(self) -> Timeline:
        """The same, with names that tell the places alone."""
        return build_timeline(self.film, len(self.aims), self.run.segment_seconds, self.times)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.film.height, self.film.width

    @property
    def canvas(self) -> str:
        """Name of the surface on which the frames are."""
        return "sphere" if self.film.projection == "equirectangular" else self.dream.canvas

    def begins_fresh(self, segment: Segment, *, follows: bool) -> bool:
        """Whether a segment begins with a fresh picture; `follows` tells that there is one before it in its chain."""
        return not follows or (segment.first_frame == 0 and self.film.transition != "carry")

    def steps(self, segment: Segment) -> int:
        """How many ascent steps a segment takes, with those of a fresh picture."""
        fresh = self.begins_fresh(segment, follows=self.timeline.before(segment) is not None)
        return segment.frames * self.dream.steps_per_frame + fresh * self.dream.fresh_steps

    def at(self, moment: Moment) -> FilmValues:
        """What holds at a moment of a class; every step, move and leveling of every picture asks for it."""
        own = self.of_class(self.aims[moment.position].key)
        if own.changes.is_constant:
            return own._constant
        parts = own.changes.at(moment, self.heard)
        return FilmValues(parts.dream, parts.motion, parts.start.held, self.film.forget)

    def positions(self, position: int) -> tuple[int, int]:
        """Places of the class before one and of that class; the first one follows itself, or in a loop the last one."""
        first = len(self.aims) - 1 if self.film.loop else 0
        return position - 1 if position else first, position

    def moment(self, segment: Segment, seconds: float) -> Moment:
        """The moment so many seconds after the class of a segment began.

        A lead-in is shown in place of the end of its class; there the seconds are those since it began.
        """
        timeline, fps = self.timeline, self.film.fps
        frames, begin = segment.class_frames, segment.start_frame - segment.first_frame
        since = seconds
        if segment.is_lead_in:
            frames = timeline.class_frames[segment.position]
            since += (frames - segment.frames) / fps
        # Camera moves lead into a class from before it.
        film_seconds = max(0.0, begin / fps + seconds)
        return Moment(segment.position, max(0.0, since), frames / fps, film_seconds, timeline.frames / fps)

    def _named(self, chain: Sequence[Segment]) -> Iterator[Segment]:
        """Name the segments of a chain: by the target, and a digest that includes those of the segments before."""
        before = self._common_digest
        for segment in chain:
            if segment.first_frame == 0 and self.film.transition == "reset":
                before = self._common_digest
            known = data_digest([before, self._own(segment, chain)])
            key = self.aims[segment.position].key
            stem = f"lead-in-{key}" if segment.is_lead_in else f"{key}-{segment.part:03d}"
            yield replace(segment, name=f"{stem}-{known[:_NAME_DIGITS]}")
            before = data_digest([known, segment.frames])

    @cached_property
    def _common_digest(self) -> str:
        """Of what all segments follow from."""
        told = self._told_of_all()
        del told["run"]["segment_seconds"]
        told["motion"].pop("path", None)
        for key in _OF_SEGMENTS:
            told["film"].pop(key, None)
        return data_digest(told)

    def _own(self, segment: Segment, chain: Sequence[Segment]) -> dict[str, Any]:
        """What a segment follows from, besides what all do and the segments before it; however long it is."""
        film, aims, position = self.film, self.aims, segment.position
        motion = self.of_class(aims[position].key).motion
        follows_film = self.start.moves or motion.shake != 0
        moving = {"film_frame": segment.start_frame} if follows_film else {}
        file = self.file_of(aims[position]) if self._shows_file(segment, chain) else None
        blends = film.transition == "carry" and follows_class(segment, chain)
        blended = blend_frames(film, segment.class_frames) if blends else 0
        fades = film.transition == "crossfade" and segment.first_frame == 0
        return (
            {
                "aim": asdict(aims[position]),
                "lead_in": segment.is_lead_in,
                "first_frame": segment.first_frame,
                "class_frames": segment.class_frames if motion.easing != "linear" else None,
                "fade": min(transition_frames(film), segment.frames - 1) if fades else None,
                "blend": [blended, asdict(aims[position - 1])] if blended else None,
            }
            | ({"start": file.digest} if file else {})
            | moving
            | self._told_of_moment(segment)
            | (self._told_of_path(segment, motion.path) if motion.path else {})
            | ({"scene": scene.model_dump(mode="json")} if (scene := self.scenes.get(aims[position].key)) else {})
        )

    def _told_of_path(self, segment: Segment, path: MovePath) -> dict[str, Any]:
        names = names_at(path, self.positions(segment.position))
        # A lead-in moves as the end of its class.
        return {"path": [*names, self._plain.class_frames[segment.position]] if segment.is_lead_in else names}

    def _told_of_moment(self, segment: Segment) -> dict[str, Any]:
        """What values over time follow from, besides what else is told of a segment."""
        names = self.of_class(self.aims[segment.position].key).changes.names
        if not names:
            return {}
        of_class = "class_share" in names or segment.is_lead_in
        return {
            "moment": {
                "class_frames": self._plain.class_frames[segment.position] if of_class else None,
                "position": segment.position if "position" in names else None,
                "film_frame": segment.start_frame if names - OF_CLASS else None,
                "film_frames": self._plain.frames if "film_share" in names else None,
                "heard": self.sound.of(names) if self.sound else None,
            }
        }

    def _shows_file(self, segment: Segment, chain: Sequence[Segment]) -> bool:
        """Whether frames of a segment follow from the file of their target, and not from the frames before alone."""
        start = self.start
        follows = segment.number > chain[0].number
        holds = bool(start.held) or start.masked is not None
        return start.moves or holds or self.begins_fresh(segment, follows=follows)

    @cached_property
    def _constant(self) -> FilmValues:
        return FilmValues(self.dream, self.motion, self.start.held, self.film.forget)


def film_recipe(
    settings: Settings,
    targets: Sequence[Target],
    network: dict[str, Any],
    files: Mapping[str, StartFile] = MappingProxyType({}),
    decoder: str | None = None,
    direction: Direction = UNDIRECTED,
) -> FilmRecipe:
    """Take from settings what a film's frames are made from.

    Args:
        settings: All settings, in which `auto` has been replaced by what it stands for; see `Chosen.fill_in`.
        targets: The selected targets in the order of the film.
        network: What `NetworkSource.identity` says.
        files: The files that pictures begin with, by target.
        decoder: What `ParameterizationKind.identity` says.
        direction: What else the film goes by.
    """
    own = pixels_of(direction.scenes, targets, ("motion", "dream"))
    values = [settings.motion, settings.dream, settings.start]
    values += [with_values(getattr(settings, name), said) for scene in own.values() for name, said in scene]
    return FilmRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        scenes=own,
        film=part_of(DreamedFilm, settings.film),
        times=direction.times,
        motion=settings.motion,
        dream=part_of(FilmAscent, settings.dream),
        run=part_of(FilmRun, settings.run),
        sound=direction.sound if follows_sound(*values) else None,
    )
