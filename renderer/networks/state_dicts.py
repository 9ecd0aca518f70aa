"""Checkpoints from files that anybody may have written, and what keeps a state dict from fitting a model."""

from __future__ import annotations

import pickle
import re
import zipfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from warnings import catch_warnings

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import safe_globals

from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.networks.checkpoints import quoted, some

UNNEEDED = "num_batches_tracked"
"""BatchNorm's counter serves training alone, and old files are without it."""

_REMEDY = "Save the weights anew with torch.save(model.state_dict(), path) or with safetensors, and name that file."
_LONGEST = 130
"""Most characters of what another library says of a file, and of a path: no line is longer than 300."""

_FOREIGN = re.compile(r"GLOBAL ([\w.]+)")


def read_checkpoint(path: Path) -> object:
    """Read a `.safetensors` file, or else one that torch has saved.

    No code in the file is run, and no more memory is taken than the file is large.

    Raises:
        UserError: The file is missing, or cannot be read.
    """
    if not path.is_file():
        raise UserError(
            f"network.weights: there is no file {shown_path(path)}; relative paths are taken from "
            f"{shown_path(Path.cwd())}"
        )
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        _refuse_compressed(path)
        # Command lines are kept in many checkpoints. Nothing but names and values comes of them.
        with safe_globals([Namespace]), catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A file that is cut or changed leads to errors of many kinds.
        raise _unreadable(path, error) from error


def fault(state: Mapping[str, object]) -> str | None:
    """Say in a few words what in a state dict is no plain tensor of real numbers, or None where all are."""
    faults = ((name, _fault(entry)) for name, entry in state.items())
    return next((f"{quoted(name)} is {found}" for name, found in faults if found), None)


def misfit(state: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> str | None:
    """Say in a few words what keeps a state dict from being loaded, or None where it fits.

    Args:
        state: Plain tensors of real numbers.
        model: State dict of the model, perhaps without values.
    """
    missing = [name for name in model if name not in state and not name.endswith(UNNEEDED)]
    unknown = [name for name in state if name not in model]
    other = [name for name in state if name in model and state[name].shape != model[name].shape]
    whole = [name for name in state if name in model and _rounds(state[name], model[name])]
    said = [f"the file is without {some(missing)}"] if missing else []
    said += [f"the model is without {some(unknown)}"] if unknown else []
    said += [_other_shape(other, state, model)] if other else []
    said += [f"{some(whole)}: whole numbers, where the model has others"] if whole else []
    return "; ".join(said) or None


def first_line(error: Exception) -> str:
    """The beginning of what an error says, or its name."""
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__


def shown_path(path: Path) -> str:
    """A path, or its end where it is long."""
    text = str(path)
    return text if len(text) <= _LONGEST else f"...{text[3 - _LONGEST :]}"


def not_state_dict(path: Path, checkpoint: object) -> UserError:
    """The error for a file without any names of tensors."""
    problem = f"it is of type {type(checkpoint).__name__}"
    if isinstance(checkpoint, dict):
        names = [key if isinstance(key, str) else type(key).__name__ for key in checkpoint]
        problem = f"it has {some(names)} instead" if names else "it is empty"
    return UserError(
        f"network.weights: {shown_path(path)} does not hold a state dict (names and tensors): {problem}.\n{_REMEDY}"
    )


def _unreadable(path: Path, error: Exception) -> UserError:
    unpickled = isinstance(error, pickle.UnpicklingError)  # What torch says then advises to run the code in the file.
    if unpickled and (foreign := _FOREIGN.search(str(error))):
        return UserError(
            f"network.weights: {shown_path(path)} holds {quoted(foreign[1])}, which only running its code can read. If "
            "you trust it, save its weights anew in Python:\n"
            f'import torch; c = torch.load({quoted(path.name)}, map_location="cpu", weights_only=False); '
            'm = c.get("model", c.get("state_dict", c)) if isinstance(c, dict) else c\n'
            'torch.save(m if isinstance(m, dict) else m.state_dict(), "weights.pth")'
        )
    reason = "it is no file of torch's, or damaged; is it whole?" if unpickled else f"{first_line(error)}; is it whole?"
    if "TorchScript" in str(error):
        reason = "it is a program, by TorchScript"
    return UserError(f"network.weights: {shown_path(path)} cannot be read: {reason}\n{_REMEDY}")


def _refuse_compressed(path: Path) -> None:
    """Refuse an archive that would be larger in memory; torch itself never compresses."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > path.stat().st_size:
            raise ValueError(f"it is compressed, and would take {unpacked} bytes of memory")


def _fault(value: object) -> str | None:
    """What keeps an entry from being a plain tensor of real numbers."""
    if not isinstance(value, Tensor):
        return f"no tensor, but of type {type(value).__name__}"
    if vars(value):
        return "a tensor with attributes of its own"
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.device.type != "cpu":
        return "a tensor that is sparse, quantized, nested or without values"
    if value.is_complex() or value.dtype == torch.bool:
        return f"a tensor of type {value.dtype}"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "a tensor that is not stored whole (expanded); call contiguous() on it before you save it"
    return None


def _other_shape(names: Sequence[str], state: Mapping[str, Tensor], model: Mapping[str, Tensor]) -> str:
    """The first of some tensors that are of other shapes, and how many more there are."""
    found, expected = (shortened(str(tuple(tensors[names[0]].shape))) for tensors in (state, model))
    more = f", and so are {len(names) - 1} more" if len(names) > 1 else ""
    return f"{quoted(names[0])} is of shape {found}, not {expected} as in the model{more}"


def _rounds(tensor: Tensor, wanted: Tensor) -> bool:
    return wanted.is_floating_point() and not tensor.is_floating_point()
