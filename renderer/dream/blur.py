"""Taking away what is finer than anything that is dreamed."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from renderer.dream.canvas import CANVASES, Canvas

_SHARP = 0.05  # Standard deviation, in pixels, of a blur that changes nothing.

Pictures = Float[Tensor, "batch 3 height width"]


def blur(pictures: Pictures, deviation: float, canvas: Canvas = CANVASES["mirror"]) -> Pictures:
    """Blur pictures by a Gaussian of the given standard deviation in pixels."""
    if deviation < _SHARP:
        return pictures
    reach = min(math.ceil(3 * deviation), *(side - 1 for side in pictures.shape[-2:]))
    height, width = pictures.shape[-2:]
    if canvas != CANVASES["mirror"]:  # which is what the blur itself does
        pictures = canvas.surrounded(pictures, reach)
    blurred: Tensor = gaussian_blur(pictures, [2 * reach + 1] * 2, [deviation] * 2)
    top, left = ((blurred.shape[-2] - height) // 2, (blurred.shape[-1] - width) // 2)
    return blurred[..., top : top + height, left : left + width]
