"""Pictures kept without loss until another chain fades into them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from renderer.store.files import whole_file


def write_pictures(path: Path, pictures: Sequence[UInt8[np.ndarray, "height width 3"]]) -> None:
    """Write pictures of one size, at least one, as one NumPy file."""
    with whole_file(path) as temporary:
        np.save(temporary, np.stack(pictures), allow_pickle=False)


def count_pictures(path: Path) -> int | None:
    """How many pictures a file of `write_pictures` has; None if it is none."""
    try:
        return len(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError):
        return None


def read_pictures(path: Path) -> UInt8[np.ndarray, "pictures height width 3"]:
    """Read what `write_pictures` wrote."""
    pictures: UInt8[np.ndarray, "pictures height width 3"] = np.load(path, allow_pickle=False)
    return pictures
