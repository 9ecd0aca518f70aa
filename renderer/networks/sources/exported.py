"""A network of the user's own that was exported to a file: no Python code of it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from renderer.networks.listed_source import OwnNetwork

if TYPE_CHECKING:
    from renderer.networks.network import Loaded


class ExportedNetwork(OwnNetwork):
    """A network of your own in a file of `torch.export.save` (`.pt2`), or of `torch.jit.save` (TorchScript).

    It takes batch x channels x size x size pictures, made as `input` says, and gives batch x classes outputs before the
    softmax. Export it with a free batch size; one that takes a single picture is slower, and has no layers to dream of,
    as TorchScript has none. Such files can run code when they are loaded: name only what you trust.
    """

    source: Literal["exported"] = Field("exported", description="Where the network comes from.")
    file: Path = Field(examples=["network.pt2"], description="The file; relative to the current folder.")

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """A row that says how it is named."""
        return [{"name": "FILE.pt2", "weights": ""}]

    @property
    def label(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    def own_files(self) -> Mapping[str, Path]:
        """The file."""
        return {"network.file": self.file}

    def describe(self) -> dict[str, Any]:
        """With the name of the file."""
        return super().describe() | {"weights": self.file.name}

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of both files."""
        return super().with_own_absolute_paths().model_copy(update={"file": self.file.absolute()})

    def load(self) -> Loaded:
        """Read the file."""
        from renderer.networks.exported_files import load_exported  # noqa: PLC0415  torch takes seconds

        self.alone.existing_files()
        return load_exported(self.file, self.preprocessing)
