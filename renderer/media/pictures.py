"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from renderer.store.absent import fetch_absent
from renderer.store.files import whole_file

_GROUND = (128, 128, 128)


def save_still(
    path: Path, picture: UInt8[np.ndarray, "height width 3"], opacity: UInt8[np.ndarray, "height width"] | None = None
) -> None:
    """Save a picture as PNG, without loss, whole or not at all.

    Args:
        path: The file.
        picture: Red, green and blue.
        opacity: From 0, clear, to 255; None for a picture without an alpha channel.
    """
    saved = picture if opacity is None else np.dstack([picture, opacity])
    with whole_file(path) as temporary:
        Image.fromarray(saved).save(temporary, format="PNG")


def load_picture(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Load the colors of a picture that `save_still` has saved, also where they are transparent.

    Raises:
        OSError: The file is missing, damaged, or no PNG of 8-bit colors.
    """
    return np.ascontiguousarray(np.array(open_still(path))[..., :3])


def open_still(path: Path) -> Image.Image:
    """Load a picture that `save_still` has saved, with its opacity if it has one; raises OSError as `load_picture`."""
    fetch_absent(path)
    try:
        # Not Image.open, which refuses large pictures because they might be an attack.
        with PngImageFile(path) as image:
            image.load()
    except (SyntaxError, ValueError) as error:
        raise OSError(f"{path} is not a whole PNG picture: {error}") from error
    if image.mode not in {"RGB", "RGBA"}:
        raise OSError(f"{path} is a PNG of another kind than this program writes: {image.mode}")
    return image


def mix(
    old: UInt8[np.ndarray, "height width 3"], new: UInt8[np.ndarray, "height width 3"], share: float
) -> UInt8[np.ndarray, "height width 3"]:
    """Mix two pictures; `share` in [0, 1] is that of the new one."""
    mixed = old.astype(np.float32) * np.float32(1 - share) + new.astype(np.float32) * np.float32(share)
    return np.rint(mixed).astype(np.uint8)


def opaque(image: Image.Image) -> Image.Image:
    """A picture without transparency, on gray where it has some: loaders differ in what they make of that."""
    if image.mode == "RGB":
        return image
    ground = Image.new("RGB", image.size, _GROUND)
    ground.paste(image, mask=image.getchannel("A"))
    return ground
