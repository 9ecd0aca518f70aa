"""Recipes: frozen objects that hold exactly what the pixels of a film, or of stills, are made from.

The code that makes pixels is given a recipe and nothing else, so whatever can change a pixel is in it, and its digest
tells whether two runs have the same pictures. The names are those of the settings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import Field

from renderer.common.digests import data_digest
from renderer.common.section import Section
from renderer.dream.dreaming import AscentSettings, FilmAscent
from renderer.film.timeline import Segment, Timeline, blend_frames, build_timeline, follows_class, transition_frames
from renderer.film.times import Times
from renderer.settings.sections import DreamedFilm, Motion, Precision, Settings
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
class Moment:
    """A moment of a class in a film.

    Attributes:
        position: Place of the class in the film, from 0.
        seconds: Time since the class began.
        duration: How long the class is shown, in seconds.
    """

    position: int
    seconds: float
    duration: float


@dataclass(frozen=True)
class FilmValues:
    """What holds at one moment of one class.

    Attributes:
        dream: How the pictures are made.
        motion: How the camera moves.
        forget: Share of the contrast that is lost where a class begins.
    """

    dream: FilmAscent
    motion: Motion
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
    ("stills", "alpha"): False,
    ("times",): None,
}


class Recipe(Section, ABC):
    """What films and stills have in common.

    Attributes:
        network: What tells the network from others; see `NetworkSource.identity`.
        aims: What is dreamed, in order.
        start: Where pictures begin.
        files: The files that they begin with, by target; see `StartKind.files`.
        decoder: What tells the decoder from others, where the pictures are drawn by one; see
            `ParameterizationKind.identity`.
    """

    network: dict[str, Any]
    aims: tuple[Aim, ...]
    start: AnyStart
    files: dict[str, StartFile] = Field(default_factory=dict)
    decoder: str | None = None

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

    def file_of(self, aim: Aim) -> StartFile | None:
        """The file that the pictures of a target begin with, if any."""
        return self.files.get(aim.key) or self.files.get(ALL)

    def differences(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """What is not the same in another recipe: by the key of the setting, the value here and the one there."""
        here, there = (flatten({**recipe._told(), "aims": None}) for recipe in (self, other))
        keys = sorted(here.keys() | there.keys())
        return {key: (here.get(key), there.get(key)) for key in keys if here.get(key) != there.get(key)}

    def _told(self) -> dict[str, Any]:
        """All that pixels follow from, and nothing that changes none: so runs go on that were begun before it was."""
        data = self.model_dump(mode="json", exclude={"start", "files", "decoder"})
        digests = {key: file.digest for key, file in sorted(self.files.items())}
        flow = digests.pop(FLOW, None)
        data["start"] = self.start.told() | ({"path": digests.get(ALL, digests)} if digests else {})
        data["start"] |= {"flow": flow} if flow else {}
        if self.decoder:  # and not the paths of its files
            data["dream"]["parameterization"] |= {"decoder": self.decoder, "reads": ()}
        if "companions" not in self.network:
            del data["dream"]["together"]
        for (*sections, key), default in _NEWER.items():
            part = reduce(lambda within, section: within.get(section, {}), sections, data)
            if part.get(key) == default:
                part.pop(key, None)
        return data

    def _told_of_all(self) -> dict[str, Any]:
        """What all targets have in common."""
        told = self._told()
        del told["aims"]
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
        plain = build_timeline(self.film, len(self.aims), self.run.segment_seconds, self.times)
        return replace(plain, chains=tuple(tuple(self._named(chain)) for chain in plain.chains))

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

    def at(self, moment: Moment) -> FilmValues:  # noqa: ARG002
        """What holds at a moment of a class; every step, move and leveling of every picture asks for it."""
        return self._constant

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
        told.pop("times", None)
        del told["run"]["segment_seconds"]
        for key in _OF_SEGMENTS:
            told["film"].pop(key, None)
        return data_digest(told)

    def _own(self, segment: Segment, chain: Sequence[Segment]) -> dict[str, Any]:
        """What a segment follows from, besides what all do and the segments before it; however long it is."""
        film, aims, position = self.film, self.aims, segment.position
        moving = {"film_frame": segment.start_frame} if self.start.moves else {}
        file = self.file_of(aims[position]) if self._shows_file(segment, chain) else None
        blends = film.transition == "carry" and follows_class(segment, chain)
        blended = blend_frames(film, segment.class_frames) if blends else 0
        fades = film.transition == "crossfade" and segment.first_frame == 0
        return (
            {
                "aim": asdict(aims[position]),
                "lead_in": segment.is_lead_in,
                "first_frame": segment.first_frame,
                "class_frames": segment.class_frames if self.motion.easing != "linear" else None,
                "fade": min(transition_frames(film), segment.frames - 1) if fades else None,
                "blend": [blended, asdict(aims[position - 1])] if blended else None,
            }
            | ({"start": file.digest} if file else {})
            | moving
        )

    def _shows_file(self, segment: Segment, chain: Sequence[Segment]) -> bool:
        """Whether frames of a segment follow from the file of their target, and not from the frames before alone."""
        start = self.start
        follows = segment.number > chain[0].number
        return start.moves or start.held > 0 or start.masked is not None or self.begins_fresh(segment, follows=follows)

    @cached_property
    def _constant(self) -> FilmValues:
        return FilmValues(self.dream, self.motion, self.film.forget)


class StillRecipe(Recipe):
    """What fresh stills are made from, without text."""

    dream: AscentSettings
    stills: StillFormat
    run: StillRun

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a still in pixels."""
        return self.stills.height, self.stills.width

    def _told(self) -> dict[str, Any]:
        data = super()._told()
        format_ = data["stills"]
        if self.stills.variants == 1:
            del format_["variants"], format_["diversity"]
        return data

    def at(self, aim: Aim, step: int) -> AscentSettings:  # noqa: ARG002
        """What holds for the still of a target in a step; every step of every picture asks for it."""
        return self._constant

    @cached_property
    def _constant(self) -> AscentSettings:
        return self.dream.for_side(min(self.size))


