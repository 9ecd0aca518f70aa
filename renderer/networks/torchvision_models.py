"""The classification networks of torchvision, with weights by name or from a local file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest
from renderer.networks.folding import fold_normalization
from renderer.networks.network import Loaded, Preprocessing
from renderer.networks.shortcuts import residual_branches
from renderer.networks.state_dicts import first_line, misfit, read_state_dict

_LARGEST_SIDE = 1024
"""In pixels: the memory for looking at a picture grows with the fourth power of its side."""


class _Presets(Protocol):
    crop_size: list[int]
    mean: list[float]
    std: list[float]


def model_names() -> list[str]:
    """Names of all classification models of torchvision, except the quantized ones."""
    return list(models.list_models(module=models))


def model_choices() -> list[dict[str, str]]:
    """Each model with the names of its weights."""
    return [{"name": name, "weights": ", ".join(models.get_model_weights(name).__members__)} for name in model_names()]


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
    module: nn.Module = models.get_model(name, weights=None, **_training_options(name))
    return Loaded(module, _preprocessing(models.get_model_weights(name).DEFAULT))


def _refuse_unknown(name: str) -> None:
    if name not in model_names():
        remedy = did_you_mean(nearest(name, model_names())) or "; see `neuron-atlas networks`"
        raise UserError(f"network.name: torchvision has no classification model '{name}'{remedy}")


def download_path(weights: WeightsEnum) -> Path:
    """Where torch keeps, and looks for, the downloaded file of a set of weights."""
    url: str = weights.url
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _named_weights(model: str, name: str) -> WeightsEnum:
    known = models.get_model_weights(model)
    if name not in known.__members__:
        names = ", ".join(known.__members__)
        raise UserError(
            f"network.weights: {model} has no weights '{name}'; use one of {names}, or a .safetensors or .pth file"
        )
    return known[name]


def _download(name: str, weights: WeightsEnum) -> nn.Module:
    try:
        module: nn.Module = models.get_model(name, weights=weights, progress=True)
    except (URLError, OSError, RuntimeError, EOFError, ValueError, LookupError, UnpicklingError) as error:
        raise UserError(
            f"network.weights: the weights of {name} could not be downloaded or read ({first_line(error)}).\n"
            f"Fetch {weights.url}\n"
            f"and place it at {download_path(weights)}\n"
            f"or say where the file is: --set network.weights=/path/to/{download_path(weights).name} (of a judge of "
            f"`evaluate`: --weights /path/to/{download_path(weights).name})"
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
    state = _modernize(name, read_state_dict(path))
    preprocessing = _preprocessing(_origin(name, path))
    usual = _shapes(name)
    options = _training_options(name)
    if side := _picture_side(name, state, usual):
        options["image_size"] = side
        preprocessing = replace(preprocessing, size=side)
    options["num_classes"] = _outputs(state, usual)
    if problem := misfit(state, _shapes(name, **options)):
        raise UserError(
            f"network.weights: {path} does not fit network.name {name}: {problem}.\n"
            "Set network.name to the model that these weights are of, or name a file of this one's weights."
        )
    module: nn.Module = models.get_model(name, weights=None, **options)
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise UserError(
            f"network.weights: {path} cannot be loaded into network.name {name} ({first_line(error)})"
        ) from error
    return module, preprocessing


def _modernize(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop the heads that only training needs, and use today's names of the layers of DenseNet."""
    kept = {key: tensor for key, tensor in state.items() if not re.match(r"(aux\d|AuxLogits)\.", key)}
    if not name.startswith("densenet"):
        return kept
    return {re.sub(r"(norm|relu|conv)\.(\d)\.", r"\1\2.", key): tensor for key, tensor in kept.items()}


def _training_options(name: str) -> dict[str, Any]:
    """How to build a model without the heads, and the slow random weights, that only training needs."""
    if name in {"googlenet", "inception_v3"}:
        return {"aux_logits": False, "transform_input": True, "init_weights": False}
    return {}


def _shapes(name: str, **options: Any) -> dict[str, Tensor]:
    """The model's state dict without values, which takes no memory."""
    with torch.device("meta"):
        return dict(models.get_model(name, weights=None, **{**_training_options(name), **options}).state_dict())


def _picture_side(name: str, state: Mapping[str, Tensor], usual: Mapping[str, Tensor]) -> int | None:
    """Side in pixels that the weights of a vision transformer are for: there are files for several under one name."""
    places = state.get("encoder.pos_embedding")
    if not name.startswith("vit_") or places is None or places.ndim != 3 or places.shape[1] < 2:
        return None
    patches = math.isqrt(places.shape[1] - 1)
    return min(patches * usual["conv_proj.weight"].shape[-1], _LARGEST_SIDE)


def _outputs(state: Mapping[str, Tensor], usual: Mapping[str, Tensor]) -> int:
    """Number of classes in a state dict: the rows of what is the last weight matrix of the model."""
    last = [key for key, tensor in usual.items() if key.endswith("weight") and tensor.ndim > 1][-1]
    found = state.get(last)
    return usual[last].shape[0] if found is None or found.ndim == 0 else max(1, found.shape[0])


class _PassingReLU(nn.Module):
    """ReLU that lets the gradient through where the output is 0, so that no class is dead from the start."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (x.relu() - x).detach()


def _revive(module: nn.Module) -> nn.Module:
    """SqueezeNet ends in a ReLU: a class that a picture does not excite yet would have no gradient at all."""
    if isinstance(module, models.SqueezeNet):
        module.classifier[2] = _PassingReLU()
    return module
