"""A frozen classifier: what the rest of the program knows of any network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from renderer.networks.shortcuts import residual_branches, scaled_residual_gradient
from renderer.targets.target import ClassRecord, Guess, Score


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects of a picture.

    Attributes:
        size: Side of the square input in pixels.
        mean: Mean of red, green and blue that is subtracted, where white is 1.
        std: Standard deviation of red, green and blue that is divided by.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Network:
    """A classifier whose weights never change and never get a gradient."""

    def __init__(
        self,
        module: nn.Module,
        classes: Sequence[ClassRecord],
        preprocessing: Preprocessing,
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.classes = tuple(classes)
        self.size = preprocessing.size
        self.device = device
        self.dtype = dtype
        self._module = module.eval().requires_grad_(requires_grad=False)
        self._module.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._branches = tuple(residual_branches(module))
        self._mean = torch.tensor(preprocessing.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(preprocessing.std, device=device).view(3, 1, 1)

    def logits(self, views: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch classes"]:
        """Outputs before the softmax for views with values in [0, 1]; differentiable with respect to the views."""
        outputs: Tensor = self._module(self._normalized(views, self.dtype))
        return outputs.float()

    def residual_gradient(self, share: float) -> AbstractContextManager[None]:
        """Within this context, a share of the gradient goes back through residual branches, if there are any."""
        return scaled_residual_gradient(self._branches, share)

    def precise_logits(self, views: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch classes"]:
        """As `logits`, but computed in float32 whatever the network's precision; slow where that is another."""
        if self.dtype == torch.float32:
            return self.logits(views)
        state = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        precise = {name: tensor.float() for name, tensor in state.items() if tensor.is_floating_point()}
        normalized = self._normalized(views, torch.float32)
        outputs: Tensor = torch.func.functional_call(self._module, precise, (normalized,))
        return outputs

    @torch.no_grad()
    def scores(
        self, pictures: UInt8[np.ndarray, "batch height width 3"], class_indices: Sequence[int]
    ) -> tuple[Score, ...]:
        """What the network says of whole pictures, each of which is to show the class of the given index."""
        # What is not a number is the least, so that a broken answer recognizes nothing.
        logits = self._whole_picture_logits(pictures).nan_to_num(nan=torch.finfo(torch.float32).min)
        return tuple(_score(row, index) for row, index in zip(logits, class_indices, strict=True))

    @torch.no_grad()
    def log_probabilities(
        self, pictures: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float[np.ndarray, "batch classes"]:
        """Natural logarithms of the probabilities of all classes in whole pictures; finite where they round to 0."""
        return self._whole_picture_logits(pictures).double().log_softmax(1).numpy()

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the last layer, a row for each class: classes with similar rows look alike to the network.

        Raises:
            LookupError: The network has no linear or pointwise convolutional layer with an output for each class.
        """
        for layer in reversed(list(self._module.modules())):
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(self.classes):
                return layer.weight.float().flatten(1).cpu().numpy()
        raise LookupError("the network has no last layer with an output for each class")

    def _normalized(
        self, views: Float[Tensor, "batch 3 size size"], dtype: torch.dtype
    ) -> Float[Tensor, "batch 3 size size"]:
        return ((views - self._mean) / self._std).to(dtype, memory_format=torch.channels_last)

    def _whole_picture_logits(
        self, pictures: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float[Tensor, "batch classes"]:
        tensor = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float() / 255
        views = functional.interpolate(tensor, (self.size, self.size), mode="bilinear", antialias=True)
        # One at a time: what is recorded of a picture does not depend on its company.
        return torch.cat([self.logits(view[None]) for view in views]).cpu()


def _score(logits: Float[Tensor, " classes"], class_index: int) -> Score:
    probabilities = logits.softmax(0)
    best = probabilities.topk(min(5, len(probabilities)))
    return Score(
        logit=float(logits[class_index]),
        probability=float(probabilities[class_index]),
        # Behind those that it is level with: who gives all classes the same recognizes none.
        rank=int((logits >= logits[class_index]).sum()),
        top=tuple(Guess(int(i), float(p)) for i, p in zip(best.indices, best.values, strict=True)),
    )
