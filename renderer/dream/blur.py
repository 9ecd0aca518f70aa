"""Taking away what is finer than anything that is dreamed."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

_SHARP = 0.05  # Standard deviation, in pixels, of a blur that changes nothing.

Pictures = Float[Tensor, "batch 3 height width"]


def blur(pictures: Pictures, deviation: float) -> Pictures:
    """Blur pictures by a Gaussian of the given standard deviation in pixels; beyond the border they are mirrored."""
    if deviation < _SHARP:
        return pictures
    reach = min(math.ceil(3 * deviation), *(side - 1 for side in pictures.shape[-2:]))
    blurred: Tensor = gaussian_blur(pictures, [2 * reach + 1] * 2, [deviation] * 2)
    return blurred
