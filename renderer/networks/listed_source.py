"""Sources whose class list may be a file of the user's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from renderer.networks.network_input import NetworkInput
from renderer.networks.source import NetworkSource
from renderer.targets.class_files import load_class_file
from renderer.targets.class_lists import IMAGENET_CLASSES, load_imagenet_classes, numbered_classes
from renderer.targets.target import OUTPUTS, Target

if TYPE_CHECKING:
    from renderer.networks.network import Preprocessing

NUMBERED = "numbered"
"""In place of the file of a class list: classes of which nothing is known but their numbers."""

CLASSES_FILE = (
    "File with the class list: `.csv` or `.tsv` with the columns `index`, `title` and, where known, `wnid`, `synonyms` "
    "(separated by `; `) and `hypernyms` (root first, separated by ` > `); `.json`; or a text with a title a line. "
    f"`{NUMBERED}` calls them class 0, class 1, and so on."
)


class ListedNetwork(NetworkSource):
    """A network that knows the classes of ImageNet, unless a file says otherwise."""

    classes: Path | None = Field(
        None,
        description=f"{CLASSES_FILE} Without it, the network is taken to know the 1000 classes of ImageNet.",
    )

    def class_list(self) -> tuple[Target, ...]:
        """The classes of the file, or what is known without one; raises UserError."""
        return self.classes_of(self.channels(OUTPUTS) if self.is_counted else None)

    def classes_of(self, outputs: int | None) -> tuple[Target, ...]:
        """The same where the network has so many outputs; none where they had to be counted, and are not."""
        if self.is_counted:
            return self.counted_classes(outputs or 0)
        return self.usual_classes() if self.classes is None else load_class_file(self.classes)

    def usual_classes(self) -> tuple[Target, ...]:
        """Where there is no file, and nothing is counted."""
        return load_imagenet_classes()

    def counted_classes(self, outputs: int) -> tuple[Target, ...]:
        """Where outputs are counted."""
        return numbered_classes(outputs)

    @property
    def is_counted(self) -> bool:
        """Whether only the network's outputs tell its classes."""
        return self._is_numbered

    @property
    def needs_network(self) -> bool:
        """Also where outputs have to be counted."""
        return super().needs_network or self.is_counted

    def identity(self) -> dict[str, Any]:
        """With the number of outputs where nothing else tells it: a run is looked at without the network."""
        return super().identity() | ({"outputs": self.channels(OUTPUTS)} if self.is_counted else {})

    def with_own_absolute_paths(self) -> Self:
        """With an absolute path of the class list."""
        file = self.classes if self.classes is None or self._is_numbered else self.classes.absolute()
        return self.model_copy(update={"classes": file})

    @property
    def _is_numbered(self) -> bool:
        return str(self.classes) == NUMBERED


class PublishedNetwork(ListedNetwork):
    """A network of a library, with weights by name or from a file."""

    name: str
    weights: str

    @property
    def label(self) -> str:
        """The name of the model."""
        return self.name

    @property
    def architecture(self) -> str:
        """The name of the model."""
        return self.name

    @property
    @abstractmethod
    def weights_path(self) -> Path | None:
        """The file that `weights` names; None where it is a name of the library's."""

    def own_files(self) -> Mapping[str, Path]:
        """The weights, where they are a file."""
        return {"network.weights": self.weights_path} if self.weights_path else {}

    def describe(self) -> dict[str, Any]:
        """With the name of the weights, or of their file."""
        return super().describe() | {"weights": Path(self.weights).name}

    def with_own_absolute_paths(self) -> Self:
        """With absolute paths of weights and class list."""
        weights = str(self.weights_path.absolute()) if self.weights_path else self.weights
        return super().with_own_absolute_paths().model_copy(update={"weights": weights})


class OwnNetwork(ListedNetwork):
    """A network of the user's own, of which only the settings say what it expects, and the outputs what it knows."""

    input: NetworkInput = NetworkInput()
    classes: Path | None = Field(
        None,
        description=f"{CLASSES_FILE} Without it, the network is loaded to count its outputs: 1000 are taken for the "
        f"classes of ImageNet, any other number is `{NUMBERED}`.",
    )

    @classmethod
    def family(cls, said: Mapping[str, Any]) -> str:  # noqa: ARG003
        """None: what it is called says nothing of what it is."""
        return ""

    def counted_classes(self, outputs: int) -> tuple[Target, ...]:
        """A thousand are taken for ImageNet's, unless they are only to be numbered."""
        is_imagenet = self.classes is None and outputs == IMAGENET_CLASSES
        return self.usual_classes() if is_imagenet else super().counted_classes(outputs)

    @property
    def is_counted(self) -> bool:
        """Also without a class list."""
        return super().is_counted or self.classes is None

    def identity(self) -> dict[str, Any]:
        """With what is done to pictures before the network sees them."""
        return super().identity() | self.input.identity()

    @property
    def preprocessing(self) -> Preprocessing:
        """What it expects of a picture; torch is needed."""
        return self.input.preprocessing
