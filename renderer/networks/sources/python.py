"""A network of the user's own, made by a Python function."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from importlib.util import find_spec
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from weakref import WeakSet

from pydantic import Field

from renderer.common.errors import UserError
from renderer.common.wording import listed
from renderer.networks.listed_source import OwnNetwork

if TYPE_CHECKING:
    from torch import nn

    from renderer.networks.network import Loaded

_GIVEN: WeakSet[nn.Module] = WeakSet()


class PythonNetwork(OwnNetwork):
    """A network of your own: a Python function without arguments that returns a `torch.nn.Module`.

    The module takes batch x channels x size x size pictures, made as `input` says, and gives batch x classes outputs
    before the softmax. It is looked for in the current folder too. The function is run: name only what you
    trust.
    """

    source: Literal["python"] = Field("python", description="Where the network comes from.")
    name: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
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
        read = {f"network.reads[{number}]": path for number, path in enumerate(self.reads)}
        return {"network.module": self._module_file()} | self._imported() | read

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of all files."""
        reads = tuple(path.absolute() for path in self.reads)
        return super().with_own_absolute_paths().model_copy(update={"reads": reads})

    def load(self) -> Loaded:
        """Call the function."""
        from torch import nn  # noqa: PLC0415  torch takes seconds

        from renderer.networks.memory_formats import suitable_memory_format  # noqa: PLC0415
        from renderer.networks.network import Loaded  # noqa: PLC0415
        from renderer.networks.shortcuts import residual_branches  # noqa: PLC0415

        try:
            module = self._function()()
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise UserError(
                f"network.name: {self.name} failed ({type(error).__name__}: {error}); try it in Python by itself"
            ) from error
        if not isinstance(module, nn.Module):
            raise UserError(f"network.name: {self.name} gave a {type(module).__name__}; return a torch.nn.Module")
        # A function may give the same module again, and each device needs one of its own.
        module = deepcopy(module) if module in _GIVEN else module
        _GIVEN.add(module)
        preprocessing, branches = self.preprocessing, tuple(residual_branches(module))
        return Loaded(module, preprocessing, branches, suitable_memory_format(module, preprocessing))

    def _imported(self) -> dict[str, Path]:
        """Modules of the same folder or package that are imported, by name; found without running anything."""
        name, file = self.name.partition(":")[0], self._module_file()
        depth = name.count(".") + (file.name == "__init__.py")
        finder = ModuleFinder([str(file.absolute().parents[depth])])
        with suppress(SyntaxError, ImportError, OSError):
            finder.import_hook(name)
        found = {key: getattr(module, "__file__", None) for key, module in sorted(finder.modules.items())}
        return {f"network.module {key}": Path(path) for key, path in found.items() if path and key != name}

    def _module_file(self) -> Path:
        name = self.name.partition(":")[0]
        with _current_folder():
            try:
                spec = find_spec(name)
            except Exception:  # noqa: BLE001  a parent package is run, and may do anything
                spec = None
        if name.endswith(".py"):
            raise UserError(f"network.name: write the module without .py: {name.removesuffix('.py')}:FUNCTION")
        if spec is None or spec.origin is None:
            raise UserError(
                f"network.name: there is no Python module {name}; install it, or run from the folder that it lies in "
                f"(this is {Path.cwd()})"
            )
        return Path(spec.origin)

    def _function(self) -> Callable[[], object]:
        self._module_file()
        name, _, function = self.name.partition(":")
        with _current_folder():
            module = importlib.import_module(name)
        found: Callable[[], object] | None = getattr(module, function, None)
        if not callable(found):
            own = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            raise UserError(f"network.name: {name} has no function {function}; it has {listed(own) or 'none'}")
        return found


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be found, as `python -m` does."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
