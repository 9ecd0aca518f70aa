"""Modules made by functions of the user's own, which settings name as `package.module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from renderer.common.errors import UserError
from renderer.common.wording import listed

if TYPE_CHECKING:
    from torch import nn

FUNCTION = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
"""What such a name looks like."""

_GIVEN: WeakSet[nn.Module] = WeakSet()


@dataclass(frozen=True)
class PythonFunction:
    """A function without arguments that returns a `torch.nn.Module`; it is looked for in the current folder too.

    Attributes:
        name: Its module, a colon, and its name.
        key: The key of the setting that names it, for errors.
    """

    name: str
    key: str

    def files(self) -> Mapping[str, Path]:
        """The file of its module, `module`, and those that this imports from beside it; raises UserError."""
        return {"module": self._module_file()} | self._imported()

    def make(self) -> nn.Module:
        """Call it.

        Raises:
            UserError: There is no such function, it fails, or it returns something else.
        """
        from torch import nn  # noqa: PLC0415  torch takes seconds

        try:
            module = self._function()()
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise UserError(
                f"{self.key}: {self.name} failed ({type(error).__name__}: {error}); try it in Python by itself"
            ) from error
        if not isinstance(module, nn.Module):
            raise UserError(f"{self.key}: {self.name} gave a {type(module).__name__}; return a torch.nn.Module")
        # A function may give the same module again, and each device needs one of its own.
        module = deepcopy(module) if module in _GIVEN else module
        _GIVEN.add(module)
        return module

    def _imported(self) -> dict[str, Path]:
        """Modules of the same folder or package that are imported, by name; found without running anything."""
        name, file = self.name.partition(":")[0], self._module_file()
        depth = name.count(".") + (file.name == "__init__.py")
        finder = ModuleFinder([str(file.absolute().parents[depth])])
        with suppress(SyntaxError, ImportError, OSError):
            finder.import_hook(name)
        found = {key: getattr(module, "__file__", None) for key, module in sorted(finder.modules.items())}
        return {f"module {key}": Path(path) for key, path in found.items() if path and key != name}

    def _module_file(self) -> Path:
        name = self.name.partition(":")[0]
        with _current_folder():
            try:
                spec = find_spec(name)
            except Exception:  # noqa: BLE001  a parent package is run, and may do anything
                spec = None
        if name.endswith(".py"):
            raise UserError(f"{self.key}: write the module without .py: {name.removesuffix('.py')}:FUNCTION")
        if spec is None or spec.origin is None:
            raise UserError(
                f"{self.key}: there is no Python module {name}; install it, or run from the folder that it lies in "
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
            raise UserError(f"{self.key}: {name} has no function {function}; it has {listed(own) or 'none'}")
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
