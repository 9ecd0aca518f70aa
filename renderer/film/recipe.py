"""Recipes: frozen objects that hold exactly what the pixels of a film, or of stills, are made from.

The code that makes pixels is given a recipe and nothing else, so whatever can change a pixel is in it, and its digest
tells whether two runs have the same pictures. The names are those of the settings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any, Self, TypeVar, cast

from pydantic import Field

from renderer.common.digests import data_digest
from renderer.common.over_time import Varying
from renderer.common.section import Section, with_values
from renderer.common.value_curves import TIMES, Heard, are_keyframes, silence
from renderer.film.scenes import Pixels, Scene
from renderer.film.times import Times
from renderer.settings.sections import Precision
from renderer.sound.hearing import SoundFile
from renderer.starts import AnyStart
from renderer.starts.start import ALL, FLOW, StartFile
from renderer.targets.target import Aim, Target

Part = TypeVar("Part", bound=Section)


class StillRun(Section):
    """What of the section `run` makes the pixels of stills."""

    seed: int
    precision: Precision
    threads: int
    batch: int


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


def follows_sound(*sections: Section) -> bool:
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


def pixels_of(scenes: Mapping[str, Scene], targets: Sequence[Target], sections: Sequence[str]) -> dict[str, Pixels]:
    """What of scenes makes pixels, of some sections."""
    found = {
        target.key: Pixels(**{name: getattr(scenes[target.key], name) for name in sections})
        for target in targets
        if target.key in scenes
    }
    return {key: pixels for key, pixels in found.items() if pixels != Pixels()}


def part_of(part: type[Part], section: Section) -> Part:
    """What of a section makes pixels."""
    return part(**{name: getattr(section, name) for name in part.model_fields})
