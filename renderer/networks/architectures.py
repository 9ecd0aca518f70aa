"""The classification architectures of torchvision, and what a checkpoint has to hold to fit one of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision import models

from renderer.networks.checkpoints import Part, Taken, take
from renderer.networks.state_dicts import UNNEEDED, fault, misfit

_LARGEST_SIDE = 1024
"""In pixels: the memory for looking at a picture grows with the fourth power of its side."""

# By how the architectures begin: patterns of names in published files, and what stands there today.
_OLD_NAMES = {
    "densenet": ((r"(norm|relu|conv)\.(\d)\.", r"\1\2."),),
    "vit_": ((r"\bmlp\.linear_1\.", "mlp.0."), (r"\bmlp\.linear_2\.", "mlp.3.")),
}
_TRAINING_HEAD = re.compile(r"(aux\d|AuxLogits)\.")


@dataclass(frozen=True)
class Fitting:
    """A checkpoint held against an architecture.

    Attributes:
        name: Of the architecture.
        taken: What is taken of the checkpoint.
        state: What is to be loaded, by today's names.
        options: How the architecture is built for it: for how many classes, and what it needs besides.
        problem: What keeps it from fitting, in a few words; None where it fits.
    """

    name: str
    taken: Taken
    state: Mapping[str, Any]
    options: Mapping[str, Any]
    problem: str | None

    @property
    def picture_side(self) -> int | None:
        """Side in pixels that the weights are for, where they tell it."""
        return self.options.get("image_size")

    def build(self) -> nn.Module:
        """The architecture with these weights, which are not copied where they are of float32 already.

        Raises:
            RuntimeError: They do not fit after all.
        """
        model = _without_values(self.name, **self.options)
        # Its own says of which version it is, too, without which MNASNets take nothing.
        state = model.state_dict()
        state.update({name: tensor.to(state[name].dtype) for name, tensor in self.state.items()})
        model.load_state_dict(state, strict=True, assign=True)
        return model


def with_random_weights(name: str, **options: Any) -> nn.Module:
    """An architecture of torchvision as it is before any training."""
    if name in {"googlenet", "inception_v3"}:
        # Without the heads, and the slow random weights, that only training needs.
        options = {"aux_logits": False, "transform_input": True, "init_weights": False} | options
    model: nn.Module = models.get_model(name, weights=None, **options)
    return model


def architecture_names() -> list[str]:
    """Names of all classification architectures of torchvision, except the quantized ones."""
    return list(models.list_models(module=models))


def fit(name: str, parts: Sequence[Part]) -> Fitting:
    """Hold a checkpoint against an architecture that is built for as many classes, and for pictures as large.

    Args:
        name: Of the architecture.
        parts: The mappings with tensors in the checkpoint, at least one.
    """
    usual = _shapes(name)
    taken = take(_modern(name, parts), usual) or Taken(parts[0], "")
    state: dict[str, Any] = {key: entry for key, entry in taken.state.items() if not _TRAINING_HEAD.match(key)}
    if problem := fault(state):
        return Fitting(name, taken, state, {}, problem)
    options = _options(name, state, usual)
    return Fitting(name, taken, state, options, misfit(state, _shapes(name, **options)))


def fitting_names(parts: Sequence[Part]) -> list[str]:
    """Names of the architectures that a checkpoint fits; takes a few seconds."""
    by_family = sorted(architecture_names(), key=_family)
    families = [list(names) for _, names in groupby(by_family, _family)]
    # A family has the same names at both ends, so one of its architectures tells whether the others are worth a look.
    likely = [names for names in families if _has(parts, names[0], (_needed(names[0])[0], _needed(names[0])[-1]))]
    named = [name for names in likely for name in names if _has(parts, name, _needed(name))]
    return [name for name in named if fit(name, parts).problem is None]


def _family(name: str) -> str:
    return str(models.get_model_builder(name).__module__)


def _has(parts: Sequence[Part], name: str, wanted: Sequence[str]) -> bool:
    """Whether a checkpoint has some of the tensors of an architecture."""
    taken = take(_modern(name, parts), wanted)
    return taken is not None and taken.state.keys() >= set(wanted)


@cache
def _needed(name: str) -> Sequence[str]:
    """The names of an architecture that no state dict is without, the first ones first."""
    return tuple(key for key in _shapes(name) if not key.endswith(UNNEEDED))


def _modern(name: str, parts: Sequence[Part]) -> Sequence[Part]:
    """With today's names of what is called otherwise in the published files of an architecture."""
    for old, new in next((pairs for begin, pairs in _OLD_NAMES.items() if name.startswith(begin)), ()):
        parts = [part.renamed(old, new) for part in parts]
    return parts


def _options(name: str, state: Mapping[str, Tensor], usual: Mapping[str, Tensor]) -> dict[str, Any]:
    side = _picture_side(name, state, usual)
    return {"num_classes": _outputs(state, usual)} | ({"image_size": side} if side else {})


def _picture_side(name: str, state: Mapping[str, Tensor], usual: Mapping[str, Tensor]) -> int | None:
    """Side in pixels that the weights of a vision transformer are for: there are files for several under one name."""
    places = state.get("encoder.pos_embedding")
    if not name.startswith("vit_") or places is None or places.ndim != 3 or places.shape[1] < 2:
        return None
    patch = usual["conv_proj.weight"].shape[-1]
    return patch * min(math.isqrt(places.shape[1] - 1), _LARGEST_SIDE // patch)


def _outputs(state: Mapping[str, Tensor], usual: Mapping[str, Tensor]) -> int:
    """Number of classes in a state dict: the rows of what is the last weight matrix of the model."""
    last = [key for key, tensor in usual.items() if key.endswith("weight") and tensor.ndim > 1][-1]
    found = state.get(last)
    return usual[last].shape[0] if found is None or found.ndim == 0 else max(1, found.shape[0])


def _shapes(name: str, **options: Any) -> dict[str, Tensor]:
    """The model's state dict; the large ones of its tensors have no values, and take no memory."""
    return dict(_without_values(name, **options).state_dict())


_RANDOM = frozenset((Tensor.normal_, Tensor.uniform_))


class without_values(TorchFunctionMode):  # noqa: N801  a context, as `torch.no_grad` is
    """Makes what is made to be filled later without values, so that no time is lost for random ones.

    All else is computed: RegNets need numbers from tensors to know how large they are, and some networks have tables.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _RANDOM and args[0].is_meta:
            return args[0]
        device = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **(kwargs or {}) | device)


def _without_values(name: str, **options: Any) -> nn.Module:
    with without_values():
        return with_random_weights(name, **options)
