"""Pictures of emoji, out of a color bitmap font."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

BITMAP_SIZE = 109
"""The one size at which Noto Color Emoji carries its bitmaps."""

MARGIN = 0.04
"""Transparent rim around each picture, as a part of its side."""


def draw(font: ImageFont.FreeTypeFont, character: str, size: int) -> Image.Image:
    """Draws one emoji, centered on a transparent square of `size` pixels."""
    left, top, right, bottom = font.getbbox(character)
    width, height = int(right - left), int(bottom - top)
    side = round(max(width, height, 1) * (1 + 2 * MARGIN))
    canvas = Image.new("RGBA", (side, side))
    origin = ((side - width) // 2 - left, (side - height) // 2 - top)
    ImageDraw.Draw(canvas).text(origin, character, font=font, embedded_color=True)
    return canvas.resize((size, size), Image.Resampling.LANCZOS)


def premultiply(picture: Image.Image) -> np.ndarray:
    """Turns an RGBA picture into 4 x height x width bytes whose color is multiplied by its coverage."""
    rgba = np.asarray(picture, dtype=np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    return np.rint(rgba * 255).astype(np.uint8).transpose(2, 0, 1)


def glyph_bank(font_path: Path, characters: Sequence[str], size: int) -> Tensor:
    """Draws all emoji: count x 4 x size x size bytes, red, green and blue multiplied by alpha."""
    font = ImageFont.truetype(str(font_path), BITMAP_SIZE)
    # The base code point alone selects the color bitmap; U+FE0F would need a shaping engine.
    pictures = [premultiply(draw(font, character[0], size)) for character in characters]
    return torch.from_numpy(np.stack(pictures))
