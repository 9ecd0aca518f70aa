"""Where a network comes from: the interface of all sources."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from pydantic import Field, field_validator, model_validator

from renderer.common.digests import data_digest, file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.common.section import Section
from renderer.common.wording import together
from renderer.targets.class_outputs import ClassOutputs
from renderer.targets.kinds import AnyTargets
from renderer.targets.matching import match_classes
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.networks.network import Loaded

    AnyNetwork: TypeAlias = "NetworkSource"

_SECTION = "network."
FILE_ADVICE = re.compile(r"(or|and) say where the file is: --set network\.(\w+)=(\S+)")
"""What messages about a missing file end with, where `--set` can be said: `or` or `and`, the key, and the file."""
# A list is set as a whole, so `--set` does not reach what is in it.
_OF_COMPANIONS = (
    (FILE_ADVICE, r"or write \2: \3 into the mapping of the companion in a configuration of your own"),
    (re.compile(r"set network\.(\w+)=(\S+?)(?=[.,;]?(?:\s|$))"), r"write \1: \2 into the companion's mapping"),
    (re.compile(r"set network\.([\w.]+) to "), r"in the companion's mapping set \1 to "),
)
"""Advice as messages give it, and what it is for a companion."""
_MOST_COMPANIONS = 15

Made = TypeVar("Made")


class NetworkSource(Section):
    """One kind of source; its fields are what the settings say of the network.

    To add a source, write a module in `renderer/networks/sources` with a subclass that has a field `source`, and name
    it in `renderer/networks/sources/__init__.py`. What needs torch is imported where it is used: settings are read
    without it.
    """

    source: str
    targets: AnyTargets = ClassOutputs()
    # Any of the sources; they are known where they are all named, and the models complete from then on.
    companions: tuple[AnyNetwork, ...] = Field(
        (),
        max_length=_MOST_COMPANIONS,
        description="Further networks with the same classes, each a mapping like `network` itself. They take turns "
        "with it from step to step (or see `dream.together`): what several agree on, others and people recognize. The "
        "first network names the classes, scores and orders; a class that a companion does not know is dreamed without "
        "it.",
    )

    @field_validator("companions")
    @classmethod
    def _have_none_themselves(cls, companions: tuple[NetworkSource, ...]) -> tuple[NetworkSource, ...]:
        for number, companion in enumerate(companions):
            if companion.companions:
                raise ValueError(f"entry {number} has companions itself; write all of them into one list")
            if companion.targets != ClassOutputs():
                raise ValueError(f"entry {number} has targets; the first network's are dreamed by all")
        return companions

    @model_validator(mode="after")
    def _dream_of_classes_together(self) -> Self:
        if self.companions and self.targets != ClassOutputs():
            raise ValueError(
                f"companions can dream of classes only, not of {self.targets.model_dump(mode='json')['kind']}; remove "
                "network.companions or network.targets"
            )
        return self

    @property
    @abstractmethod
    def label(self) -> str:
        """What the network is called, in a word."""

    @property
    def architecture(self) -> str | None:
        """What it has in common with networks of other weights; None where that is not known."""
        return None

    @classmethod
    def family(cls, said: Mapping[str, Any]) -> str:
        """By what the recipe is found that suits the network: how it begins is looked up in `families.yaml`.

        Args:
            said: What the settings say of the network, plain and not checked yet.
        """
        name = cls.model_fields["name"].default if "name" in cls.model_fields else cls.model_fields["source"].default
        return str(said.get("name") or name)

    @classmethod
    def bound_keys(cls, said: Mapping[str, Any], name: str) -> Sequence[str]:  # noqa: ARG003
        """Which keys belong to the network that is said alone, and go when another one is named in its place.

        Args:
            said: What the settings say of the network, plain and not checked yet.
            name: The other one's.
        """
        return ()

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """What the command `networks` lists of this source: a row with `name` and `weights` for each network."""
        return [{"name": "", "weights": ""}]

    @abstractmethod
    def load(self) -> Loaded:
        """Load the network; torch is needed.

        Raises:
            UserError: It cannot be had.
        """

    def load_shape(self) -> Loaded:
        """The network, of which only the shape is of interest: weights that would have to be fetched may be any."""
        return self.load()

    @abstractmethod
    def class_list(self) -> tuple[Target, ...]:
        """The classes that its outputs stand for, by index; the network is loaded only if `is_counted`.

        Raises:
            UserError: The list cannot be read, or the network cannot be loaded.
        """

    def classes_of(self, outputs: int | None) -> tuple[Target, ...]:  # noqa: ARG002
        """The same where the network has so many outputs, None if that is not known: it is never loaded."""
        return self.class_list()

    @property
    def is_counted(self) -> bool:
        """Whether only the network's outputs tell its classes."""
        return False

    def own_files(self) -> Mapping[str, Path]:
        """The files that its pixels depend on, by the key of the setting that names them, such as `network.weights`."""
        return {}

    def files(self) -> Mapping[str, Path]:
        """With those of its companions, such as `network.companions[0].weights`."""
        found = {**self.own_files(), **self.files_of_targets()}
        for number, files in enumerate(self.of_companions(lambda companion: companion.own_files())):
            found |= {_companion_key(number, key): path for key, path in files.items()}
        return found

    @property
    def alone(self) -> Self:
        """The same without companions."""
        return self.model_copy(update={"companions": ()})

    def of_companions(self, ask: Callable[[NetworkSource], Made]) -> list[Made]:
        """What a function gives for each companion; errors name it as the settings do."""
        made = []
        for number, companion in enumerate(self.companions):
            with _of_companion(number, companion):
                made.append(ask(companion))
        return made

    def identity(self) -> dict[str, Any]:
        """What tells the network from all others, wherever its files lie: equal for two that compute the same.

        Raises:
            UserError: A file is missing.
        """
        named = {"source": self.source, "name": self.label}
        files = self.alone.existing_files()
        digests = {key.removeprefix(_SECTION): file_digest(path) for key, path in files.items()}
        told = named | digests | {"targets": self.targets.identity()}
        companions = self.of_companions(lambda companion: companion.identity() | self._matching(companion))
        return told | ({"companions": companions} if companions else {})

    def matches(self, companion: NetworkSource) -> dict[int, int]:
        """Index in a companion's class list by index in the own one, for the classes that are in both.

        Raises:
            UserError: None are in both, or a list cannot be read.
        """
        own = self.class_list()
        found = match_classes(own, companion.class_list())
        if not found:
            raise UserError(
                f"network.classes: {companion.label} knows none of the classes ({own[0].title}, ...), neither by wnid "
                "nor by title; choose a companion that does, or give it their names"
            )
        return found

    def _matching(self, companion: NetworkSource) -> dict[str, str]:
        """Tells which classes are which: lists can change without a weight changing."""
        return {"classes": data_digest(sorted(self.matches(companion).items()))}

    def files_of_targets(self) -> dict[str, Path]:
        """The files that its targets depend on, by the key of the setting that names them."""
        return {f"{_SECTION}targets.{key}": path for key, path in self.targets.files().items()}

    @property
    def remedy(self) -> str:
        """What to do where one of its own files is missing; ends a message."""
        return ""

    def existing_files(self) -> Mapping[str, Path]:
        """As `files`; raises UserError where one is missing."""
        own, told = self.own_files(), self.files_of_targets()
        for key, path in {**own, **told}.items():
            if not is_ordinary_file(path):
                remedy = self.remedy if key in own else ""
                raise UserError(f"{key}: {no_such_file(path)}{remedy}")
        self.of_companions(lambda companion: companion.existing_files())
        return self.files()

    def describe(self) -> dict[str, Any]:
        """What is said of the network in `atlas.json`."""
        companions = [companion.describe() for companion in self.companions]
        return {"source": self.source, "name": self.label, "weights": None} | (
            {"companions": companions} if companions else {}
        )

    @property
    def names(self) -> str:
        """The names of all that dream, such as `squeezenet1_1, resnet18 and mobilenet_v2`."""
        return together([self.label, *(companion.label for companion in self.companions)])

    def with_own_absolute_paths(self) -> Self:
        """The same, but its own paths mean the same from every folder."""
        return self

    def with_absolute_paths(self) -> Self:
        """With those of its companions."""
        companions = tuple(companion.with_own_absolute_paths() for companion in self.companions)
        changed = {"companions": companions, "targets": self.targets.with_absolute_paths()}
        return self.with_own_absolute_paths().model_copy(update=changed)

    def channels(self, layer: str) -> int:
        """How many channels a layer has; the network is loaded.

        Raises:
            UserError: It has no such layer, or cannot be loaded.
        """
        counted = _channels_by_layer(self.alone)
        if layer in counted:
            return counted[layer]
        from renderer.networks.loaded import count_channels  # noqa: PLC0415  torch takes seconds

        return count_channels(self.alone, layer)  # one that works several times, or says why it cannot be dreamed of

    @property
    def needs_network(self) -> bool:
        """Whether the network has to be loaded for its targets to be listed."""
        return self.targets.needs_network

    def known_targets(self) -> tuple[Target, ...]:
        """All that can be dreamed toward, by index; raises UserError."""
        return self.targets.known(self)


@lru_cache(maxsize=8)
def _channels_by_layer(source: NetworkSource) -> Mapping[str, int]:
    """Of the outputs and all layers; kept, since a network takes long to load."""
    from renderer.networks.loaded import channels_by_layer  # noqa: PLC0415  torch takes seconds

    return channels_by_layer(source)


def _companion_key(number: int, key: str) -> str:
    return f"network.companions[{number}].{key.removeprefix(_SECTION)}"


@contextmanager
def _of_companion(number: int, companion: NetworkSource) -> Iterator[None]:
    """Errors name a companion's keys as they are in the settings."""
    keys = "|".join([*type(companion).model_fields, "module"])
    key = re.compile(rf"(?<![\w./\\])network\.(?=({keys})\b)")  # and not what is called so in a path
    try:
        yield
    except UserError as error:
        advised = reduce(lambda text, advice: advice[0].sub(advice[1], text), _OF_COMPANIONS, str(error))
        said = key.sub(_companion_key(number, ""), advised)
        begun = said if key.match(str(error)) else f"network.companions[{number}]: {said.removeprefix('network: ')}"
        raise UserError(begun) from error
