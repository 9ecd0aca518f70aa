"""How the picture is held while it is optimized: what the ascent changes, and the picture that it stands for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.config.models import FourierParameterization, PixelParameterization
from renderer.config.models import Parameterization as ParameterizationSettings

# Red, green and blue from luminance, blue-yellow and red-green: the principal axes of natural colors and, roughly,
# their standard deviations (Ohta, Kanade & Sakai 1980, "Color information for region segmentation").
_AXES = ((1 / 3**0.5, 1 / 2**0.5, 1 / 6**0.5), (1 / 3**0.5, 0.0, -2 / 6**0.5), (1 / 3**0.5, -1 / 2**0.5, 1 / 6**0.5))
_DEVIATIONS = (1.0, 0.35, 0.16)
_BORDER = 0.004  # Nearest to black or white that a picture held by a sigmoid can be: one of 255 steps.

Pictures = Float[Tensor, "batch 3 height width"]


class Parameterization(Protocol):
    """Pictures with values in [0, 1], and the coordinates in which they are optimized."""

    def encode(self, pictures: Pictures) -> Tensor:
        """Coordinates that stand for the pictures; the inverse of `decode` up to the borders of the range."""
        ...

    def decode(self, coordinates: Tensor) -> Pictures:
        """The pictures, differentiable with respect to the coordinates."""
        ...


class Pixels:
    """The plain pixels (Simonyan et al. 2013, arXiv 1312.6034), clipped to the range."""

    def encode(self, pictures: Pictures) -> Tensor:
        """The pictures themselves."""
        return pictures.clone()

    def decode(self, coordinates: Tensor) -> Pictures:
        """The pictures, clipped; the gradient passes, so that a clipped pixel can come back."""
        return coordinates + (coordinates.clamp(0, 1) - coordinates).detach()


class Fourier:
    """Fourier coefficients, scaled by 1/f^decay, of decorrelated colors (Olah et al. 2017, "Feature Visualization").

    A coefficient of a low frequency moves the picture more than one of a high frequency does, and luminance more than
    color, as in natural pictures. A sigmoid keeps the picture in range.
    """

    def __init__(self, decay: float, size: tuple[int, int], device: torch.device) -> None:
        self._size = size
        height, width = size
        vertical = torch.fft.fftfreq(height, device=device)[:, None]
        horizontal = torch.fft.rfftfreq(width, device=device)[None]
        longest = 1 / math.sqrt(height * width)
        frequency = (vertical.square() + horizontal.square()).sqrt().clamp(min=longest)
        self._scale = (longest / frequency) ** decay * math.sqrt(height * width) / 4
        self._colors = torch.tensor(_AXES, device=device) * torch.tensor(_DEVIATIONS, device=device)
        self._decorrelate = torch.linalg.inv(self._colors.cpu()).to(device)

    def encode(self, pictures: Pictures) -> Float[Tensor, "batch 3 height half 2"]:
        """Real and imaginary parts of the coefficients."""
        held = pictures.clamp(_BORDER, 1 - _BORDER).logit()
        decorrelated = torch.einsum("dc,bchw->bdhw", self._decorrelate, held)
        return torch.view_as_real(torch.fft.rfft2(decorrelated, norm="ortho") / self._scale)

    def decode(self, coordinates: Float[Tensor, "batch 3 height half 2"]) -> Pictures:
        """The pictures."""
        coefficients = torch.view_as_complex(coordinates) * self._scale
        decorrelated = torch.fft.irfft2(coefficients, s=self._size, norm="ortho")
        return torch.einsum("cd,bdhw->bchw", self._colors, decorrelated).sigmoid()


@lru_cache(maxsize=4)
def build_parameterization(
    settings: ParameterizationSettings, size: tuple[int, int], device: torch.device
) -> Parameterization:
    """The parameterization for pictures of the given height and width; kept, since every frame asks for it."""
    match settings:
        case FourierParameterization():
            return Fourier(settings.decay, size, device)
        case PixelParameterization():
            return Pixels()
