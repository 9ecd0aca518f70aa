"""The weights as the package carries them."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from emojinet.choice import Emoji
from emojinet.train import MEAN, STD, Normalized, Training
from renderer.networks.emojinet import EmojiNet

LICENSE = (
    "Trained by the neuron-atlas project from pictures of Noto Color Emoji (SIL Open Font License 1.1); "
    "class names from Unicode's emoji data (Unicode License)."
)


def export(training: Training, weights: Path) -> None:
    """Writes the averaged weights as float16, normalization folded in."""
    network = training.averaged.network.eval().fold()
    tensors = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, weights, metadata=metadata(training))
    weights.chmod(0o644)


def metadata(training: Training) -> dict[str, str]:
    """Tells how the network wants to be built and fed."""
    return {
        "architecture": "emojinet",
        "classes": str(len(training.emoji)),
        "width": str(training.recipe.width),
        "input_size": str(training.recipe.sizes[-1][1]),
        "mean": ",".join([str(MEAN)] * 3),
        "std": ",".join([str(STD)] * 3),
        "training_steps": f"{training.step} of {training.recipe.steps}",
        "license": LICENSE,
    }


def load_exported(path: Path, device: torch.device) -> tuple[Normalized, int]:
    """Loads what `export` wrote, in float32; returns the network and its input size."""
    with safe_open(path, "pt") as file:
        notes = file.metadata()
    network = EmojiNet(int(notes["classes"]), int(notes["width"]))
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    return Normalized(network).to(device).eval(), int(notes["input_size"])


def load_any(path: Path, device: torch.device) -> tuple[Normalized, int, list[Emoji] | None]:
    """Loads a checkpoint or an exported file; only the former knows its class list."""
    if path.suffix == ".safetensors":
        return *load_exported(path, device), None
    training = Training.load(path, device)
    return training.averaged, training.recipe.sizes[-1][1], training.emoji
