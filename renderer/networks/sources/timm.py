"""The classification networks of timm, PyTorch Image Models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from renderer.networks.listed_source import CLASSES_FILE, PublishedNetwork
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.networks.network import Loaded

PRETRAINED = "DEFAULT"


class TimmNetwork(PublishedNetwork):
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
    def architecture(self) -> str:
        """The name without that of the weights."""
        return self.name.partition(".")[0]

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

    def load_shape(self) -> Loaded:
        """With random weights, unless they are a file."""
        from renderer.networks.timm_models import load_timm  # noqa: PLC0415  torch takes seconds

        return load_timm(self.name, self.weights_path, pretrained=False)

    def load(self) -> Loaded:
        """Build the model and load its weights."""
        from renderer.networks.timm_models import load_timm  # noqa: PLC0415  torch takes seconds

        return load_timm(self.name, self.weights_path)
