"""Recipes: frozen objects that hold exactly what the pixels of a film, or of stills, are made from.

The code that makes pixels is given a recipe and nothing else, so whatever can change a pixel is in it, and its digest
tells whether two runs have the same pictures. The names are those of the settings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, reduce
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

from pydantic import Field

from renderer.common.digests import data_digest
from renderer.common.over_time import TIMES, Heard, Moment, Varying, are_keyframes, silence
from renderer.common.section import Section, with_values
from renderer.dream.dreaming import AscentSettings, FilmAscent
from renderer.film.paths import names_at
from renderer.film.scenes import Pixels, Scene
from renderer.film.timeline import Segment, Timeline, blend_frames, build_timeline, follows_class, transition_frames
from renderer.film.times import Times, even_times
from renderer.settings.sections import DreamedFilm, Motion, MovePath, Precision, Settings
from renderer.sound.hearing import SoundFile
from renderer.starts import AnyStart
from renderer.starts.start import ALL, FLOW, StartFile
from renderer.targets.target import Aim, Target

Part = TypeVar("Part", bound=Section)


class StillFormat(Section):
    """What of the section `stills` makes pixels."""

    width: int
    height: int
    steps: int
    smooth: float
    retries: int
    variants: int
    diversity: float
    alpha: bool


class StillRun(Section):
    """What of the section `run` makes the pixels of stills."""

    seed: int
    precision: Precision
    threads: int
    batch: int


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


_NAME_DIGITS = 10
# What of the section `film` is in each segment, as far as its frames follow from it.
_OF_SEGMENTS = ("blend_seconds", "chains", "crossfade_seconds", "lead_in_seconds", "loop", "seconds_per_class")
# Keys that came later, which change no pixel as long as they are so.
_NEWER: Mapping[tuple[str, ...], Any] = {
    ("dream", "parameterization", "blur_every"): 1,
    ("dream", "parameterization", "clip_contribution"): 0.0,
    ("dream", "parameterization", "clip_norm"): 0.0,
    ("film", "blend_seconds"): 0.0,
    ("film", "loop"): False,
    ("film", "projection"): "flat",
    ("motion", "center"): [0.5, 0.5],
    ("motion", "path"): None,
    ("motion", "shake"): 0.0,
    ("scenes",): {},
    ("stills", "alpha"): False,
    ("times",): None,
}


@dataclass(frozen=True)
class Direction:
    """What a film goes by that is found out, and not set.

    Attributes:
        times: When the classes begin, where they are not equally long; see `class_times`.
        sound: What is heard, where values follow it.
        scenes: What some targets have of their own, by their keys; see `scenes_of`.
    """

    times: Times | None = None
    sound: SoundFile | None = None
    scenes: Mapping[str, Scene] = field(default_factory=dict)


UNDIRECTED = Direction()


class Recipe(Section, ABC):
    """What films and stills have in common.

    Attributes:
        network: What tells the network from others; see `NetworkSource.identity`.
        aims: What is dreamed, in order.
        start: Where pictures begin.
        files: The files that they begin with, by target; see `StartKind.files`.
        decoder: What tells the decoder from others, where the pictures are drawn by one; see
            `ParameterizationKind.identity`.
        scenes: What some targets have of their own, by their keys.
        sound: What is heard, where values follow it.
    """

    network: dict[str, Any]
    aims: tuple[Aim, ...]
    start: AnyStart
    files: dict[str, StartFile] = Field(default_factory=dict)
    decoder: str | None = None
    scenes: dict[str, Pixels] = Field(default_factory=dict)
    sound: SoundFile | None = None

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""

    @cached_property
    def digest(self) -> str:
        """Two recipes of the same digest give the same pixels on the same machine."""
        return data_digest(self._told())

    @cached_property
    def common_digest(self) -> str:
        """The same, but whatever the targets are: what all of them have in common."""
        return data_digest(self._told_of_all())

    @cached_property
    def changes(self) -> Varying[Self]:
        """What of it changes over time."""
        return Varying(self)

    @cached_property
    def heard(self) -> Heard:
        """What is heard at a time of the film; raises UserError where that is not what it was."""
        return self.sound.opened().at if self.sound else silence

    @cached_property
    def _followed(self) -> frozenset[str]:
        """All that values follow, of any class."""
        return self.changes.names.union(*(own.changes.names for own in self._of_scenes.values()))

    def of_class(self, key: str) -> Self:
        """The recipe as it is for one target, by its key; the same object where that has nothing of its own."""
        return self._of_scenes.get(key, self)

    @cached_property
    def _of_scenes(self) -> Mapping[str, Self]:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        found = dict[str, Self]()
        for key, scene in self.scenes.items():
            own = {name: with_values(fields[name], values) for name, values in scene if values}
            found[key] = cast("Self", type(self).model_construct(**fields | own))  # without what is cached of this one
        return found

    def file_of(self, aim: Aim) -> StartFile | None:
        """The file that the pictures of a target begin with, if any."""
        return self.files.get(aim.key) or self.files.get(ALL)

    def told_of(self, aim: Aim) -> list[Any]:
        """What the pictures of a target follow from, besides the target and what all have in common."""
        file, scene = self.file_of(aim), self.scenes.get(aim.key)
        return [*([file.digest] if file else []), *([scene.model_dump(mode="json")] if scene else [])]

    def differences(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """What is not the same in another recipe: by the key of the setting, the value here and the one there."""
        here, there = (flatten({**recipe._told(), "aims": None}) for recipe in (self, other))
        keys = sorted(here.keys() | there.keys())
        return {key: (here.get(key), there.get(key)) for key in keys if here.get(key) != there.get(key)}

    def _told(self) -> dict[str, Any]:
        """All that pixels follow from, and nothing that changes none: so runs go on that were begun before it was."""
        data = self.model_dump(mode="json", exclude={"start", "files", "decoder", "sound"})
        digests = {key: file.digest for key, file in sorted(self.files.items())}
        flow = digests.pop(FLOW, None)
        data["start"] = self.start.told() | ({"path": digests.get(ALL, digests)} if digests else {})
        data["start"] |= {"flow": flow} if flow else {}
        if self.decoder:  # and not the paths of its files
            data["dream"]["parameterization"] |= {"decoder": self.decoder, "reads": ()}
        data |= {"sound": self.sound.of(self._followed)} if self.sound else {}
        if "companions" not in self.network:
            del data["dream"]["together"]
        for (*sections, key), default in _NEWER.items():
            part = reduce(lambda within, section: within.get(section, {}), sections, data)
            if key in part and part[key] == default:
                del part[key]
        return data

    def _told_of_all(self) -> dict[str, Any]:
        """What all targets have in common."""
        told = self._told()
        del told["aims"]
        told.pop("scenes", None)
        told.pop("sound", None)
        told.pop("times", None)
        told["start"].pop("path", None)
        return told


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
                "film_frame": segment.start_frame if names - {"class_t", "class_share", "position"} else None,
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


class StillRecipe(Recipe):
    """What fresh stills are made from, without text.

    Attributes:
        times: When each class of the film begins, and its end, in seconds, where something changes over time.
    """

    dream: AscentSettings
    stills: StillFormat
    run: StillRun
    times: tuple[float, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a still in pixels."""
        return self.stills.height, self.stills.width

    def _told(self) -> dict[str, Any]:
        data = super()._told()
        format_ = data["stills"]
        if self.stills.variants == 1:
            del format_["variants"], format_["diversity"]
        if not self.times:
            del data["times"]
        return data

    def at(self, aim: Aim, step: int) -> AscentSettings:
        """What holds for the still of a target in a step; every step of every picture asks for it.

        What changes over time goes through the time of its class in a film.
        """
        own = self.of_class(aim.key)
        if own.changes.is_constant:
            return own._constant
        return self._now(aim, step).dream.for_side(min(self.size))

    def keep(self, aim: Aim) -> float:
        """How near the still of a target stays to what it starts from: as the film of its class does at its end."""
        is_constant = self.of_class(aim.key).changes.is_constant
        return self.start.held if is_constant else self._now(aim, self.stills.steps).start.held

    def told_of(self, aim: Aim) -> list[Any]:
        """As there; and in which part of the film its values change."""
        names = self.of_class(aim.key).changes.names
        if not names:
            return super().told_of(aim)
        moment = self._moment(aim, 0)
        told = {
            "seconds": moment.duration,
            "position": moment.position if "position" in names else None,
            "begin": moment.film_seconds if names - {"class_t", "class_share", "position"} else None,
            "film": moment.film_duration if "film_share" in names else None,
            "heard": self.sound.of(names) if self.sound else None,
        }
        return [*super().told_of(aim), told]

    def _now(self, aim: Aim, step: int) -> Self:
        return self.of_class(aim.key).changes.at(self._moment(aim, step), self.heard)

    def _moment(self, aim: Aim, step: int) -> Moment:
        position = self._positions[aim.key]
        begin, end = self.times[position : position + 2]
        seconds = (end - begin) * step / self.stills.steps
        return Moment(position, seconds, end - begin, begin + seconds, self.times[-1])

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {aim.key: position for position, aim in enumerate(self.aims)}

    @cached_property
    def _constant(self) -> AscentSettings:
        return self.dream.for_side(min(self.size))


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
    own = _pixels(direction.scenes, targets, ("motion", "dream"))
    values = [settings.motion, settings.dream, settings.start]
    values += [with_values(getattr(settings, name), said) for scene in own.values() for name, said in scene]
    return FilmRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        scenes=own,
        film=_part(DreamedFilm, settings.film),
        times=direction.times,
        motion=settings.motion,
        dream=_part(FilmAscent, settings.dream),
        run=_part(FilmRun, settings.run),
        sound=direction.sound if _follows_sound(*values) else None,
    )


