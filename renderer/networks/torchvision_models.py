"""The classification networks of torchvision, with weights by name or from a local file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models
from torchvision.models import WeightsEnum

from renderer.common.errors import UserError
from renderer.networks.network import Loaded, Preprocessing
from renderer.networks.shortcuts import residual_branches


class _Presets(Protocol):
    crop_size: list[int]
    mean: list[float]
    std: list[float]


def model_names() -> list[str]:
    """Names of all classification models of torchvision, except the quantized ones."""
    return list(models.list_models(module=models))


def load_torchvision(name: str, weights: str, path: Path | None) -> Loaded:
    """Build a model and load its weights.

    Args:
        name: Name of the model.
        weights: Name of torchvision's weights, or what the settings say of a file.
        path: The file of the weights, if they are one.

    Raises:
        UserError: Model or weights are unknown, cannot be had, or do not fit each other.
    """
    if name not in model_names():
        raise UserError(f"network.name: torchvision has no classification model '{name}'; see `neuron-atlas networks`")
    if path:
        return _ready(_build(name, _read_state(path), weights), _origin(name, path))
    named = _named_weights(name, weights)
    return _ready(_download(name, named), named)


def _ready(module: nn.Module, weights: WeightsEnum) -> Loaded:
    return Loaded(_revive(module), _preprocessing(weights), tuple(residual_branches(module)))


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
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(
            f"network.weights: the weights of {name} could not be downloaded ({error}).\n"
            f"Fetch {weights.url}\n"
            f"and place it at {download_path(weights)}\n"
            f"or set network.weights to where the file is: --set network.weights=/path/to/{download_path(weights).name}"
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


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"network.weights: there is no file {path}; relative paths are taken from {Path.cwd()}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UserError(f"network.weights: {path} cannot be read ({_first_line(error)}); is it whole?") from error
    except Exception as error:
        raise UserError(f"network.weights: {path} is not a plain state dict ({_first_line(error)})") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"network.weights: {path} does not hold a state dict (names and tensors)")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def _build(name: str, state: Mapping[str, Tensor], source: str) -> nn.Module:
    state = _modernize(name, state)
    options: dict[str, Any] = {}
    if name in {"googlenet", "inception_v3"}:
        options = {"aux_logits": False, "transform_input": True, "init_weights": False}
    if "encoder.pos_embedding" in state and "conv_proj.weight" in state:
        # Vision transformers of one name come for pictures of several sizes.
        patches = math.isqrt(state["encoder.pos_embedding"].shape[1] - 1)
        options = {"image_size": patches * state["conv_proj.weight"].shape[-1]}
    classes = _outputs(name, state, options)
    module: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise UserError(
            f"network.weights: {source} does not fit network.name {name} ({_first_line(error, 3)})"
        ) from error
    return module


def _modernize(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop the heads that only training needs, and use today's names of the layers of DenseNet."""
    kept = {key: tensor for key, tensor in state.items() if not re.match(r"(aux\d|AuxLogits)\.", key)}
    if not name.startswith("densenet"):
        return kept
    return {re.sub(r"(norm|relu|conv)\.(\d)\.", r"\1\2.", key): tensor for key, tensor in kept.items()}


def _outputs(name: str, state: Mapping[str, Tensor], options: Mapping[str, Any]) -> int:
    """Number of classes in a state dict: the rows of what is the last weight matrix of the model."""
    with torch.device("meta"):
        shapes = models.get_model(name, weights=None, **options).state_dict()
    last = [key for key, tensor in shapes.items() if key.endswith("weight") and tensor.ndim > 1][-1]
    return state[last].shape[0] if last in state else shapes[last].shape[0]


def _first_line(error: Exception, lines: int = 1) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:lines]) or type(error).__name__


class _PassingReLU(nn.Module):
    """ReLU that lets the gradient through where the output is 0, so that no class is dead from the start."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (x.relu() - x).detach()


def _revive(module: nn.Module) -> nn.Module:
    """SqueezeNet ends in a ReLU: a class that a picture does not excite yet would have no gradient at all."""
    if isinstance(module, models.SqueezeNet):
        module.classifier[2] = _PassingReLU()
    return module
