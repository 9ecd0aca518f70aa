"""The classification networks of torchvision, with weights by name or from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from renderer.networks.listed_source import PublishedNetwork
from renderer.targets.class_outputs import ClassOutputs

if TYPE_CHECKING:
    from renderer.networks.network import Loaded


ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
"""Of files of weights."""
_PUBLISHED = re.compile(r"-[0-9a-f]{8}\.pth$")


class TorchvisionNetwork(PublishedNetwork):
    """Any classification network of torchvision, with weights by name or from a file."""

    source: Literal["torchvision"] = Field("torchvision", description="Where the network comes from.")
    name: str = Field(
        "squeezenet1_1", description="Name of the torchvision model, as `neuron-atlas networks` lists it."
    )
    weights: str = Field(
        "DEFAULT",
        description="Name of torchvision weights, which are downloaded once, or a file with a state dict for the "
        "model: `.safetensors`, or what torch saves (`.pth`, `.pt`, `.ckpt`, `.bin`), also a checkpoint of training. A "
        "relative path is taken from the current folder.",
    )

    @classmethod
    def bound_keys(cls, said: Mapping[str, Any], name: str) -> Sequence[str]:
        """The weights, where torchvision has them for the network, and none that are called so for the other one."""
        from renderer.networks.torchvision_models import weights_names  # noqa: PLC0415  torch takes seconds

        here, there = (weights_names(one) for one in (str(said.get("name", cls.model_fields["name"].default)), name))
        return ("weights",) if there and said.get("weights") in set(here) - set(there) else ()

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """All classification models, with the names of their weights."""
        from renderer.networks.torchvision_models import model_choices  # noqa: PLC0415  torch takes seconds

        return model_choices()

    @property
    def weights_path(self) -> Path | None:
        """The file that `weights` names; None where it is a name of torchvision's."""
        is_file = self.weights.lower().endswith(ENDINGS) or "/" in self.weights
        return Path(self.weights) if is_file else None

    def identity(self) -> dict[str, Any]:
        """With the name of the weights where torchvision has them.

        A file that is called as a published one is shown pictures of the size that goes with it, so that counts too.
        """
        path = self.weights_path
        published = path.name if path and _PUBLISHED.search(path.name) else None
        return {"weights": self.weights, "published": published} | super().identity()

    def load_shape(self) -> Loaded:
        """With random weights, unless they are a file."""
        from renderer.networks.torchvision_models import load_torchvision, untrained  # noqa: PLC0415

        if self.weights_path:
            return load_torchvision(self.name, self.weights, self.weights_path)
        return untrained(self.name)

    def load(self) -> Loaded:
        """Build the model and load its weights."""
        from renderer.networks.torchvision_models import load_torchvision  # noqa: PLC0415  torch takes seconds

        # Where a hidden layer is dreamed, each layer is to answer as it does.
        return load_torchvision(self.name, self.weights, self.weights_path, folded=self.targets == ClassOutputs())
