"""Photographs: pictures of any format and size, as the dreaming wants them."""

from __future__ import annotations

import io
import warnings
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from renderer.common.digests import bytes_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file

Fit = Literal["cover", "contain", "stretch"]
"""How a picture of another proportion fills a frame: cut off, with a border, or out of proportion."""

_GRAY = np.float32(0.5)
CAT = Path(str(files("renderer.common") / "data" / "cat.jpg"))
"""The photograph that comes along: Chelsea, by Stéfan van der Walt (CC0)."""

_MOST = 100_000  # Entries of a folder that are looked at.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # an error comes at twice the size

_KEPT = 16  # Photographs that stay in memory: neighbors in a film often begin with the same one.
_UNREADABLE = (OSError, ValueError, TypeError, SyntaxError, EOFError, Image.DecompressionBombError)


class Photograph(NamedTuple):
    """A picture from a file.

    Attributes:
        picture: Red, green and blue with values in [0, 1], over gray where the file is transparent.
        opacity: How opaque the file is, in [0, 1].
    """

    picture: Float32[np.ndarray, "3 height width"]
    opacity: Float32[np.ndarray, "height width"]

    @property
    def frame(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture as frames and stills are."""
        rounded: UInt8[np.ndarray, "height width 3"] = (self.picture.transpose(1, 2, 0) * 255).round().astype(np.uint8)
        return np.ascontiguousarray(rounded)


def read_photograph(path: Path, size: tuple[int, int], fit: Fit = "cover", digest: str | None = None) -> Photograph:
    """Read a picture of any format that Pillow knows, upright and in sRGB; of several in a file the first.

    Args:
        path: The file.
        size: Wished height and width in pixels.
        fit: How it fills them.
        digest: Tells its contents; None where they may be any.

    Raises:
        UserError: There is no such file, it is no whole picture, or its contents are others.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(no_such_file(path)) from error
    colors, found = _read(path, size, fit, (status.st_mtime_ns, status.st_size))
    if digest not in (None, found):
        raise UserError(f"{path} is not the file any more that the run began with; put that back, or render again")
    values = colors.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    opacity = values[3].copy()
    return Photograph(values[:3] * opacity + _GRAY * (1 - opacity), opacity)


def photograph_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture, upright. Raises as `read_photograph`."""
    if not is_ordinary_file(path):
        raise UserError(no_such_file(path))
    with _opened(path) as image:
        try:
            width, height = _upright(image).size
        except _UNREADABLE as error:
            raise _unreadable(path, error) from error
    return height, width


def check_photograph(path: Path) -> None:
    """Refuse what is no picture, by the beginning of the file alone. Raises UserError."""
    if not is_ordinary_file(path):
        raise UserError(no_such_file(path))
    _opened(path).close()


def photographs_in(folder: Path, key: str) -> list[Path]:
    """The pictures in a folder, by their endings, in the order of their names.

    Args:
        folder: The folder.
        key: Of the setting that names it.

    Raises:
        UserError: There are none, or too many files to look at.
    """
    Image.init()
    entries = list(islice(folder.iterdir(), _MOST + 1))
    if len(entries) > _MOST:
        raise UserError(f"{key}: the folder {folder} has more than {_MOST:,} entries; name one of pictures alone")
    shown = [path for path in entries if path.suffix.lower() in Image.EXTENSION and not path.name.startswith(".")]
    if found := sorted(path for path in shown if is_ordinary_file(path)):
        return found
    raise UserError(f"{key}: there is no picture in the folder {folder}; put some there, or name another one")


@lru_cache(maxsize=_KEPT)
def _read(
    path: Path, size: tuple[int, int], fit: Fit, _version: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "height width 4"], str]:
    """Colors and opacity of a picture, and the digest of its file."""
    if not is_ordinary_file(path):
        raise UserError(no_such_file(path))
    contents = path.read_bytes()
    with _opened(path, contents) as image:
        try:
            return np.asarray(_fitted(_in_colors(image), (size[1], size[0]), fit)), bytes_digest(contents)
        except _UNREADABLE as error:
            raise _unreadable(path, error) from error


def _opened(path: Path, contents: bytes | None = None) -> Image.Image:
    try:
        return Image.open(path if contents is None else io.BytesIO(contents))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    if isinstance(error, Image.DecompressionBombError):
        return UserError(f"{path} is too large a picture ({error}); make it smaller")
    why = "it is of no known format" if isinstance(error, UnidentifiedImageError) else str(error)
    return UserError(f"{path} cannot be read as a picture ({why}); save it anew as JPEG or PNG")


def _in_colors(image: Image.Image) -> Image.Image:
    """The first picture of a file, upright, as red, green, blue and opacity in sRGB."""
    upright = _upright(image)
    if upright.mode == "F" or upright.mode.startswith("I"):
        upright = _in_bytes(upright)
    if not upright.has_transparency_data:
        return _in_srgb(upright).convert("RGB").convert("RGBA")
    whole = upright.convert("RGBA")
    colors = whole.convert("RGB")
    colors.info = upright.info
    whole.paste(_in_srgb(colors).convert("RGB"))
    whole.putalpha(upright.convert("RGBA").getchannel("A"))
    return whole


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (TypeError, ValueError, SyntaxError):  # the orientation is no number, or cannot be read
        image.load()
        return image


def _in_bytes(gray: Image.Image) -> Image.Image:
    """Gray of more than 8 bits, which Pillow would cut off at 255; where white is follows from what there is."""
    values = np.nan_to_num(np.asarray(gray, dtype=np.float64))
    most = float(values.max())
    whites = (65535.0,) if gray.mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    white = next((white for white in whites if most <= white), most)
    return Image.fromarray((values * 255 / white).clip(0, 255).round().astype(np.uint8))


def _in_srgb(image: Image.Image) -> Image.Image:
    """The same colors, without a profile of their own; as they are where the profile is of no use."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "CMYK"}:
        return image
    try:
        own, common = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, own, common, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    match fit:
        case "cover":
            return ImageOps.fit(image, size, Image.Resampling.LANCZOS)
        case "stretch":
            return image.resize(size, Image.Resampling.LANCZOS)
        case "contain":
            inside = ImageOps.contain(image, size, Image.Resampling.LANCZOS)
            whole = Image.new("RGBA", size, (0, 0, 0, 0))
            whole.paste(inside, ((size[0] - inside.width) // 2, (size[1] - inside.height) // 2))
            return whole
