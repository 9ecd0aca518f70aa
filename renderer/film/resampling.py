"""Reading the lines of pictures anew: each shifted by itself, and then all of them scaled alike.

What is read from where is worked out once for a move, and stays on the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from renderer.dream.plane import Plane
from renderer.film.interpolation import TAPS, around_middle, scale_weights, shift_weights

Pictures = Float[Tensor, "batch 3 height width"]
Weights = Float[Tensor, "lines 1 weights"]
Indexes = Int[Tensor, " places"]

ROWS, COLUMNS = 3, 2
"""The dimension along which a line runs."""
_BLOCK = 48  # Pixels that one matrix scales: they are made of about 16 more.
_SPREAD = 16  # By how many more whole pixels a line of a group may be shifted than another.


@dataclass(frozen=True)
class Reading:
    """Where a pixel comes from on its line, around the middle: scale · pixel + slope · line + shift."""

    scale: float
    slope: float
    shift: float


class Resampling:
    """A reading of all rows, or of all columns, of pictures of one size."""

    def __init__(
        self, reading: Reading, size: tuple[int, int], along: int, canvas: Plane, device: torch.device
    ) -> None:
        """Work out what is read from where.

        Args:
            reading: Where pixels come from.
            size: Height and width.
            along: `ROWS` or `COLUMNS`.
            canvas: What lies beyond the ends of a line.
            device: Where the pictures are.
        """
        lines, length = size if along == ROWS else size[::-1]
        self._along = along
        shifts = reading.slope * around_middle(lines) + reading.shift
        self._groups = list(_groups(shifts, length, canvas, device)) if reading.slope else []
        shift = 0.0 if reading.slope else reading.shift  # What is the same for all lines needs no pass of its own.
        is_scaled = reading.scale != 1 or shift != 0
        self._blocks = list(_blocks(*scale_weights(reading.scale, shift, length, canvas), device)) if is_scaled else []

    def __call__(self, pictures: Pictures) -> Pictures:
        """Read the pictures; they are left as they are."""
        if self._groups:
            shifted = [group.shifted(pictures, self._along) for group in self._groups]
            pictures = shifted[0] if len(shifted) == 1 else torch.cat(shifted, 5 - self._along)
        if self._blocks:
            scale = _scaled_rows if self._along == ROWS else _scaled_columns
            pictures = scale(pictures.contiguous(), self._blocks)
        return pictures


@dataclass(frozen=True)
class _Group:
    """Neighboring lines that are shifted by nearly as much.

    Attributes:
        lines: First and number.
        before: Pixels that are read beyond the beginning of a line.
        within: First and number of those within it.
        after: Those beyond its end.
        weights: For each line, what each of the pixels from some place on gives to the pixel there.
    """

    lines: tuple[int, int]
    before: Indexes
    within: tuple[int, int]
    after: Indexes
    weights: Weights

    def shifted(self, pictures: Pictures, along: int) -> Pictures:
        part = pictures.narrow(5 - along, *self.lines)
        before, after = (part.index_select(along, beyond) for beyond in (self.before, self.after))
        wide = torch.cat([before, part.narrow(along, *self.within), after], along)
        # One convolution for each line is fast on the CPU; elsewhere it may be slow, or round to ten bits.
        convolves = wide.device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        return (_convolved if convolves else _summed)(wide, self.weights, along)


@dataclass(frozen=True)
class _Block:
    """Neighboring pixels of a line, and what they are made of.

    Attributes:
        made: The pixels.
        source: The pixels that they are made of.
        weights: What each of these gives to each of them.
    """

    made: slice
    source: slice | Indexes
    weights: Float[Tensor, "source made"]


def _convolved(wide: Pictures, weights: Weights, along: int) -> Pictures:
    images, lines = wide.flatten(0, 1), len(weights)
    if along == ROWS:
        summed = functional.conv1d(images, weights, groups=lines)
        return summed.view(*wide.shape[:2], *summed.shape[1:])
    # Neighbors in memory belong to different lines: what is called "channels last".
    kernel = weights[..., None].contiguous(memory_format=torch.channels_last)
    summed = functional.conv2d(images[:, :, None].permute(0, 3, 1, 2), kernel, groups=lines)
    return summed.permute(0, 2, 3, 1).reshape(*wide.shape[:2], -1, lines)


def _summed(wide: Pictures, weights: Weights, along: int) -> Pictures:
    """The same, one neighbor after the other."""
    shares = weights.transpose(0, 2) if along == COLUMNS else weights
    length = wide.shape[along] - weights.shape[2] + 1
    summed = torch.zeros_like(wide.narrow(along, 0, length))
    for number in range(weights.shape[2]):
        share = shares[number] if along == COLUMNS else shares[..., number]
        summed.addcmul_(wide.narrow(along, number, length), share)
    return summed


def _scaled_rows(pictures: Pictures, blocks: list[_Block]) -> Pictures:
    made = torch.empty_like(pictures)
    old, new = pictures.flatten(0, 2), made.flatten(0, 2)
    for block in blocks:
        torch.mm(old[:, block.source], block.weights, out=new[:, block.made])
    return made


def _scaled_columns(pictures: Pictures, blocks: list[_Block]) -> Pictures:
    made = torch.empty_like(pictures)
    old, new = pictures.flatten(0, 1), made.flatten(0, 1)
    for block in blocks:
        weights = block.weights.T.expand(len(old), -1, -1)
        torch.bmm(weights, old[:, block.source], out=new[:, block.made])
    return made


def _groups(shifts: Float[Tensor, " lines"], length: int, canvas: Plane, device: torch.device) -> Iterator[_Group]:
    begin, weights = shift_weights(shifts)
    first = 0
    while first < len(shifts):
        count = int(((begin[first:] - begin[first]).abs() <= _SPREAD).sum())  # they rise or fall from line to line
        lines = slice(first, first + count)
        yield _group(first, begin[lines], weights[lines], length, canvas, device)
        first += count


def _group(
    first: int,
    begin: Int[Tensor, " lines"],
    weights: Float[Tensor, "lines taps"],
    length: int,
    canvas: Plane,
    device: torch.device,
) -> _Group:
    start, most = int(begin.min()), TAPS + int(begin.max() - begin.min())
    aligned = torch.zeros(len(begin), most, dtype=weights.dtype)
    aligned.scatter_(1, (begin - start)[:, None] + torch.arange(TAPS), weights)
    read = torch.arange(start, start + length + most - 1)
    within = read[(read >= 0) & (read < length)]
    before, after = (canvas.fold(beyond, length).to(device) for beyond in (read[read < 0], read[read >= length]))
    inside = (int(within[0]) if len(within) else 0, len(within))
    return _Group((first, len(begin)), before, inside, after, aligned[:, None].float().to(device))


def _blocks(
    index: Int[Tensor, "length taps"], weights: Float[Tensor, "length taps"], device: torch.device
) -> Iterator[_Block]:
    length = len(index)
    for first in range(0, length, _BLOCK):
        made = slice(first, min(first + _BLOCK, length))
        needed = torch.zeros(length, dtype=torch.bool)
        needed[index[made].flatten()] = True
        source = needed.nonzero().flatten()
        place = needed.cumsum(0)[index[made]] - 1
        matrix = torch.zeros(len(place), len(source), dtype=weights.dtype).scatter_add_(1, place, weights[made])
        begin, end = int(source[0]), int(source[-1]) + 1
        is_range = end - begin == len(source)  # else the line's two ends, where it goes round
        yield _Block(made, slice(begin, end) if is_range else source.to(device), matrix.T.float().to(device))