def film_recipe(
    settings: Settings,
    targets: Sequence[Target],
    network: dict[str, Any],
    files: Mapping[str, StartFile] = MappingProxyType({}),
    decoder: str | None = None,
    times: Times | None = None,
) -> FilmRecipe:
    """Take from settings what a film's frames are made from.

    Args:
        settings: All settings, in which `auto` has been replaced by what it stands for; see `Chosen.fill_in`.
        targets: The selected targets in the order of the film.
        network: What `NetworkSource.identity` says.
        files: The files that pictures begin with, by target.
        decoder: What `ParameterizationKind.identity` says.
        times: When the classes begin, where they are not equally long; see `class_times`.
    """
    return FilmRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        film=_part(DreamedFilm, settings.film),
        times=times,
        motion=settings.motion,
        dream=_part(FilmAscent, settings.dream),
        run=_part(FilmRun, settings.run),
    )


def still_recipe(
    settings: Settings,
    targets: Sequence[Target],
    network: dict[str, Any],
    files: Mapping[str, StartFile] = MappingProxyType({}),
    decoder: str | None = None,
) -> StillRecipe:
    """Take from settings what fresh stills are made from; the arguments are those of `film_recipe`."""
    return StillRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        dream=_part(AscentSettings, settings.dream).for_fresh(),
        stills=_part(StillFormat, settings.stills),
        run=_part(StillRun, settings.run),
    )


def flatten(data: Mapping[str, Any] | Section, prefix: str = "") -> dict[str, Any]:
    """Plain values by dotted key, such as `film.width`; lists are values, unless they are of mappings."""
    if isinstance(data, Section):
        data = data.model_dump(mode="json")
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flatten_value(f"{prefix}{key}", value)
    return flat


def _flatten_value(key: str, value: Any) -> dict[str, Any]:
    match value:
        case dict():
            return flatten(value, f"{key}.")
        case [dict(), *_]:
            parts = [flatten(one, f"{key}[{number}].") for number, one in enumerate(value)]
            return {below: leaf for part in parts for below, leaf in part.items()}
        case _:
            return {key: value}


def _part(part: type[Part], section: Section) -> Part:
    return part(**{name: getattr(section, name) for name in part.model_fields})
