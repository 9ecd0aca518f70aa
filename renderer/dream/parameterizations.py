"""How the picture is held while it is optimized: what the ascent changes, and the picture that it stands for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from renderer.dream.blur import blur
from renderer.dream.canvas import Canvas
from renderer.dream.dreaming import MacoParameterization, PixelParameterization
from renderer.dream.parameterization_kind import ParameterizationKind

# Red, green and blue from luminance, blue-yellow and red-green: the principal axes of natural colors and, roughly,
# their standard deviations (Ohta, Kanade & Sakai 1980, "Color information for region segmentation").
_AXES = ((1 / 3**0.5, 1 / 2**0.5, 1 / 6**0.5), (1 / 3**0.5, 0.0, -2 / 6**0.5), (1 / 3**0.5, -1 / 2**0.5, 1 / 6**0.5))
_DEVIATIONS = (1.0, 0.35, 0.16)
_SLOPE = 0.25  # Of the sigmoid at mid-gray.
_FAR = 20.0  # In units of the sigmoid: from one end of the range to the other.
_MID = 0.5
_BORDER = 0.004  # Nearest to black or white that a picture held by a sigmoid can be: one of 255 steps.

Pictures = Float[Tensor, "batch 3 height width"]


class StepTime(NamedTuple):
    """When in an ascent something is done.

    Attributes:
        step: Number of the step.
        progress: From 0 at the beginning of a fresh picture's octave to 1 at its end, and afterwards.
    """

    step: int
    progress: float


class Parameterization(Protocol):
    """Pictures with values in [0, 1], and the coordinates in which they are optimized."""

    def encode(self, pictures: Pictures) -> Tensor:
        """Coordinates that stand for the pictures, or for what of them can be held."""
        ...

    def decode(self, coordinates: Tensor) -> Pictures:
        """The pictures, differentiable with respect to the coordinates."""
        ...

    def settle(self, coordinates: Tensor, gradient: Tensor, moment: StepTime, canvas: Canvas) -> None:
        """What is done to the coordinates, in place, after each step, which followed the gradient."""
        ...


class ViewParameterization(Parameterization, Protocol):
    """One in which a picture can be changed a little without being held in it."""

    def pulled(self, pictures: Pictures, gradient: Pictures) -> Tensor:
        """The gradient with respect to the coordinates, from that with respect to the pixels."""
        ...

    def pushed(self, pictures: Pictures, change: Tensor) -> Pictures:
        """How pictures change when their coordinates do; where the change is 0, exactly not at all."""
        ...


class _Untouched:
    def settle(self, coordinates: Tensor, gradient: Tensor, moment: StepTime, canvas: Canvas) -> None:
        """Nothing is done after a step."""


class Pixels:
    """The plain pixels (Simonyan et al. 2013, arXiv 1312.6034), kept in range by clipping.

    If so wished they are blurred, and those that matter little are made gray (Yosinski et al. 2015, arXiv 1506.06579).
    """

    def __init__(self, settings: PixelParameterization, *, is_gray: bool = False) -> None:
        self._settings, self._is_gray = settings, is_gray

    def encode(self, pictures: Pictures) -> Tensor:
        """The pictures themselves."""
        return pictures.clone()

    def decode(self, coordinates: Tensor) -> Pictures:
        """The pictures, clipped; the gradient passes, so that a clipped pixel can come back."""
        held = coordinates.mean(1, keepdim=True).expand_as(coordinates) if self._is_gray else coordinates
        return held + (held.clamp(0, 1) - held).detach()

    @torch.no_grad()
    def settle(self, coordinates: Tensor, gradient: Tensor, moment: StepTime, canvas: Canvas) -> None:
        """Blurs, less and less, so that noise cannot grow; then makes gray what is nearly so or hardly contributes."""
        begin, end = self._settings.blur
        deviation = begin + (end - begin) * moment.progress
        if deviation > 0 and (moment.step + 1) % self._settings.blur_every == 0:
            coordinates.copy_(blur(coordinates.clamp(0, 1), deviation, canvas))
        if self._settings.clip_norm:
            _make_gray(coordinates, _norms(coordinates - _MID), self._settings.clip_norm)
        if self._settings.clip_contribution:
            _make_gray(coordinates, _contributions(coordinates - _MID, gradient), self._settings.clip_contribution)


def _norms(away: Pictures) -> Float[Tensor, "batch 1 height width"]:
    norms: Tensor = away.square().sum(1, keepdim=True)
    return norms


def _contributions(away: Pictures, gradient: Tensor) -> Float[Tensor, "batch 1 height width"]:
    """How much the objective would change, to first order, if a pixel became gray."""
    return (away * gradient).sum(1, keepdim=True).abs()


def _make_gray(pictures: Pictures, measured: Float[Tensor, "batch 1 height width"], share: float) -> None:
    """Give a share of the pixels of each picture, those of the least measure, the color of no effort."""
    rank = max(1, round(share * measured[0].numel()))
    most = measured.flatten(1).kthvalue(rank).values.view(-1, 1, 1, 1)
    pictures.copy_(torch.where(measured <= most, _MID, pictures))


class Fourier(_Untouched):
    """Fourier coefficients, scaled by 1/f^decay, of decorrelated colors (Olah et al. 2017, "Feature Visualization").

    A coefficient of a low frequency moves the picture more than one of a high frequency does, and luminance more than
    color, as in natural pictures. A sigmoid keeps the picture in range.
    """

    def __init__(self, decay: float, size: tuple[int, int], device: torch.device, *, is_gray: bool = False) -> None:
        height, width = size
        self._scale = _one_over_f(size, device) ** decay * math.sqrt(height * width) / 4
        self._spectrum = _Spectrum(size, device, is_gray=is_gray)

    def encode(self, pictures: Pictures) -> Float[Tensor, "batch 3 height half 2"]:
        """Real and imaginary parts of the coefficients."""
        return torch.view_as_real(self._spectrum.coefficients(pictures) / self._scale)

    def decode(self, coordinates: Float[Tensor, "batch 3 height half 2"]) -> Pictures:
        """The pictures."""
        return self._spectrum.pictures(torch.view_as_complex(coordinates) * self._scale)

    def pulled(self, pictures: Pictures, gradient: Pictures) -> Float[Tensor, "batch 3 height half 2"]:
        """The gradient with respect to the coefficients."""
        return torch.view_as_real(self._spectrum.pulled(pictures, gradient) * self._scale)

    def pushed(self, pictures: Pictures, change: Float[Tensor, "batch 3 height half 2"]) -> Pictures:
        """How pictures change when their coefficients do."""
        return self._spectrum.pushed(pictures, torch.view_as_complex(change) * self._scale)


class Maco(_Untouched):
    """Phases of the Fourier coefficients; their magnitudes are those of natural pictures (Fel et al. 2023, 2306.06805).

    The magnitudes follow the 1/f law, in the colors' proportions. So no frequency, and no noise, can be won by making
    it stronger: only the places of things can change. There is no mean: a picture is gray on the whole.
    """

    def __init__(
        self, settings: MacoParameterization, size: tuple[int, int], device: torch.device, *, is_gray: bool = False
    ) -> None:
        height, width = size
        self._spectrum = _Spectrum(size, device, is_gray=is_gray)
        self._own = torch.arange(width // 2 + 1, device=device) % (width / 2) == 0
        magnitude = _one_over_f(size, device) ** settings.decay
        # The coefficients that are their own mirror images are real: they have no phase that could change.
        magnitude[(torch.arange(height, device=device) % (height / 2) == 0)[:, None] & self._own] = 0
        power = (magnitude.square() * torch.where(self._own, 1, 2)).sum() / (height * width)
        strength = sum(deviation**2 for deviation in (_DEVIATIONS[:1] if is_gray else _DEVIATIONS)) / 3
        self._magnitude = magnitude * settings.contrast / _SLOPE / (power * strength).sqrt()

    def encode(self, pictures: Pictures) -> Float[Tensor, "batch 3 height half"]:
        """Phases of the pictures, in radians; their magnitudes are lost."""
        return self._spectrum.coefficients(pictures).angle()

    def decode(self, coordinates: Float[Tensor, "batch 3 height half"]) -> Pictures:
        """The pictures that have these phases."""
        # In the first column, and the last one of an even width, opposite rows belong to each other.
        mirrored = coordinates.flip(-2).roll(1, -2)
        phases = torch.where(self._own, (coordinates - mirrored) / 2, coordinates)
        return self._spectrum.pictures(torch.polar(self._magnitude.expand_as(phases), phases))


class _Spectrum:
    """From pictures to the Fourier coefficients of their decorrelated colors, and back; a sigmoid gives the range.

    Gray pictures are those of luminance alone.
    """

    def __init__(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> None:
        self._size = size
        colors = torch.tensor(_AXES) * torch.tensor(_DEVIATIONS)
        self._decorrelate = torch.linalg.inv(colors).to(device)
        self._colors = (colors * torch.tensor([1.0, 0.0, 0.0]) if is_gray else colors).to(device)

    def coefficients(self, pictures: Pictures) -> Complex[Tensor, "batch 3 height half"]:
        held = pictures.clamp(_BORDER, 1 - _BORDER).logit()
        coefficients: Tensor = torch.fft.rfft2(_recolored(self._decorrelate, held), norm="ortho")
        return coefficients

    def pictures(self, coefficients: Complex[Tensor, "batch 3 height half"]) -> Pictures:
        return self._held(coefficients).sigmoid()

    def pulled(self, pictures: Pictures, gradient: Pictures) -> Complex[Tensor, "batch 3 height half"]:
        """The gradient with respect to the coefficients, up to that of a pair counting twice."""
        inside = pictures.clamp(_BORDER, 1 - _BORDER)
        slopes = (inside - inside.square()).mul_(gradient)
        pulled: Tensor = torch.fft.rfft2(_recolored(self._colors.T, slopes), norm="ortho")
        return pulled

    def pushed(self, pictures: Pictures, change: Complex[Tensor, "batch 3 height half"]) -> Pictures:
        # What sigmoid(logit(p) + held) - p comes to, and exactly 0 where nothing is changed.
        growth = self._held(change).clamp_(-_FAR, _FAR).expm1_()
        inside = pictures.clamp(_BORDER, 1 - _BORDER)
        bent = (inside * growth).add_(1)
        return growth.mul_(inside - inside.square()).div_(bent)

    def _held(self, coefficients: Complex[Tensor, "batch 3 height half"]) -> Tensor:
        """What the sigmoid is taken of."""
        return _recolored(self._colors, torch.fft.irfft2(coefficients, s=self._size, norm="ortho"))


def _recolored(matrix: Float[Tensor, "3 3"], pictures: Pictures) -> Pictures:
    return (matrix @ pictures.flatten(2)).view_as(pictures)


def _one_over_f(size: tuple[int, int], device: torch.device) -> Float[Tensor, "height half"]:
    """The inverse of each coefficient's frequency; at most 1, which is that of the mean too."""
    height, width = size
    vertical = torch.fft.fftfreq(height, device=device)[:, None]
    horizontal = torch.fft.rfftfreq(width, device=device)[None]
    longest = 1 / math.sqrt(height * width)
    frequency: Tensor = (vertical.square() + horizontal.square()).sqrt().clamp(min=longest)
    return longest / frequency


def build_parameterization(
    settings: ParameterizationKind, size: tuple[int, int], device: torch.device, *, is_gray: bool = False
) -> Parameterization:
    """The parameterization for pictures of the given height and width; kept, since every frame asks for it."""
    return _built(settings, settings.version, size, device, is_gray)


@lru_cache(maxsize=32)
def _built(
    settings: ParameterizationKind,
    version: tuple[int, ...],  # noqa: ARG001  what is kept depends on it
    size: tuple[int, int],
    device: torch.device,
    is_gray: bool,  # noqa: FBT001
) -> Parameterization:
    return settings.build(size, device, is_gray=is_gray)
