"""The networks that were published for Caffe, as their papers and definitions have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from torch import nn

from renderer.common.errors import UserError
from renderer.common.wording import listed
from renderer.networks.caffe_file import StoredLayer, read_caffemodel, short
from renderer.networks.caffe_layers import (
    Convolution,
    InceptionBlock,
    Part,
    Plain,
    ResponseNorm,
    Weights,
)
from renderer.networks.network import Loaded, Preprocessing

_VGG_MEAN = (103.939, 116.779, 123.68)
_BVLC_MEAN = (104.0, 117.0, 123.0)


@dataclass(frozen=True)
class Architecture:
    """A network without its weights.

    Attributes:
        parts: Its layers, in the order of their work.
        size: Side of the pictures that it was trained with, in pixels.
        mean: Mean of blue, green and red that is subtracted from values of 0 to 255.
        passed_over: How layers with weights begin that served training alone.
    """

    parts: tuple[Part, ...]
    size: int
    mean: tuple[float, ...]
    passed_over: tuple[str, ...] = ()


def load_caffe(name: str, path: Path, mean: tuple[float, ...] | None = None) -> Loaded:
    """Build a network with the weights of a `.caffemodel` file.

    The numbers of channels and classes are those of the file, so that relatives of a network fit that differ in
    nothing else.

    Args:
        name: A key of `ARCHITECTURES`.
        path: The file.
        mean: Mean of blue, green and red, from 0 to 255, where it is another than the published network's.

    Raises:
        UserError: The file cannot be read, or is of another network.
    """
    architecture = ARCHITECTURES[name]
    layers = read_caffemodel(path)
    try:
        module = build(architecture, layers)
    except ValueError as error:
        raise UserError(
            f"network.weights: {path} does not fit network.name {name}: {error}. Set network.name to the network that "
            "these weights are of, or name a file of this one's weights"
        ) from error
    preprocessing = Preprocessing(
        architecture.size, mean or architecture.mean, (1.0, 1.0, 1.0), color_order="bgr", range=(0.0, 255.0)
    )
    return Loaded(module, preprocessing)


def build(architecture: Architecture, layers: Iterable[StoredLayer]) -> nn.Module:
    """The network with weights: batch x 3 x height x width in, at least its own size; batch x classes out.

    Larger pictures are answered with the mean over all places. Modules are called as Caffe's layers, with a dot in
    place of the stroke inside a block (`inception_3a.1x1`).

    Raises:
        ValueError: The weights are not of this network; the message says what is wrong.
    """
    layers = tuple(layers)
    weights = Weights(_by_name(layers), channels=3)
    network = nn.Sequential()
    for part in architecture.parts:
        network.add_module(part.name.replace("/", "_"), part.module(weights))
    unused = [layer for layer in weights.unused() if not layer.startswith(architecture.passed_over)]
    if unused:
        raise ValueError(f"it also has weights for {short(listed(unused))}")
    _refuse_other_order([part.name for part in architecture.parts], [layer.name for layer in layers])
    network.add_module("mean", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    return network


def _by_name(layers: Iterable[StoredLayer]) -> Mapping[str, StoredLayer]:
    """The layers with weights; those without may share a name, as those for training and for testing do."""
    found: dict[str, StoredLayer] = {}
    for layer in layers:
        if layer.blobs and layer.name in found:
            raise ValueError(f"it has weights for {short(layer.name)} twice")
        if layer.blobs:
            found[layer.name] = layer
    return found


def _refuse_other_order(names: list[str], said: list[str]) -> None:
    """Refuse a relative with the same weights, of which some layers work in another order."""
    places = {name: place for place, name in enumerate(said)}
    known = [name for name in names if name in places]
    for first, second in pairwise(known):
        if places[first] > places[second]:
            raise ValueError(f"its layer {second} works before {first}")


def _relu(name: str) -> Part:
    return Plain(name, partial(nn.ReLU, inplace=True))


def _pool(name: str, kernel: int, stride: int) -> Part:
    """The maximum of each window, of which the last may be cut by the border, as Caffe counts places."""
    return Plain(name, partial(nn.MaxPool2d, kernel, stride, ceil_mode=True))


def _convolution(number: str, kernel: int, *, stride: int = 1, pad: int = 0, groups: int = 1) -> tuple[Part, ...]:
    return Convolution(f"conv{number}", kernel, stride, pad, groups), _relu(f"relu{number}")


def _classifier(side: int) -> tuple[Part, ...]:
    """Three fully connected layers, of which the first sees a map of the given side."""
    first = Convolution("fc6", side), _relu("relu6")
    return *first, Convolution("fc7", 1), _relu("relu7"), Convolution("fc8", 1)


def _three_convolutions(groups: tuple[int, int, int] = (1, 1, 1)) -> tuple[Part, ...]:
    return tuple(
        part
        for number, count in enumerate(groups, start=3)
        for part in _convolution(str(number), 3, pad=1, groups=count)
    )


def _vgg(convolutions: tuple[int, ...]) -> tuple[Part, ...]:
    """Blocks of so many 3 x 3 convolutions, each halved at its end."""
    blocks: list[Part] = []
    for block, count in enumerate(convolutions, start=1):
        for number in range(1, count + 1):
            blocks += _convolution(f"{block}_{number}", 3, pad=1)
        blocks.append(_pool(f"pool{block}", 2, 2))
    return *blocks, *_classifier(7)


def _googlenet() -> tuple[Part, ...]:
    def blocks(stage: int, letters: str) -> tuple[Part, ...]:
        return tuple(InceptionBlock(f"inception_{stage}{letter}") for letter in letters)

    return (
        *(Convolution("conv1/7x7_s2", 7, 2, 3), _relu("conv1/relu_7x7"), _pool("pool1/3x3_s2", 3, 2)),
        ResponseNorm("pool1/norm1"),
        *(Convolution("conv2/3x3_reduce", 1), _relu("conv2/relu_3x3_reduce")),
        *(Convolution("conv2/3x3", 3, 1, 1), _relu("conv2/relu_3x3")),
        *(ResponseNorm("conv2/norm2"), _pool("pool2/3x3_s2", 3, 2)),
        *(*blocks(3, "ab"), _pool("pool3/3x3_s2", 3, 2)),
        *(*blocks(4, "abcde"), _pool("pool4/3x3_s2", 3, 2)),
        *(*blocks(5, "ab"), Plain("pool5/7x7_s1", partial(nn.AvgPool2d, 7, stride=1))),
        Convolution("loss3/classifier", 1),
    )


def _vgg_norm(number: int) -> Part:
    return ResponseNorm(f"norm{number}", alpha=5e-4, k=2.0)


ARCHITECTURES: Mapping[str, Architecture] = {
    # Chatfield et al. 2014, "Return of the Devil in the Details", arXiv 1405.3531: F as in fast, M medium, S slow.
    "vgg_cnn_f": Architecture(
        (
            *(*_convolution("1", 11, stride=4), _vgg_norm(1), _pool("pool1", 3, 2)),
            *(*_convolution("2", 5, pad=2), _vgg_norm(2), _pool("pool2", 3, 2)),
            *(*_three_convolutions(), _pool("pool5", 3, 2), *_classifier(6)),
        ),
        224,
        _VGG_MEAN,
    ),
    "vgg_cnn_m": Architecture(
        (
            *(*_convolution("1", 7, stride=2), _vgg_norm(1), _pool("pool1", 3, 2)),
            *(*_convolution("2", 5, stride=2, pad=1), _vgg_norm(2), _pool("pool2", 3, 2)),
            *(*_three_convolutions(), _pool("pool5", 3, 2), *_classifier(6)),
        ),
        224,
        _VGG_MEAN,
    ),
    "vgg_cnn_s": Architecture(
        (
            *(*_convolution("1", 7, stride=2), _vgg_norm(1), _pool("pool1", 3, 3)),
            *(*_convolution("2", 5), _pool("pool2", 2, 2)),
            *(*_three_convolutions(), _pool("pool5", 3, 3), *_classifier(6)),
        ),
        224,
        _VGG_MEAN,
    ),
    # Krizhevsky et al. 2012, as trained by the authors of Caffe.
    "alexnet": Architecture(
        (
            *(*_convolution("1", 11, stride=4), ResponseNorm("norm1"), _pool("pool1", 3, 2)),
            *(*_convolution("2", 5, pad=2, groups=2), ResponseNorm("norm2"), _pool("pool2", 3, 2)),
            *(*_three_convolutions((1, 2, 2)), _pool("pool5", 3, 2), *_classifier(6)),
        ),
        227,
        _BVLC_MEAN,
    ),
    # Szegedy et al. 2014, arXiv 1409.4842, as trained by the authors of Caffe.
    "googlenet": Architecture(_googlenet(), 224, _BVLC_MEAN, passed_over=("loss1/", "loss2/")),
    # Simonyan and Zisserman 2014, arXiv 1409.1556.
    "vgg16": Architecture(_vgg((2, 2, 3, 3, 3)), 224, _VGG_MEAN),
    "vgg19": Architecture(_vgg((2, 2, 4, 4, 4)), 224, _VGG_MEAN),
}
