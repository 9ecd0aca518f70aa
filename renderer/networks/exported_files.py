"""Networks from the files of `torch.export` and TorchScript."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from renderer.common.errors import UserError
from renderer.networks.network import Loaded, Preprocessing
from renderer.networks.state_dicts import first_line


def load_exported(path: Path, preprocessing: Preprocessing) -> Loaded:
    """Load a network from a file.

    Args:
        path: `.pt2` of `torch.export.save`; any other ending stands for TorchScript.
        preprocessing: What the network expects of a picture.

    Raises:
        UserError: The file holds no network, or one that takes other pictures.
    """
    module = read_module(path, "network.file")
    # What was exported may look at pictures in the order of memory that it was exported with.
    any_batch = _for_any_batch(module, path, preprocessing)
    return Loaded(any_batch, preprocessing, memory_format=torch.contiguous_format, keeps_float32=True)


def read_module(path: Path, key: str) -> nn.Module:
    """Read a module, which is then frozen.

    Args:
        path: `.pt2` of `torch.export.save`; any other ending stands for TorchScript.
        key: The key of the setting that names it, for errors.

    Raises:
        UserError: The file holds none.
    """
    load = _program if path.suffix.lower() == ".pt2" else _script
    try:
        module = load(path)
    except Exception as error:  # A file that is cut or of another kind leads to errors of many kinds.
        raise UserError(
            f"{key}: {path} cannot be loaded ({first_line(error)}); write it with torch.export.save, ending in .pt2, "
            "or with torch.jit.save"
        ) from error
    return module.requires_grad_(requires_grad=False)


class _Enclosed(nn.Module):
    """Keeps a module out of sight of hooks: one whose layers cannot be looked at."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._held = (module,)

    def forward(self, pictures: Tensor) -> Tensor:
        answers: Tensor = self._held[0](pictures)
        return answers

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:  # noqa: FBT001, FBT002  as torch has it
        return self._held[0].parameters(recurse)

    def requires_grad_(self, requires_grad: bool = True) -> Self:  # noqa: FBT001, FBT002  as torch has it
        for parameter in self._held[0].parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # noqa: FBT001, FBT002
        self._held[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


class _OneByOne(_Enclosed):
    """For a network that takes a single picture."""

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([super(_OneByOne, self).forward(picture[None]) for picture in pictures])


def _program(path: Path) -> nn.Module:
    module: nn.Module = torch.export.unflatten(torch.export.load(path))
    for part in module.modules():
        graph: Any = getattr(part, "graph", None)
        for node in graph.nodes if graph is not None else ():
            node.meta.clear()  # Examples of its values, which nothing can copy for another thread.
    return module


def _script(path: Path) -> nn.Module:
    with warnings.catch_warnings(action="ignore"):  # that TorchScript is old
        script = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    return _Enclosed(script.eval())


def _for_any_batch(module: nn.Module, path: Path, preprocessing: Preprocessing) -> nn.Module:
    """The module, or around it what shows it one picture after another."""
    channels, size = len(preprocessing.mean), preprocessing.size
    found = for_any_batch(module, (channels, size, size))
    if isinstance(found, nn.Module):
        return found
    raise UserError(
        f"network.file: {path} does not take pictures of {channels} x {size} x {size}, in any number or one by one "
        f"({first_line(found)}); set network.input.size and network.input.channels to what it was exported with, or "
        "export it with dynamic_shapes, or for a batch of one"
    ) from found


def for_any_batch(module: nn.Module, shape: tuple[int, ...]) -> nn.Module | Exception:
    """A module that takes any number of what has a shape, or what went wrong.

    Args:
        module: The module.
        shape: Of one of them.

    Returns:
        The module itself, or around it what shows it one after another.
    """
    few, more = (torch.zeros(count, *shape) for count in (2, 3))
    failed = _failure(module, few) or _failure(module, more)
    if failed is None:
        return module
    single = _OneByOne(module)
    return single if _failure(single, few) is None else failed


def _failure(module: nn.Module, pictures: Tensor) -> Exception | None:
    try:
        with torch.no_grad():
            module(pictures)
    except Exception as error:  # noqa: BLE001  what a network of the user's does with what it does not expect
        return error
    return None
