"""Sources whose class list may be a file of the user's."""

from __future__ import annotations

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
        if self.classes is None:
            return self.usual_classes()
        return numbered_classes(self.channels(OUTPUTS)) if self._is_numbered else load_class_file(self.classes)

    def usual_classes(self) -> tuple[Target, ...]:
        """Where there is no file."""
        return load_imagenet_classes()

    @property
    def needs_network(self) -> bool:
        """Also where its outputs are only numbered."""
        return super().needs_network or self._is_numbered

    def with_own_absolute_paths(self) -> Self:
        """With an absolute path of the class list."""
        file = self.classes if self.classes is None or self._is_numbered else self.classes.absolute()
        return self.model_copy(update={"classes": file})

    @property
    def _is_numbered(self) -> bool:
        return str(self.classes) == NUMBERED


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

    def usual_classes(self) -> tuple[Target, ...]:
        """As many as it has outputs."""
        outputs = self.channels(OUTPUTS)
        return super().usual_classes() if outputs == IMAGENET_CLASSES else numbered_classes(outputs)

    @property
    def needs_network(self) -> bool:
        """Also without a class list."""
        return super().needs_network or self.classes is None

    def identity(self) -> dict[str, Any]:
        """With what is done to pictures before the network sees them."""
        return super().identity() | {"input": self.input.model_dump(mode="json")}

    @property
    def preprocessing(self) -> Preprocessing:
        """What it expects of a picture; torch is needed."""
        return self.input.preprocessing
