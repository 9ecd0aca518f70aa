"""A network of the user's own, made by a Python function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from renderer.networks.listed_source import OwnNetwork
from renderer.networks.python_functions import FUNCTION, PythonFunction

if TYPE_CHECKING:
    from renderer.networks.network import Loaded


class PythonNetwork(OwnNetwork):
    """A network of your own: a Python function without arguments that returns a `torch.nn.Module`.

    The module takes batch x channels x size x size pictures, made as `input` says, and gives batch x classes outputs
    before the softmax. It is looked for in the current folder too. The function is run: name only what you
    trust.
    """

    source: Literal["python"] = Field("python", description="Where the network comes from.")
    name: str = Field(
        pattern=FUNCTION,
        examples=["package.module:function"],
        description="The function: its module, a colon, and its name.",
    )
    reads: tuple[Path, ...] = Field(
        (),
        max_length=100,
        description="Files that the function reads, such as its weights: where one of them changes, a run is not "
        "continued with other pictures. Modules of the same folder or package that are imported count by themselves.",
    )

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """A row that says how it is named."""
        return [{"name": "MODULE:FUNCTION", "weights": ""}]

    @property
    def label(self) -> str:
        """The function's name."""
        return self.name

    def own_files(self) -> Mapping[str, Path]:
        """The file of the module, those that it imports from beside it, and those that it reads."""
        own = {f"network.{key}": path for key, path in self._function.files().items()}
        return own | {f"network.reads[{number}]": path for number, path in enumerate(self.reads)}

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of all files."""
        reads = tuple(path.absolute() for path in self.reads)
        return super().with_own_absolute_paths().model_copy(update={"reads": reads})

    def load(self) -> Loaded:
        """Call the function."""
        from renderer.networks.memory_formats import suitable_memory_format  # noqa: PLC0415  torch takes seconds
        from renderer.networks.network import Loaded  # noqa: PLC0415
        from renderer.networks.shortcuts import residual_branches  # noqa: PLC0415

        module, preprocessing = self._function.make(), self.preprocessing
        branches = tuple(residual_branches(module))
        return Loaded(module, preprocessing, branches, suitable_memory_format(module, preprocessing))

    @property
    def _function(self) -> PythonFunction:
        return PythonFunction(self.name, "network.name")
