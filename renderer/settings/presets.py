"""What lies below the user's own settings: what suits the family of the network, and over it the preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from renderer.networks.source import NetworkSource
from renderer.networks.sources import SOURCES
from renderer.settings.sections import Settings
from renderer.settings.yaml_source import Marked, parse_yaml
from renderer.starts import STARTS

_TOGETHER = "companions"
_START_PLACE = "what suits the film that it starts from"
_PATH_PLACE = "what suits motion.path"
_REST = {"zoom": 1.0, "rotate": 0.0}


@dataclass(frozen=True)
class Layer:
    """Some settings that are chosen together.

    Attributes:
        name: A preset's or a family's name.
        description: What it is, in Markdown.
        dream: Some keys of the section `dream`, as in a configuration; a part that is of one of several kinds names it.
        networks: Of a family: `embedded`, or how the torchvision names of its networks begin.
    """

    name: str
    description: str
    dream: Mapping[str, Any]
    networks: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """What stands for it in messages."""
        return f"dream.preset {self.name}" if self.name in presets() else f"the defaults for {self.name}"

    @property
    def tree(self) -> Marked:
        """Its settings, whole."""
        return _marked({"dream": self.dream}, self.place)


@cache
def presets() -> Mapping[str, Layer]:
    """The looks that `dream.preset` names."""
    return _read("presets.yaml")


@cache
def families() -> Mapping[str, Layer]:
    """What suits networks that are alike."""
    return _read("families.yaml")


def family_of(network: str) -> Layer | None:
    """The family of a network by what `NetworkSource.family` says; None where there is none."""
    return next((family for family in families().values() if network and network.startswith(family.networks)), None)


def layers_below(said: Any) -> list[Layer]:
    """What lies below settings, lowest first.

    Args:
        said: What the file and the command line say, plain and not checked yet.
    """
    network = _at(said, "network")
    family = family_of(_family_key(network))
    together = families()[_TOGETHER] if _at(network, "companions") else None
    preset = _at(_at(said, "dream"), "preset")
    return [layer for layer in (family, together, presets().get(str(preset))) if layer]


def suiting_start(said: Any) -> Marked:
    """What suits the start that settings name; it lies over presets. Raises UserError for a file that is none.

    Args:
        said: What the file and the command line say, plain and not checked yet.
    """
    wanted = _at(_at(said, "start"), "kind")
    found = next((kind for kind in STARTS if kind.model_fields["kind"].default == wanted), None)
    return _marked(found.suits(said) if found else {}, _START_PLACE)


def suiting_path(said: Any) -> Marked:
    """What suits a path of the camera, if there is one: nothing else moves it; lies over what suits the start.

    Args:
        said: What the file and the command line say, plain and not checked yet.
    """
    path = _at(_at(said, "motion"), "path")
    return _marked({"motion": _REST} if path is not None else {}, _PATH_PLACE)


def is_layer(place: str) -> bool:
    """Whether a place is a preset, a family or what suits other settings, not the user's own."""
    layers = (*presets().values(), *families().values())
    return place in {_START_PLACE, _PATH_PLACE} or any(layer.place == place for layer in layers)


def kind_of_network(said: Mapping[str, Any]) -> type[NetworkSource] | None:
    """The source that settings name; None where there is no such source."""
    wanted = said.get("source") or Settings().network.source
    return next((source for source in SOURCES if source.model_fields["source"].default == wanted), None)


def _family_key(section: Any) -> str:
    """By what a network's family is found."""
    said = section if isinstance(section, dict) else {}
    found = kind_of_network(said)
    return found.family(said) if found else ""


def _at(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _read(name: str) -> Mapping[str, Layer]:
    text = (files("renderer.settings") / name).read_text(encoding="utf-8")
    layers = parse_yaml(text, lambda line: f"{name}:{line}").plain()
    return {
        key: Layer(key, layer["description"], layer["dream"], tuple(layer.get("networks", ())))
        for key, layer in layers.items()
    }


def _marked(value: Any, place: str) -> Marked:
    match value:
        case dict():
            return Marked({key: _marked(below, place) for key, below in value.items()}, place)
        case list():
            return Marked([_marked(entry, place) for entry in value], place)
        case _:
            return Marked(value, place)
