"""The networks that were published for Caffe, among them that of the film of 2015, with weights from their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from renderer.networks.listed_source import ListedNetwork

if TYPE_CHECKING:
    from renderer.networks.network import Loaded

Byte = Annotated[float, Field(ge=0, le=255)]
_OXFORD = "http://www.robots.ox.ac.uk/~vgg/software"
_BERKELEY = "http://dl.caffe.berkeleyvision.org"
PUBLISHED: Mapping[str, str] = {
    "vgg_cnn_s": f"{_OXFORD}/deep_eval/releases/bvlc/VGG_CNN_S.caffemodel",
    "vgg_cnn_m": f"{_OXFORD}/deep_eval/releases/bvlc/VGG_CNN_M.caffemodel",
    "vgg_cnn_f": f"{_OXFORD}/deep_eval/releases/bvlc/VGG_CNN_F.caffemodel",
    "vgg16": f"{_OXFORD}/very_deep/caffe/VGG_ILSVRC_16_layers.caffemodel",
    "vgg19": f"{_OXFORD}/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel",
    "alexnet": f"{_BERKELEY}/bvlc_alexnet.caffemodel",
    "googlenet": f"{_BERKELEY}/bvlc_googlenet.caffemodel",
}
"""Where the authors of each network published its weights."""


class CaffeNetwork(ListedNetwork):
    """A network that was published for Caffe, with weights from its `.caffemodel` file.

    `vgg_cnn_s` is that of the film of 2015.
    """

    source: Literal["caffe"] = Field("caffe", description="Where the network comes from.")
    name: Literal["vgg_cnn_s", "vgg_cnn_m", "vgg_cnn_f", "vgg16", "vgg19", "alexnet", "googlenet"] = Field(
        "vgg_cnn_s", description="Name of the network, as `neuron-atlas networks` lists it with its file."
    )
    weights: Path = Field(
        description="The `.caffemodel` file. It is not downloaded; a message says where its authors published it. A "
        "relative path is taken from the current folder."
    )
    mean: tuple[Byte, Byte, Byte] | None = Field(
        None,
        description="Mean of blue, green and red that is subtracted, from 0 to 255, where a network of your own was "
        "trained with another than the published one.",
    )

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """All networks, with the names of their files."""
        return [{"name": name, "weights": _file_name(name)} for name in PUBLISHED]

    @property
    def label(self) -> str:
        """The network's name."""
        return self.name

    @property
    def remedy(self) -> str:
        """Where the authors published the file."""
        file = _file_name(self.name)
        return (
            f".\nIts authors published it: fetch {PUBLISHED[self.name]}\n"
            f"and place it there, or say where the file is: --set network.weights=/path/to/{file}"
        )

    def own_files(self) -> Mapping[str, Path]:
        """The weights."""
        return {"network.weights": self.weights}

    def identity(self) -> dict[str, Any]:
        """With the mean, where it is another."""
        return super().identity() | {"mean": self.mean}

    def describe(self) -> dict[str, Any]:
        """With the name of the weights' file."""
        return super().describe() | {"weights": self.weights.name}

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of weights and class list."""
        return super().with_own_absolute_paths().model_copy(update={"weights": self.weights.absolute()})

    def load(self) -> Loaded:
        """Build the network with the weights of its file."""
        from renderer.networks.caffe_models import load_caffe  # noqa: PLC0415  torch takes seconds

        self.alone.existing_files()
        return load_caffe(self.name, self.weights, self.mean)


def _file_name(name: str) -> str:
    return PUBLISHED[name].rpartition("/")[2]
