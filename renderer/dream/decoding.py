"""Pictures that a decoder draws of codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from renderer.common.errors import UserError
from renderer.dream.canvas import Canvas
from renderer.dream.generator import KEY, GeneratorParameterization
from renderer.dream.parameterizations import Pictures, StepTime
from renderer.networks.exported_files import for_any_batch, read_module
from renderer.networks.state_dicts import first_line

_CELLS = 16  # A side of what is left of a picture that is made a code.
_TINY = 1e-12
_LOOKED_AT = 4  # So many of the decoder's weights are asked how long a code is.
_CODE_SIZE = KEY.replace("decoder", "code_size")

Codes = Float[Tensor, "batch numbers"]


@dataclass(frozen=True)
class Decoder:
    """A decoder that has been tried.

    Attributes:
        module: Takes any number of codes.
        shape: Of one code.
    """

    module: nn.Module
    shape: tuple[int, ...]


class Drawn:
    """Codes, and the pictures that a decoder draws of them (Nguyen et al. 2016, arXiv 1605.09304)."""

    def __init__(
        self,
        settings: GeneratorParameterization,
        decoder: Decoder,
        size: tuple[int, int],
        device: torch.device,
        *,
        is_gray: bool = False,
    ) -> None:
        self._settings, self._shape, self._size, self._is_gray = settings, decoder.shape, size, is_gray
        self._module = decoder.module.to(device)
        drawn = torch.randn(3 * _CELLS**2, decoder.shape[0], generator=torch.Generator().manual_seed(0))
        self._directions = drawn.to(device)

    def encode(self, pictures: Pictures) -> Codes:
        """A code for each picture, which follows from it as from dice: a decoder cannot be run backwards.

        What is left of a picture on a coarse grid is looked at in as many random directions as a code has numbers; so
        codes of different pictures are different, and each looks like one of those that decoders are trained with.
        """
        coarse = functional.adaptive_avg_pool2d(pictures, _CELLS).flatten(1)
        codes = (coarse - coarse.mean(dim=1, keepdim=True)) @ self._directions
        usual = min(1.0, self._settings.reach / 3)
        codes = usual * codes / codes.square().mean(dim=1, keepdim=True).sqrt().clamp(min=_TINY)
        return codes.clamp(-self._settings.reach, self._settings.reach)

    def decode(self, coordinates: Codes) -> Pictures:
        """What the decoder draws, in the wanted size."""
        black, white = self._settings.range
        drawn = self._module(coordinates.view(-1, *self._shape))
        pictures = (drawn - black) / (white - black)
        if pictures.shape[-2:] != self._size:
            pictures = functional.interpolate(pictures, self._size, mode="bilinear", antialias=True)
        if self._is_gray or pictures.shape[1] == 1:
            pictures = pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        # The gradient passes, so that what is beyond black or white can come back.
        held: Tensor = pictures + (pictures.clamp(0, 1) - pictures).detach()
        return held

    @torch.no_grad()
    def settle(self, coordinates: Tensor, gradient: Tensor, moment: StepTime, canvas: Canvas) -> None:  # noqa: ARG002
        """Draws the codes toward 0, and keeps them within reach."""
        coordinates.mul_(1 - self._settings.prior).clamp_(-self._settings.reach, self._settings.reach)


def load_decoder(settings: GeneratorParameterization) -> Decoder:
    """Load a decoder, and try it.

    Raises:
        UserError: It is missing, fails, takes no codes of the length that is said or found, or draws no pictures.
    """
    settings.identity()  # which finds what is missing
    module = settings.function.make() if settings.function else read_module(Path(settings.decoder), KEY)
    module.requires_grad_(requires_grad=False)
    if settings.function:
        module.eval()  # which an exported one has no other way of
    lengths = [settings.code_size] if settings.code_size else list(dict.fromkeys(_lengths(module)))
    failed: Exception | None = None
    for length in lengths:
        for shape in ((length,), (length, 1, 1)):
            found = for_any_batch(module, shape)
            if isinstance(found, nn.Module):
                _refuse_other_pictures(found, shape, settings.decoder)
                return Decoder(found, shape)
            failed = failed or found
    raise UserError(_told(settings, lengths, failed)) from failed


def _lengths(module: nn.Module) -> Iterator[int]:
    """How long a code may be: what the module says itself, then what its first weights have as inputs."""
    if isinstance(said := getattr(module, "code_size", None), int):
        yield said
    for weight in islice((weight for weight in module.parameters() if weight.ndim > 1), _LOOKED_AT):
        yield weight.shape[1]
        yield weight.shape[0]  # of a transposed convolution


def _told(settings: GeneratorParameterization, lengths: list[int], failed: Exception | None) -> str:
    if failed is None:
        return f"{KEY}: the weights of {settings.decoder} do not say how long a code is; set {_CODE_SIZE}"
    tried = f"codes of {lengths[0]} numbers, batch x {lengths[0]} or batch x {lengths[0]} x 1 x 1"
    advice = f"set {_CODE_SIZE} to what it takes"
    return f"{KEY}: {settings.decoder} does not take {tried} ({first_line(failed)}); {advice}"


def _refuse_other_pictures(module: nn.Module, shape: tuple[int, ...], name: str) -> None:
    """Refuse what gives no pictures, or none that follow from the code."""
    drawn = module(torch.zeros(2, *shape, requires_grad=True))
    if not isinstance(drawn, Tensor):
        raise UserError(f"{KEY}: {name} gives a {type(drawn).__name__} for a batch of codes; return the pictures alone")
    if drawn.ndim != 4 or drawn.shape[0] != 2 or drawn.shape[1] not in (1, 3):
        given = " x ".join(map(str, drawn.shape))
        raise UserError(
            f"{KEY}: {name} gives {given} for 2 codes of {shape[0]} numbers; let it give pictures: 2 x 3 x height x "
            "width, or 2 x 1 x height x width"
        )
    if not drawn.requires_grad:
        raise UserError(
            f"{KEY}: the pictures of {name} have no gradient, so there is nothing to follow; let it compute them "
            "without torch.no_grad and without rounding"
        )
