"""Gradient ascent: a picture that shows a class a little more than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.dreaming import AdamOptimizer, Dream, NormalizedOptimizer
from renderer.dream.gradients import CaredForGradient
from renderer.dream.health import Health
from renderer.dream.level import keep_level
from renderer.dream.parameterizations import build_parameterization
from renderer.dream.randomness import PictureKey
from renderer.dream.regularizers import penalty
from renderer.dream.views import draw_tints, draw_views, take_views, tint
from renderer.networks.network import Network

_PIXELS_AT_ONCE = 4_200_000  # 16 pictures of 512 x 512, or two of 1920 x 1080.
# The optimizer begins anew after each leveling: seldom enough for it to get going, often enough for nothing to burn.
_LEVELED_STEPS = 32

Pictures = Float[Tensor, "batch 3 height width"]


@dataclass(frozen=True)
class Ascent:
    """What an ascent has come to.

    Attributes:
        pictures: The pictures, with values in [0, 1].
        health: How the gradients of each picture were.
    """

    pictures: Pictures
    health: tuple[Health, ...]

    def followed_by(self, later: Ascent) -> Ascent:
        """This one and a later one of the same pictures, as one."""
        return Ascent(later.pictures, tuple(had + has for had, has in zip(self.health, later.health, strict=True)))


def ascend(
    network: Network,
    dream: Dream,
    pictures: Pictures,
    keys: Sequence[PictureKey],
    first_steps: Sequence[int],
    steps: int,
) -> Ascent:
    """Climb the objective of each picture's class.

    Args:
        network: The network that dreams.
        dream: How.
        pictures: Values in [0, 1]; any height and width.
        keys: The class and the randomness of each picture.
        first_steps: Number of the first step of each picture, from which its random views follow.
        steps: How many steps.

    Returns:
        The pictures after the steps, and how they fared.
    """
    if steps == 0:
        return Ascent(pictures, tuple(Health() for _ in keys))
    return _climb(network, dream, pictures, keys, _Course(first_steps, steps))


def ascend_fresh(
    network: Network,
    dream: Dream,
    pictures: Pictures,
    keys: Sequence[PictureKey],
    steps: int,
    *,
    seconds_per_step: float = 0.0,
) -> Ascent:
    """Climb from fresh pictures, in octaves: sizes from small to full, each begun with the one before it, enlarged.

    Args:
        network: The network that dreams.
        dream: How.
        pictures: Fresh pictures of the full size with values in [0, 1].
        keys: The class and the randomness of each picture.
        steps: How many steps, in all octaves together.
        seconds_per_step: Film time for which the pictures are leveled in each step, every few steps at once; with 0
            they are left alone, and in a long ascent whole regions burn out.

    Returns:
        The pictures after the steps, and how they fared.
    """
    height, width = pictures.shape[-2:]
    reached = Ascent(pictures, tuple(Health() for _ in keys))
    for octave in range(dream.octaves):
        shrink = dream.octave_scale ** (octave + 1 - dream.octaves)
        size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        begun = functional.interpolate(reached.pictures, size, mode="bilinear", antialias=True)
        first, end = (steps * count // dream.octaves for count in (octave, octave + 1))
        if end > first:
            octave_steps = range(first, end)
            reached = reached.followed_by(_climb_level(network, dream, begun, keys, octave_steps, seconds_per_step))
    return reached


def _climb_level(
    network: Network, dream: Dream, pictures: Pictures, keys: Sequence[PictureKey], steps: range, seconds: float
) -> Ascent:
    """Climb an octave; between its spans, if there are several, the pictures are leveled."""
    reached = Ascent(pictures, tuple(Health() for _ in keys))
    span = _LEVELED_STEPS if seconds else len(steps)
    for begin in range(0, len(steps), span):
        if begin:
            reached = replace(reached, pictures=keep_level(dream.level, reached.pictures, seconds * span))
        own = steps[begin : begin + span]
        course = _Course([own.start] * len(keys), len(own), begin, whole=len(steps))
        reached = reached.followed_by(_climb(network, dream, reached.pictures, keys, course))
    return reached


@dataclass(frozen=True)
class _Course:
    """Some steps: the number of each picture's first one, how many, and where they are in a fresh picture's octave.

    Attributes:
        begin: Steps of the octave before these.
        whole: Steps of the octave; None for pictures that are no longer fresh.
    """

    first_steps: Sequence[int]
    steps: int
    begin: int = 0
    whole: int | None = None

    def progress(self, step: int) -> float:
        """How far a step leads from the settings of the beginning, 0, to those of the end, 1."""
        return 1.0 if self.whole is None else (self.begin + step + 1) / self.whole

    def part(self, chosen: slice) -> _Course:
        return replace(self, first_steps=self.first_steps[chosen])


def _climb(network: Network, dream: Dream, pictures: Pictures, keys: Sequence[PictureKey], course: _Course) -> Ascent:
    """A few pictures after another, so that the memory for large ones stays bounded."""
    at_once = max(1, _PIXELS_AT_ONCE // (pictures.shape[-2] * pictures.shape[-1]))
    parts = [slice(first, first + at_once) for first in range(0, len(pictures), at_once)]
    climbed = [_climb_at_once(network, dream, pictures[part], keys[part], course.part(part)) for part in parts]
    return Ascent(torch.cat([own.pictures for own in climbed]), tuple(h for own in climbed for h in own.health))


def _climb_at_once(
    network: Network, dream: Dream, pictures: Pictures, keys: Sequence[PictureKey], course: _Course
) -> Ascent:
    height, width = pictures.shape[-2:]
    parameterization = build_parameterization(dream.parameterization, (height, width), pictures.device)
    coordinates = parameterization.encode(pictures).requires_grad_()
    optimizer = _build_optimizer(dream.optimizer, coordinates)
    targets = torch.tensor([key.class_index for key in keys], device=pictures.device)
    gained = CaredForGradient(network, dream, targets)
    for step in range(course.steps):
        optimizer.zero_grad()
        now = parameterization.decode(coordinates)
        numbers = [first + step for first in course.first_steps]
        maps = draw_views(dream.transforms, keys, numbers, (height, width), network.size)
        views = tint(take_views(now, maps, network.size), draw_tints(dream.transforms, keys, numbers))
        gradient, followed = gained.ascend(views)
        total = (views * gradient).sum() - (penalty(dream.regularizers, now) * followed).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        parameterization.settle(coordinates, course.progress(step))
    with torch.no_grad():
        return Ascent(parameterization.decode(coordinates).clamp(0, 1), gained.health)


class NormalizedAscent(torch.optim.Optimizer):
    """Adds the gradient divided by its mean magnitude, for each picture by itself (google/deepdream 2015)."""

    def __init__(self, parameters: Sequence[Tensor], step: float) -> None:
        super().__init__(parameters, {"step": step})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move each picture by `step` on average."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                magnitude = gradient.abs().flatten(1).mean(1).clamp(min=1e-12)
                parameter.add_(gradient * (group["step"] / magnitude).view(-1, *[1] * (gradient.ndim - 1)))


def _build_optimizer(settings: AdamOptimizer | NormalizedOptimizer, coordinates: Tensor) -> torch.optim.Optimizer:
    match settings:
        case AdamOptimizer():
            return torch.optim.Adam([coordinates], lr=settings.learning_rate, maximize=True)
        case NormalizedOptimizer():
            return NormalizedAscent([coordinates], settings.step)
