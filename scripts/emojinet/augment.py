"""Training pictures, made on the fly: glyphs thrown onto backgrounds, all of a batch at once."""

import math
import re
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from emojinet.choice import Emoji

SCALE = (0.8, 1.15)
"""Side of the glyph's square as a part of the picture's, drawn on a logarithmic scale; above 1, a part is seen."""

MIRRORED = 0.1
"""Share of the glyphs that are mirrored. A network to which left and right are the same dreams of both at once."""

DIRECTED = re.compile(
    r".*\b(left\w*|right\w*|registered|copyright|trade mark|name badge|label|ZZZ|hundred points|calendar|text"
    r"|numbers|musical|newspaper|SOS|stop sign|question|banknote|dollar|yen|game|chart)\b.*",
    re.IGNORECASE,
)
"""Titles of what means something else, or shows letters, in the mirror."""


@dataclass(frozen=True)
class Glyphs:
    """The pictures to learn: count x 4 x size x size premultiplied bytes, and which of them may be mirrored."""

    pictures: Tensor
    mirrors: Tensor

    @classmethod
    def of(cls, emoji: list[Emoji], bank: Tensor) -> "Glyphs":
        """Joins the emoji to their pictures."""
        return cls(bank, torch.tensor([not DIRECTED.fullmatch(e.title) for e in emoji]))