def still_recipe(
    settings: Settings,
    targets: Sequence[Target],
    network: dict[str, Any],
    files: Mapping[str, StartFile] = MappingProxyType({}),
    decoder: str | None = None,
    direction: Direction = UNDIRECTED,
) -> StillRecipe:
    """Take from settings what fresh stills are made from; the arguments are those of `film_recipe`."""
    dream = _part(AscentSettings, settings.dream).for_fresh()
    own = _pixels(direction.scenes, targets, ("dream",))
    changing = [settings.start, dream, *(with_values(dream, scene.dream) for scene in own.values())]
    is_constant = all(Varying(section).is_constant for section in changing)
    return StillRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        scenes=own,
        dream=dream,
        stills=_part(StillFormat, settings.stills),
        run=_part(StillRun, settings.run),
        times=() if is_constant else direction.times or even_times(settings.film, len(targets)),
        sound=direction.sound if _follows_sound(*changing) else None,
    )


def _follows_sound(*sections: Section) -> bool:
    """Whether values of sections follow what is heard."""
    return any(Varying(section).names - set(TIMES) for section in sections)


def flatten(data: Mapping[str, Any] | Section, prefix: str = "") -> dict[str, Any]:
    """Plain values by dotted key, such as `film.width`; lists are values, unless they are of mappings alone."""
    if isinstance(data, Section):
        data = data.model_dump(mode="json")
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flatten_value(f"{prefix}{key}", value)
    return flat


def _flatten_value(key: str, value: Any) -> dict[str, Any]:
    match value:
        case dict() if not are_keyframes(value):
            return flatten(value, f"{key}.")
        case [dict(), *_] if all(isinstance(one, dict) and not are_keyframes(one) for one in value):
            parts = [flatten(one, f"{key}[{number}].") for number, one in enumerate(value)]
            return {below: leaf for part in parts for below, leaf in part.items()}
        case _:
            return {key: value}


def _pixels(scenes: Mapping[str, Scene], targets: Sequence[Target], sections: Sequence[str]) -> dict[str, Pixels]:
    """What of scenes makes pixels, of some sections."""
    found = {
        target.key: Pixels(**{name: getattr(scenes[target.key], name) for name in sections})
        for target in targets
        if target.key in scenes
    }
    return {key: pixels for key, pixels in found.items() if pixels != Pixels()}


def _part(part: type[Part], section: Section) -> Part:
    return part(**{name: getattr(section, name) for name in part.model_fields})
