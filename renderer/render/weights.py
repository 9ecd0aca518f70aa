"""The file that holds a network's weights, as far as it is known without torch."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from renderer.config.errors import UserError
from renderer.config.models import EmbeddedNetwork, Network, TorchvisionNetwork
from renderer.run_directory.files import digest

_SUFFIXES = (".safetensors", ".pth", ".pt")


def weights_file(network: Network) -> Path | None:
    """The file of a network's weights; None where it is not there, or is inside an archive.

    Raises:
        UserError: A file is named that is not there.
    """
    match network:
        case EmbeddedNetwork():
            path = Path(str(files("renderer.networks") / "data" / "emojinet.safetensors"))
            return path if path.is_file() else None
        case TorchvisionNetwork(weights=weights) if weights.endswith(_SUFFIXES) or "/" in weights:
            path = Path(weights)
            if not path.is_file():
                raise UserError(f"network.weights: there is no file {path}; relative paths are taken from {Path.cwd()}")
            return path
        case TorchvisionNetwork(name=name):
            # torch names downloaded files after the model and their contents.
            return next(iter(sorted(download_folder().glob(f"{name}-*.pth"))), None)


def weights_digest(network: Network) -> str | None:
    """Digest of the weights' file; None for named weights, whose contents never change.

    Raises:
        UserError: A file is named that is not there.
    """
    path = weights_file(network)
    is_named = isinstance(network, TorchvisionNetwork) and path != Path(network.weights)
    return digest(path) if path and not is_named else None


def download_folder() -> Path:
    """Where torch keeps downloaded weights."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"