class Painter:
    """Paints batches of training pictures of one size; all its randomness comes from one generator."""

    def __init__(self, glyphs: Glyphs, size: int, generator: Generator) -> None:
        """Keeps the glyphs reduced to a little more than the picture's size, which spares time and aliasing."""
        side = min(round(1.25 * size), glyphs.pictures.shape[-1])
        reduced = functional.interpolate(glyphs.pictures.float(), size=(side, side), mode="area")
        self.bank = reduced.round().to(torch.uint8).to(generator.device)
        self.mirrors = glyphs.mirrors.to(generator.device)
        self.size = size
        self.generator = generator

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Paints `count` pictures in [0, 1], count x 3 x size x size, and says which emoji each shows."""
        labels = self.labels(count)
        canvas = self.backgrounds(count)
        canvas = over(self.placed(labels), canvas)
        canvas = self.occlude(canvas)
        return self.develop(canvas), labels

    def random(self, *shape: int) -> Tensor:
        """Draws numbers in [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.generator.device)

    def labels(self, count: int) -> Tensor:
        """Draws emoji."""
        return torch.randint(len(self.bank), (count,), generator=self.generator, device=self.generator.device)

    def uniform(self, count: int, low: float, high: float) -> Tensor:
        """Draws one number for each picture."""
        return self.random(count) * (high - low) + low

    def coin(self, count: int, probability: float) -> Tensor:
        """Draws one truth for each picture."""
        return self.random(count) < probability

    def placed(self, labels: Tensor) -> Tensor:
        """Shows the labeled glyphs, each scaled, turned, shifted and perhaps mirrored in its own way."""
        count = len(labels)
        scale = self.uniform(count, math.log(SCALE[0]), math.log(SCALE[1])).exp()
        reach = (1 - scale).abs() * 0.6 + 0.04
        shift = (self.uniform(2 * count, -1, 1).view(count, 2)) * reach[:, None]
        flip = 1 - 2 * (self.coin(count, MIRRORED) & self.mirrors[labels]).float()
        turn = self.uniform(count, -1, 1) ** 3 * 0.3
        return self.view(labels, matrix(scale, turn, flip, shift))

    def scattered(self, labels: Tensor) -> Tensor:
        """Shows glyphs as bystanders: small, anywhere, at any angle."""
        count = len(labels)
        scale = self.uniform(count, 0.15, 0.4)
        shift = self.uniform(2 * count, -1, 1).view(count, 2)
        return self.view(labels, matrix(scale, self.uniform(count, -3.1, 3.1), torch.ones_like(scale), shift))

    def view(self, labels: Tensor, matrices: Tensor) -> Tensor:
        """Looks at glyphs, of which there may be none, through affine matrices."""
        if not len(labels):
            return matrices.new_empty(0, 4, self.size, self.size)
        grid = functional.affine_grid(matrices, [len(labels), 4, self.size, self.size], align_corners=False)
        return functional.grid_sample(self.bank[labels].float() / 255, grid, align_corners=False)

    def backgrounds(self, count: int) -> Tensor:
        """Paints plain colors, gradients and smooth noise; on a fifth of them, another glyph."""
        grids = [self.smooth(count, cells) for cells in (1, 2, 4, 8)]
        kind = (self.random(count) * len(grids)).long()
        canvas = torch.stack(grids)[kind, torch.arange(count, device=kind.device)]
        others = self.coin(count, 0.2).nonzero().squeeze(1)
        canvas[others] = over(self.scattered(self.labels(len(others))), canvas[others])
        return canvas

    def smooth(self, count: int, cells: int) -> Tensor:
        """Paints cells x cells colors, blended into each other around a mean color of its own."""
        spread = self.uniform(count, 0.1, 0.8).view(count, 1, 1, 1)
        mean = self.colors(count)
        colors = self.random(count, 3, cells, cells)
        small = (mean + spread * (colors - 0.5) * (cells > 1)).clamp(0, 1)
        return functional.interpolate(small, size=(self.size, self.size), mode="bilinear", align_corners=cells == 2)

    def colors(self, count: int) -> Tensor:
        """Draws one color for each picture, pale ones and grays more often than a cube of colors has them."""
        gray, purity = self.random(count, 1, 1, 1), self.random(count, 1, 1, 1)
        return gray + purity * (self.random(count, 3, 1, 1) - gray)

    def occlude(self, canvas: Tensor) -> Tensor:
        """Covers a part of a sixth of the pictures: half of these with a plain box, half with a small glyph."""
        chosen = self.coin(len(canvas), 0.17).nonzero().squeeze(1)
        boxed, covered = chosen[::2], chosen[1::2]
        canvas[boxed] = over(self.boxes(len(boxed)), canvas[boxed])
        canvas[covered] = over(self.scattered(self.labels(len(covered))), canvas[covered])
        return canvas

    def boxes(self, count: int) -> Tensor:
        """Paints one plain box, premultiplied, on each of `count` transparent pictures."""
        center = self.uniform(2 * count, -1, 1).view(2, count, 1)
        half = self.uniform(2 * count, 0.1, 0.35).view(2, count, 1)
        along = torch.linspace(-1, 1, self.size, device=center.device)
        inside = ((along - center).abs() < half).float()
        alpha = (inside[0, :, :, None] * inside[1, :, None, :]).unsqueeze(1)
        return torch.cat([self.colors(count) * alpha, alpha], dim=1)

    def develop(self, canvas: Tensor) -> Tensor:
        """Changes contrast, brightness, saturation and color balance a little, and adds noise to some."""
        count = len(canvas)
        gray = canvas.mean(1, keepdim=True)
        saturation = self.uniform(count, 0.8, 1.2).view(count, 1, 1, 1)
        contrast = self.uniform(count, 0.8, 1.15).view(count, 1, 1, 1)
        balance = (self.random(count, 3, 1, 1) - 0.5) * 0.1
        brightness = self.uniform(count, -0.08, 0.08).view(count, 1, 1, 1)
        canvas = gray + saturation * (canvas - gray)
        canvas = 0.5 + contrast * (canvas - 0.5) + balance + brightness
        sigma = (self.uniform(count, 0, 0.06) * self.coin(count, 0.3)).view(count, 1, 1, 1)
        noise = torch.randn(canvas.shape, generator=self.generator, device=canvas.device)
        return (canvas + sigma * noise).clamp(0, 1)


def over(front: Tensor, back: Tensor) -> Tensor:
    """Lays premultiplied four-channel pictures over opaque three-channel ones."""
    return front[:, :3] + (1 - front[:, 3:]) * back


def matrix(scale: Tensor, turn: Tensor, flip: Tensor, shift: Tensor) -> Tensor:
    """Builds the count x 2 x 3 matrices that lead from a picture's coordinates to the glyph's."""
    cos, sin = torch.cos(turn), torch.sin(turn)
    rows = torch.stack([flip * cos, flip * sin, -sin, cos], dim=1).view(-1, 2, 2) / scale.view(-1, 1, 1)
    return torch.cat([rows, -(rows @ shift.unsqueeze(2))], dim=2)
