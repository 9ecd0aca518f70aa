"""The classification networks of timm, PyTorch Image Models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from renderer.networks.listed_source import CLASSES_FILE, ListedNetwork
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.networks.network import Loaded

PRETRAINED = "DEFAULT"


class TimmNetwork(ListedNetwork):
    """Any classification network of timm (`pip install "neuron-atlas[timm]"`), with its own weights or from a file.

    What it expects of pictures follows from timm's data configuration.
    """

    source: Literal["timm"] = Field("timm", description="Where the network comes from.")
    name: str = Field(
        "resnet50.a1_in1k",
        pattern=r"^[\w.-]+$",
        description="Name of the model and, after a point, of its weights, as timm lists them; without the latter, its "
        "usual ones.",
    )
    weights: str = Field(
        PRETRAINED,
        description=f"`{PRETRAINED}` for the weights that the name stands for, which are downloaded once, or a file "
        "with a state dict for the model, such as the `model.safetensors` of its page on the Hugging Face Hub. A "
        "relative path is taken from the current folder.",
    )
    classes: Path | None = Field(
        None,
        description=f"{CLASSES_FILE} Without it, the classes are those that timm knows of the weights: of ImageNet-1k, "
        "-12k, -21k or -22k.",
    )

    @classmethod
    def choices(cls) -> list[dict[str, str]]:
        """A row that says how it is named: there are more than a thousand."""
        return [{"name": "MODEL.WEIGHTS", "weights": "DEFAULT"}]

    @property
    def label(self) -> str:
        """The name of the model."""
        return self.name

    @property
    def weights_path(self) -> Path | None:
        """The file that `weights` names."""
        return None if self.weights == PRETRAINED else Path(self.weights)

    def usual_classes(self) -> tuple[Target, ...]:
        """Those that timm knows of the weights."""
        from renderer.networks.timm_models import known_classes  # noqa: PLC0415  torch takes seconds

        return known_classes(self.name)

    def identity(self) -> dict[str, Any]:
        """With what the installed timm takes the name for."""
        from renderer.networks.timm_models import resolved  # noqa: PLC0415  torch takes seconds

        return super().identity() | resolved(self.name)

    def own_files(self) -> Mapping[str, Path]:
        """The weights, where they are a file."""
        return {"network.weights": self.weights_path} if self.weights_path else {}

    def describe(self) -> dict[str, Any]:
        """With the name of the weights' file."""
        return super().describe() | {"weights": Path(self.weights).name}

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of weights and class list."""
        weights = str(self.weights_path.absolute()) if self.weights_path else self.weights
        return super().with_own_absolute_paths().model_copy(update={"weights": weights})

    def load_shape(self) -> Loaded:
        """With random weights, unless they are a file."""
        from renderer.networks.timm_models import load_timm  # noqa: PLC0415  torch takes seconds

        return load_timm(self.name, self.weights_path, pretrained=False)

    def load(self) -> Loaded:
        """Build the model and load its weights."""
        from renderer.networks.timm_models import load_timm  # noqa: PLC0415  torch takes seconds

        return load_timm(self.name, self.weights_path)
