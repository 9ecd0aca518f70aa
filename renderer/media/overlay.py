"""Text over frames: drawn once, and blended into frame after frame."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from renderer.media.fonts import drawable, load_font
from renderer.media.layout import Box, Row, bounds, lay_out
from renderer.media.standing_text import drawn_size, stood_up
from renderer.settings.sections import Overlay, Projection

Picture = UInt8[np.ndarray, "height width 3"]
Color = Float32[np.ndarray, "height width 3"]
Opacity = Float32[np.ndarray, "height width 1"]

_CACHED_LAYERS = 32
_FIRMNESS = 0.8  # opacity of the outline's sharp part
_SOFTNESS = 0.6  # standard deviation of its blur, as a share of its width


def text_opacity(overlay: Overlay, fps: float, frame: int, class_frames: int) -> float:
    """How visible the text of a class is: it fades in where the class begins, and out where it ends.

    Args:
        overlay: The settings.
        fps: Frames per second.
        frame: Number of the frame within its class, from 0.
        class_frames: How many frames the class has.

    Returns:
        A share in (0, 1]: the least, but more than 0, on the class's first and last frame. In a class that is too
        short for the fading of the settings, the fading is shortened, so that for half of the time the share is 1.
    """
    fade = min(overlay.fade_seconds * fps, class_frames / 4)
    return min(1.0, (frame + 1) / (fade + 1), (class_frames - frame) / (fade + 1))


class CaptionWriter:
    """Writes captions on frames of one size; a drawn text is kept for further frames with the same text.

    Several threads may write at the same time.
    """

    def __init__(self, overlay: Overlay, size: tuple[int, int], projection: Projection = "flat") -> None:
        """Prepare to write.

        Args:
            overlay: The settings.
            size: Width and height of the frames in pixels.
            projection: What the frames show.

        Raises:
            UserError: The font cannot be read.
        """
        load_font(overlay.font, 24.0)
        draw = _draw_layer if projection == "flat" else _stand_layer
        self._overlay = overlay
        self._drawing = threading.Lock()  # or each of several threads would draw the same text
        self._layer = functools.lru_cache(_CACHED_LAYERS)(functools.partial(draw, size))

    def write(
        self, picture: Picture, texts: tuple[str, ...], opacity: float = 1.0, overlay: Overlay | None = None
    ) -> Picture:
        """Give a picture with text over it.

        Args:
            picture: The picture; it is left as it is.
            texts: The filled templates; see `fill_templates`.
            opacity: Share in [0, 1] by which the opacities of the settings are multiplied.
            overlay: The settings, where they are others by now; of plain numbers.
        """
        with self._drawing:
            layer = self._layer(overlay or self._overlay, texts)
        return picture if layer is None else layer.over(picture, opacity)


@dataclass(frozen=True)
class _Layer:
    """A drawing to be blended over a part of a frame.

    Attributes:
        left: First column of the part.
        top: First row of the part.
        color: The color, multiplied by the opacity.
        opacity: The opacity; 255 hides the frame.
    """

    left: int
    top: int
    color: UInt8[np.ndarray, "part_height part_width 3"]
    opacity: UInt8[np.ndarray, "part_height part_width 1"]

    def over(self, picture: Picture, share: float) -> Picture:
        """Blend, with a share of the opacity, into a copy of a picture. In whole numbers of 16 bits, for speed."""
        factor = round(share * 255)
        hidden = (self.opacity.astype(np.uint16) * factor + 127) // 255
        height, width, _ = self.color.shape
        written = picture.copy()
        part = written[self.top : self.top + height, self.left : self.left + width]
        part[...] = (part * (255 - hidden) + self.color.astype(np.uint16) * factor + 127) // 255
        return written


def _stand_layer(size: tuple[int, int], overlay: Overlay, texts: Sequence[str]) -> _Layer | None:
    """The text before the camera in a panorama of the given size."""
    width, height = drawn_size(size)
    flat = _draw_layer((width, height), overlay, texts)
    if flat is None:
        return None
    drawing = np.zeros((height, width, 4), np.float32)
    (rows, columns), drawn = flat.color.shape[:2], np.concatenate([flat.color, flat.opacity], axis=2)
    drawing[flat.top : flat.top + rows, flat.left : flat.left + columns] = drawn
    part, left, top = stood_up(drawing, size)
    standing = np.rint(part).astype(np.uint8)
    return _Layer(left, top, standing[..., :3], standing[..., 3:])


def _draw_layer(size: tuple[int, int], overlay: Overlay, texts: Sequence[str]) -> _Layer | None:
    rows = lay_out(overlay, size, [drawable(overlay.font, text) for text in texts])
    if not rows:
        return None
    box = left, top, right, bottom = bounds(overlay, rows)
    color = np.zeros((bottom - top, right - left, 3), np.float32)
    opacity = np.zeros((bottom - top, right - left, 1), np.float32)
    fills = [_opacity(_mask(overlay, row, box, stroke=0)) for row in rows]
    free = 1 - np.maximum.reduce(fills)  # no row's outline darkens the text of another
    for row, fill in zip(rows, fills, strict=True):
        outline = _outline(overlay, row, box) * free
        covered = (fill + outline) * np.float32(row.opacity)
        tinted = (fill * _channels(overlay.color) + outline * _channels(overlay.outline)) * np.float32(row.opacity)
        color = tinted + color * (1 - covered)
        opacity = covered + opacity * (1 - covered)
    return _Layer(left, top, _bytes(color), _bytes(opacity))


def _bytes(shares: Float32[np.ndarray, "height width channels"]) -> UInt8[np.ndarray, "height width channels"]:
    scaled: UInt8[np.ndarray, "height width channels"] = np.rint(shares * 255).astype(np.uint8)
    return scaled


def _outline(overlay: Overlay, row: Row, box: Box) -> Opacity:
    """A thin sharp line, so that text can be read on any picture, and a soft halo, which hides details around it."""
    firm = _mask(overlay, row, box, stroke=math.ceil(row.stroke / 2))
    halo = _mask(overlay, row, box, stroke=row.stroke).filter(ImageFilter.GaussianBlur(_SOFTNESS * row.stroke))
    outline: Opacity = np.maximum(np.float32(_FIRMNESS) * _opacity(firm), _opacity(halo))
    return outline


def _mask(overlay: Overlay, row: Row, box: Box, *, stroke: int) -> Image.Image:
    left, top, right, bottom = box
    mask = Image.new("L", (right - left, bottom - top))
    origin = (row.left - left, row.baseline - top)
    font = load_font(overlay.font, row.size)
    ImageDraw.Draw(mask).text(origin, row.text, fill=255, font=font, anchor="ls", stroke_width=stroke)
    return mask


def _opacity(mask: Image.Image) -> Opacity:
    return np.asarray(mask, np.float32)[:, :, None] / np.float32(255)


def _channels(color: str) -> Float32[np.ndarray, "3"]:
    return np.asarray(ImageColor.getrgb(color), np.float32) / np.float32(255)
