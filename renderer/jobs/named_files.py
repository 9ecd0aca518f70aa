"""The files that settings name: where they lie and what is in them, as far as that is known without torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from renderer.common.errors import UserError
from renderer.settings.sections import EmbeddedNetwork, Network, Settings, TorchvisionNetwork
from renderer.store.files import digest


def with_absolute_paths(settings: Settings) -> Settings:
    """The same settings, but their paths mean the same from every folder.

    Raises:
        UserError: A path cannot be written down.
    """
    network, overlay, video = settings.network, settings.overlay, settings.video
    if isinstance(network, TorchvisionNetwork):
        weights = str(_absolute("network.weights", network.weights_path) or network.weights)
        classes = _absolute("network.classes", network.classes)
        network = network.model_copy(update={"weights": weights, "classes": classes})
    return settings.model_copy(
        update={
            "network": network,
            "overlay": overlay.model_copy(update={"font": _absolute("overlay.font", overlay.font)}),
            "video": video.model_copy(update={"audio": _absolute("video.audio", video.audio)}),
        }
    )


def file_contents(settings: Settings) -> dict[str, str]:
    """What stands for the contents of the files that make pixels, by key: a digest, or the name of torchvision weights.

    Raises:
        UserError: A file is named that is not there.
    """
    found = {"network.weights": _weights_contents(settings.network)}
    if settings.overlay.font:
        found["overlay.font"] = digest(_existing("overlay.font", settings.overlay.font))
    return found


def weights_file(network: Network) -> Path | None:
    """The file of a network's weights; None where they have a name alone, or are inside an archive.

    Raises:
        UserError: A file is named that is not there.
    """
    match network:
        case EmbeddedNetwork():
            path = Path(str(files("renderer.networks") / "data" / "emojinet.safetensors"))
            return path if path.is_file() else None
        case TorchvisionNetwork():
            return _existing("network.weights", network.weights_path) if network.weights_path else None


def _weights_contents(network: Network) -> str:
    path = weights_file(network)
    if path:
        return digest(path)
    return network.weights if isinstance(network, TorchvisionNetwork) else network.source


def _existing(key: str, path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{key}: there is no file {path}; relative paths are taken from {Path.cwd()}")
    return path


def _absolute(key: str, path: Path | None) -> Path | None:
    if path and not is_text(str(path.absolute())):
        # The file that keeps the settings is text.
        raise UserError(f"{key}: the path {str(path.absolute())!a} is no UTF-8; rename what is not, or move the file")
    return path.absolute() if path else None


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8; those of files are bytes, and may be anything."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
