"""State dicts from files that anybody may have written, and what keeps one from fitting a model."""

from __future__ import annotations

import pickle
import reprlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from renderer.common.errors import UserError

_WRAPPERS = ("state_dict", "model")  # Under these names, checkpoints hold the state dict among other things.
_REMEDY = "Save the weights anew with torch.save(model.state_dict(), path) or with safetensors, and name that file."
_LONGEST = 160
"""Most characters of what another library says of a file."""

_SHORTENER = reprlib.Repr()
_SHORTENER.maxstring = _SHORTENER.maxother = 80


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read names and tensors from a `.safetensors` file, or else from one that torch has saved.

    No code in the file is run, and no more memory is taken than the file is large. All tensors are plain ones of real
    numbers. The prefix `module.`, which training on several devices gives to the names, is taken off.

    Raises:
        UserError: The file is missing, cannot be read, or holds something else.
    """
    if not path.is_file():
        raise UserError(f"network.weights: there is no file {path}; relative paths are taken from {Path.cwd()}")
    state = _unwrapped(_read(path))
    if not isinstance(state, dict):
        raise _not_state_dict(path, f"it is of type {type(state).__name__}")
    for name, value in state.items():
        if fault := _fault(name, value):
            raise _not_state_dict(path, f"{_short(name)} is {fault}")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def misfit(state: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> str | None:
    """Say in a few words what keeps a state dict from being loaded, or None where it fits.

    Args:
        state: What `read_state_dict` gives.
        model: State dict of the model, perhaps on the meta device.
    """
    # BatchNorm's counter serves training alone, and old files are without it.
    missing = [name for name in model if name not in state and not name.endswith("num_batches_tracked")]
    unknown = [name for name in state if name not in model]
    if missing or unknown:
        lacks = [f"the file is without {_some(missing)}"] if missing else []
        has = [f"the model is without {_some(unknown)}"] if unknown else []
        return "; ".join(lacks + has)
    for name, tensor in state.items():
        if tensor.shape != model[name].shape:
            return f"{name} is of shape {_short(tuple(tensor.shape))}, in the model of {tuple(model[name].shape)}"
        if model[name].is_floating_point() and not tensor.is_floating_point():
            return f"{name} holds numbers of type {tensor.dtype}, in the model of {model[name].dtype}"
    return None


def first_line(error: Exception) -> str:
    """The beginning of what an error says, or its name."""
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__


def _read(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        _refuse_compressed(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A file that is cut or changed leads to errors of many kinds.
        # What torch says of unknown classes advises to run the code in the file.
        unsafe = isinstance(error, pickle.UnpicklingError)
        reason = "it is damaged, or more than a plain state dict" if unsafe else first_line(error)
        raise UserError(f"network.weights: {path} cannot be read ({reason}); is it whole?\n{_REMEDY}") from error


def _refuse_compressed(path: Path) -> None:
    """Refuse an archive that would be larger in memory; torch itself never compresses."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > path.stat().st_size:
            raise ValueError(f"it is compressed, and would take {unpacked} bytes of memory")


def _unwrapped(state: object) -> object:
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    return state


def _not_state_dict(path: Path, problem: str) -> UserError:
    return UserError(f"network.weights: {path} does not hold a state dict (names and tensors): {problem}.\n{_REMEDY}")


def _fault(name: object, value: object) -> str | None:
    """What keeps an entry from being the name of a plain tensor of real numbers."""
    if not isinstance(name, str):
        return "no name"
    if not isinstance(value, Tensor):
        return f"of type {type(value).__name__}"
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.device.type != "cpu":
        return "a tensor that is sparse, quantized, nested or without values"
    if value.is_complex() or value.dtype == torch.bool:
        return f"a tensor of type {value.dtype}"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "a tensor that is not stored whole (expanded); call contiguous() on it before you save it"
    return None


def _some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return _short(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _short(value: object) -> str:
    return _SHORTENER.repr(value)
