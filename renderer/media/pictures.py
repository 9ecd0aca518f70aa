"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from renderer.store.files import whole_file


def save_still(path: Path, picture: UInt8[np.ndarray, "height width 3"]) -> None:
    """Save a picture as PNG, without loss, whole or not at all."""
    with whole_file(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def load_picture(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """Load a picture that `save_still` has saved.

    Raises:
        OSError: The file is missing, damaged, or no PNG of three 8-bit channels.
    """
    try:
        # Not Image.open, which refuses large pictures because they might be an attack.
        with PngImageFile(path) as image:
            mode, picture = image.mode, np.array(image)
    except (SyntaxError, ValueError) as error:
        raise OSError(f"{path} is not a whole PNG picture: {error}") from error
    if mode != "RGB":
        raise OSError(f"{path} is a PNG of another kind than this program writes: {mode}")
    return picture


def mix(
    old: UInt8[np.ndarray, "height width 3"], new: UInt8[np.ndarray, "height width 3"], share: float
) -> UInt8[np.ndarray, "height width 3"]:
    """Mix two pictures; `share` in [0, 1] is that of the new one."""
    mixed = old.astype(np.float32) * np.float32(1 - share) + new.astype(np.float32) * np.float32(share)
    return np.rint(mixed).astype(np.uint8)
