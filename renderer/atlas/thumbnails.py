"""Small copies of the stills, for the page's grid."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from renderer.store.files import whole_file
from renderer.store.paths import RunPaths

_LONGER_SIDE = 320
_QUALITY = 78


def make_thumbnail(paths: RunPaths, still: Path) -> None:
    """Make the small WebP copy of a still, unless there is one that is not older.

    Raises:
        OSError: The still cannot be read, or the copy not be written.
    """
    path = paths.thumbnail(still)
    if path.is_file() and path.stat().st_mtime >= still.stat().st_mtime:
        return
    # Not Image.open, which takes a large picture for an attack.
    try:
        with PngImageFile(still) as picture:
            image = picture.convert("RGB")
    except (SyntaxError, ValueError) as error:
        raise OSError(f"{still} is not a whole PNG picture: {error}") from error
    image.thumbnail((_LONGER_SIDE, _LONGER_SIDE), Image.Resampling.LANCZOS)
    # It can be made again from the still at any time.
    with whole_file(path, durable=False) as temporary:
        image.save(temporary, format="WEBP", quality=_QUALITY)
