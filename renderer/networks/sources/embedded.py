"""The classifier of 1000 emoji that is part of this package."""

from __future__ import annotations

from importlib.resources import as_file, files

from safetensors import safe_open
from torch import nn

from renderer.networks.emojinet import EmojiNet
from renderer.networks.network import Preprocessing

WEIGHTS = files("renderer.networks") / "data" / "emojinet.safetensors"


def load_embedded() -> tuple[nn.Module, Preprocessing]:
    """The network with its trained weights; what it expects of a picture is written in the weights' file."""
    with as_file(WEIGHTS) as path, safe_open(path, framework="pt") as file:
        notes = file.metadata()
        state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  not a mapping
    module = EmojiNet(classes=len(state["classifier.bias"]), width=int(notes["width"]))
    module.load_state_dict(state)
    red, green, blue = map(float, notes["mean"].split(","))
    red_std, green_std, blue_std = map(float, notes["std"].split(","))
    size, mean, std = int(notes["input_size"]), (red, green, blue), (red_std, green_std, blue_std)
    return module, Preprocessing(size, mean, std)
