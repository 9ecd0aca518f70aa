"""The kinds of layers that networks for Caffe are made of, each with its weights from a file."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from renderer.networks.caffe_file import StoredLayer, short


class Weights:
    """The weights of a file, which are taken layer by layer in the order of the network's work."""

    def __init__(self, layers: Mapping[str, StoredLayer], channels: int) -> None:
        """Begin at the network's input.

        Args:
            layers: Layers with weights, by name.
            channels: Channels of the input; from then on, those that the last layer taken gives.
        """
        self._layers = layers
        self._used: set[str] = set()
        self.channels = channels

    def take(self, name: str, kernel: int, stride: int, groups: int = 1) -> tuple[Tensor, Tensor]:
        """Weights and biases of a layer: outputs x channels / groups x kernel x kernel, and outputs.

        Raises:
            ValueError: The file is without them, or they are of another shape or for another stride.
        """
        layer = self._layers.get(name)
        if layer is None or len(layer.blobs) != 2:
            found = "without" if layer is None else f"with {len(layer.blobs)} arrays in place of two for"
            raise ValueError(f"it is {found} the layer {name}; it has {short(', '.join(self._layers))}")
        if layer.stride not in (None, stride):
            raise ValueError(f"its layer {name} has a stride of {layer.stride}, in the network of {stride}")
        weight, bias = layer.blobs
        needed = (self.channels // groups, kernel, kernel)
        outputs = weight.numel() // math.prod(needed)
        # Older files have four dimensions for all, and fully connected layers a row for each output.
        shapes = [(outputs, *needed), (outputs, math.prod(needed))]
        fits = _without_ones(weight) in [_stripped(shape) for shape in shapes] and outputs % groups == 0
        if not fits or _without_ones(bias) != _stripped((outputs,)):
            given = f"{short(tuple(weight.shape))} and {short(tuple(bias.shape))}"
            raise ValueError(f"its layer {name} has weights of shape {given}, where any x {needed} are needed")
        self._used.add(name)
        self.channels = outputs
        return weight.view(outputs, *needed), bias.view(outputs)

    def unused(self) -> list[str]:
        """Names of the layers that were not taken."""
        return [name for name in self._layers if name not in self._used]


@dataclass(frozen=True)
class Part:
    """A layer, or a block of some, that is not built yet; it has the name that Caffe has for it."""

    name: str

    @abstractmethod
    def module(self, weights: Weights) -> nn.Module:
        """Build it; raises ValueError where the weights do not fit."""


@dataclass(frozen=True)
class Convolution(Part):
    """A convolution, perhaps of each group of channels by itself.

    A fully connected layer is one too, whose kernel is as large as the map that it sees: so it works at every place of
    a larger map.
    """

    kernel: int
    stride: int = 1
    pad: int = 0
    groups: int = 1

    def module(self, weights: Weights) -> nn.Module:
        """Build it; raises ValueError where the weights do not fit."""
        inputs = weights.channels
        weight, bias = weights.take(self.name, self.kernel, self.stride, self.groups)
        sizes = (self.kernel, self.stride, self.pad)
        # Without memory at first: the numbers are there already.
        built = nn.Conv2d(inputs, len(bias), *sizes, groups=self.groups, device="meta")
        built.weight, built.bias = (nn.Parameter(numbers, requires_grad=False) for numbers in (weight, bias))
        return built


@dataclass(frozen=True)
class Plain(Part):
    """A layer without weights, and the function that makes it."""

    make: Callable[[], nn.Module]

    def module(self, weights: Weights) -> nn.Module:  # noqa: ARG002
        """Build it."""
        return self.make()


@dataclass(frozen=True)
class ResponseNorm(Part):
    """Local response normalization (Krizhevsky et al. 2012), with the usual numbers of Caffe."""

    alpha: float = 1e-4
    k: float = 1.0

    def module(self, weights: Weights) -> nn.Module:
        """Build it."""
        return BandNorm(weights.channels, self.alpha, self.k)


@dataclass(frozen=True)
class InceptionBlock(Part):
    """Convolutions of several sizes side by side (Szegedy et al. 2014)."""

    def module(self, weights: Weights) -> nn.Module:
        """Build it; raises ValueError where the weights do not fit."""
        inputs, given = weights.channels, 0
        branches: list[dict[str, nn.Module]] = []
        for steps in (("1x1",), ("3x3_reduce", "3x3"), ("5x5_reduce", "5x5"), ("pool", "pool_proj")):
            weights.channels = inputs
            branches.append({name: layer for step in steps for name, layer in self._step(step, weights)})
            given += weights.channels
        weights.channels = given
        return Inception(branches)

    def _step(self, step: str, weights: Weights) -> list[tuple[str, nn.Module]]:
        if step == "pool":
            return [(step, nn.MaxPool2d(3, 1, padding=1))]
        kernel = int(step[0]) if step in ("3x3", "5x5") else 1
        layer = Convolution(f"{self.name}/{step}", kernel, pad=kernel // 2)
        return [(step, layer.module(weights)), (f"relu_{step}", nn.ReLU(inplace=True))]


class Inception(nn.Module):
    """Branches that see the same; their answers are put one after another."""

    def __init__(self, branches: list[dict[str, nn.Module]]) -> None:
        """Take the layers of each branch, in the order of their work, by name."""
        super().__init__()
        self._branches = [tuple(branch) for branch in branches]
        for branch in branches:
            for name, layer in branch.items():
                self.add_module(name, layer)

    def forward(self, features: Tensor) -> Tensor:
        """Computes batch x channels of all branches x height x width."""
        return torch.cat([self._answer(branch, features) for branch in self._branches], 1)

    def _answer(self, branch: tuple[str, ...], features: Tensor) -> Tensor:
        for name in branch:
            features = self.get_submodule(name)(features)
        return features


class BandNorm(nn.Module):
    """Local response normalization over five channels.

    As `torch.nn.LocalResponseNorm`, but the squares are summed up by a 1 x 1 convolution with a band of ones: on a
    processor, with the gradient, in a quarter of the time.
    """

    band: Tensor
    k: Tensor

    def __init__(self, channels: int, alpha: float, k: float) -> None:
        """Takes the numbers of the paper, with an exponent of 0.75; `alpha` is shared by the five channels."""
        super().__init__()
        places = torch.arange(channels)
        near = (places[:, None] - places).abs() <= 2
        self.register_buffer("band", near[:, :, None, None] * (alpha / 5), persistent=False)
        self.register_buffer("k", torch.full((channels,), k), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Computes the same shape."""
        root = functional.conv2d(features.square(), self.band, self.k).rsqrt()
        return features * root * root.sqrt()


def _without_ones(array: Tensor) -> tuple[int, ...]:
    return _stripped(tuple(array.shape))


def _stripped(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without what older files put before it to make it four dimensions."""
    begins = next((place for place, length in enumerate(shape) if length > 1), len(shape))
    return shape[begins:]
