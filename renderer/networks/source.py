"""Where a network comes from: the interface of all sources."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file
from renderer.common.section import Section
from renderer.targets.class_outputs import ClassOutputs
from renderer.targets.kinds import AnyTargets
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.networks.network import Loaded


class NetworkSource(Section):
    """One kind of source; its fields are what the settings say of the network.

    To add a source, write a module in `renderer/networks/sources` with a subclass that has a field `source`, and name
    it in `renderer/networks/sources/__init__.py`. What needs torch is imported where it is used: settings are read
    without it.
    """

    source: str
    targets: AnyTargets = ClassOutputs()

    @property
    @abstractmethod
    def label(self) -> str:
        """What the network is called, in a word."""

    @classmethod
    def family(cls, said: Mapping[str, Any]) -> str:
        """By what the recipe is found that suits the network: how it begins is looked up in `families.yaml`.

        Args:
            said: What the settings say of the network, plain and not checked yet.
        """
        name = cls.model_fields["name"].default if "name" in cls.model_fields else cls.model_fields["source"].default
        return str(said.get("name") or name)

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

    @abstractmethod
    def class_list(self) -> tuple[Target, ...]:
        """The classes that its outputs stand for, by index; the network is not loaded.

        Raises:
            UserError: The list cannot be read.
        """

    def files(self) -> Mapping[str, Path]:
        """The files that the pixels depend on, by the key of the setting that names them, such as `network.weights`."""
        return {}

    def identity(self) -> dict[str, Any]:
        """What tells the network from all others, wherever its files lie: equal for two that compute the same.

        Raises:
            UserError: A file is missing.
        """
        named = {"source": self.source, "name": self.label}
        digests = {key.removeprefix("network."): file_digest(path) for key, path in self.existing_files().items()}
        return named | digests | {"targets": self.targets.model_dump(mode="json")}

    def existing_files(self) -> Mapping[str, Path]:
        """As `files`; raises UserError where one is missing."""
        files = self.files()
        for key, path in files.items():
            if not is_ordinary_file(path):
                raise UserError(f"{key}: there is no file {path}; relative paths are taken from {Path.cwd()}")
        return files

    def describe(self) -> dict[str, Any]:
        """What is said of the network in `atlas.json`."""
        return {"source": self.source, "name": self.label, "weights": None}

    def with_absolute_paths(self) -> Self:
        """The same, but its paths mean the same from every folder."""
        return self

    def channels(self, layer: str) -> int:
        """How many channels a layer has; the network is loaded.

        Raises:
            UserError: It has no such layer, or cannot be loaded.
        """
        return _count_channels(self, layer)

    def known_targets(self) -> tuple[Target, ...]:
        """All that can be dreamed toward, by index; raises UserError."""
        return self.targets.known(self)


@lru_cache(maxsize=8)
def _count_channels(source: NetworkSource, layer: str) -> int:
    """Kept, since a network takes long to load."""
    from renderer.networks.loaded import load_network  # noqa: PLC0415  torch takes seconds

    return load_network(source).channels(layer)
