"""The classifier of 1000 emoji that is part of this package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from renderer.networks.source import NetworkSource
from renderer.targets.class_lists import load_emoji_classes
from renderer.targets.target import Target

if TYPE_CHECKING:
    from renderer.networks.network import Loaded

WEIGHTS = files("renderer.networks") / "data" / "emojinet.safetensors"


class EmbeddedNetwork(NetworkSource):
    """The small classifier of 1000 emoji that is part of this package: nothing to download."""

    source: Literal["embedded"] = Field("embedded", description="Where the network comes from.")

    @property
    def label(self) -> str:
        """The name of its architecture."""
        return "emojinet"

    def class_list(self) -> tuple[Target, ...]:
        """A thousand emoji."""
        return load_emoji_classes()

    def own_files(self) -> Mapping[str, Path]:
        """Its weights; none where the package lies in an archive."""
        path = Path(str(WEIGHTS))
        return {"network.weights": path} if path.is_file() else {}

    def load(self) -> Loaded:
        """The network with its trained weights; what it expects of a picture is written in the weights' file."""
        from safetensors import safe_open  # noqa: PLC0415  torch takes seconds

        from renderer.networks.emojinet import EmojiNet  # noqa: PLC0415
        from renderer.networks.network import Loaded, Preprocessing  # noqa: PLC0415

        with as_file(WEIGHTS) as path, safe_open(path, framework="pt") as file:
            notes = file.metadata()
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  not a mapping
        module = EmojiNet(classes=len(state["classifier.bias"]), width=int(notes["width"]))
        module.load_state_dict(state)
        red, green, blue = map(float, notes["mean"].split(","))
        red_std, green_std, blue_std = map(float, notes["std"].split(","))
        size, mean, std = int(notes["input_size"]), (red, green, blue), (red_std, green_std, blue_std)
        return Loaded(module, Preprocessing(size, mean, std))
