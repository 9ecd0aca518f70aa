"""The classification networks of torchvision, with weights by name or from a local file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Protocol
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, either, nearest, shortened
from renderer.networks.architectures import Fitting, architecture_names, fit, fitting_names, with_random_weights
from renderer.networks.checkpoints import parts
from renderer.networks.folding import fold_normalization
from renderer.networks.network import Loaded, Preprocessing
from renderer.networks.shortcuts import residual_branches
from renderer.networks.state_dicts import first_line, not_state_dict, read_checkpoint, shown_path

_LOG = logging.getLogger(__name__)
_LONGEST_LINE = 300  # Characters.


class _Presets(Protocol):
    crop_size: list[int]
    mean: list[float]
    std: list[float]


def model_choices() -> list[dict[str, str]]:
    """Each model with the names of its weights."""
    return [{"name": name, "weights": ", ".join(weights_names(name))} for name in architecture_names()]


def weights_names(model: str) -> list[str]:
    """Names of torchvision's weights for a model; none where it has no such model."""
    return list(models.get_model_weights(model).__members__) if model in architecture_names() else []


def original_name(model: str, weights: str) -> str:
    """The name that another one of the same weights, such as `DEFAULT`, stands for; itself where there are none."""
    return str(_named_weights(model, weights).name) if weights in weights_names(model) else weights


def load_torchvision(name: str, weights: str, path: Path | None, *, folded: bool = False) -> Loaded:
    """Build a model and load its weights.

    Args:
        name: Name of the model.
        weights: Name of torchvision's weights, where they are no file.
        path: The file of the weights, if they are one.
        folded: Make it faster, which changes what some of its convolutions answer; see `fold_normalization`.

    Raises:
        UserError: Model or weights are unknown, cannot be had, or do not fit each other.
    """
    _refuse_unknown(name)
    if path:
        module, preprocessing = _build(name, path)
    else:
        named = _named_weights(name, weights)
        module, preprocessing = _download(name, named), _preprocessing(named)
    if folded:
        fold_normalization(module)
    return Loaded(_revive(module), preprocessing, tuple(residual_branches(module)))


def untrained(name: str) -> Loaded:
    """A model with random weights; raises UserError where there is no such model."""
    _refuse_unknown(name)
    return Loaded(with_random_weights(name), _preprocessing(models.get_model_weights(name).DEFAULT))


def _refuse_unknown(name: str) -> None:
    if name not in architecture_names():
        remedy = did_you_mean(nearest(name, architecture_names())) or "; see `neuron-atlas networks`"
        raise UserError(f"network.name: torchvision has no classification model '{name}'{remedy}")


def download_path(weights: WeightsEnum) -> Path:
    """Where torch keeps, and looks for, the downloaded file of a set of weights."""
    url: str = weights.url
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _named_weights(model: str, name: str) -> WeightsEnum:
    if name not in weights_names(model):
        names = ", ".join(weights_names(model))
        raise UserError(
            f"network.weights: {model} has no weights '{name}'; use one of {names}, or a file (.safetensors, .pth, "
            ".pt, .ckpt or .bin)"
        )
    return models.get_model_weights(model)[name]


def _download(name: str, weights: WeightsEnum) -> nn.Module:
    try:
        module: nn.Module = models.get_model(name, weights=weights, progress=True)
    except (URLError, OSError, RuntimeError, EOFError, ValueError, LookupError, UnpicklingError) as error:
        raise UserError(
            f"network.weights: the weights of {name} could not be downloaded or read ({first_line(error)}).\n"
            f"Fetch {weights.url}\n"
            f"and place it at {download_path(weights)}\n"
            f"or say where the file is: --set network.weights=/path/to/{download_path(weights).name}"
        ) from error
    return module


def _origin(model: str, path: Path) -> WeightsEnum:
    """The published weights that a file is by its name, or else those that the model has by default."""
    known = models.get_model_weights(model)
    return next((weights for weights in known if weights.url.endswith(f"/{path.name}")), known.DEFAULT)


def _preprocessing(weights: WeightsEnum) -> Preprocessing:
    presets: _Presets = weights.transforms()
    red, green, blue = presets.mean
    red_std, green_std, blue_std = presets.std
    return Preprocessing(presets.crop_size[0], (red, green, blue), (red_std, green_std, blue_std))


def _build(name: str, path: Path) -> tuple[nn.Module, Preprocessing]:
    """Build the model for as many classes, and for pictures as large, as the weights in the file are for."""
    checkpoint = read_checkpoint(path)
    found = parts(checkpoint)
    if not found:
        raise not_state_dict(path, checkpoint)
    fitting = fit(name, found)
    if fitting.problem:
        raise _not_fitting(path, fitting, fitting_names(found))
    try:
        module = fitting.build()
    except RuntimeError as error:
        raise UserError(
            f"network.weights: {shown_path(path)} cannot be loaded into network.name {name} ({first_line(error)})"
        ) from error
    if fitting.taken.described:
        _tell(f"weights {shown_path(path)}: took {fitting.taken.described}")
    preprocessing = _preprocessing(_origin(name, path))
    return module, replace(preprocessing, size=fitting.picture_side or preprocessing.size)


def _not_fitting(path: Path, fitting: Fitting, others: Sequence[str]) -> UserError:
    """Say what does not fit, and what would, in three lines of bounded length."""
    remedy = (
        f"No architecture of torchvision fits it: name a file with weights of {fitting.name}, or see docs/networks.md."
    )
    if others:
        remedy = f"It fits {either(others)}: set network.name={others[0]}."
    begin = f"network.weights: {shown_path(path)} does not fit network.name {fitting.name}:"
    return UserError("\n".join([begin, shortened(f"{fitting.problem}.", _LONGEST_LINE), remedy]))


@cache
def _tell(text: str) -> None:
    """Say something once, however often the weights are loaded."""
    _LOG.warning("%s", text)


class _PassingReLU(nn.Module):
    """ReLU that lets the gradient through where the output is 0, so that no class is dead from the start."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (x.relu() - x).detach()


def _revive(module: nn.Module) -> nn.Module:
    """SqueezeNet ends in a ReLU: a class that a picture does not excite yet would have no gradient at all."""
    if isinstance(module, models.SqueezeNet):
        module.classifier[2] = _PassingReLU()
    return module
