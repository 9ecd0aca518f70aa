"""Gradient ascent: a picture that shows its target a little more than before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from renderer.common.progress import Stepped, unheard
from renderer.dream.climb import Ascent, Beside, Climb, Pictures, draw_step, references_of
from renderer.dream.dreaming import AscentSettings
from renderer.dream.gradients import UsableGradient, climbed
from renderer.dream.health import Health
from renderer.dream.nearness import enlarged
from renderer.dream.opacity import Trace, add_traces, traced
from renderer.dream.parameterizations import StepTime, build_parameterization
from renderer.dream.regularizers import penalty, upward
from renderer.dream.view_ascent import climb_in_views
from renderer.dream.views import take_views, tint
from renderer.networks.network import Network

_PIXELS_AT_ONCE = 4_200_000  # 16 pictures of 512 x 512, or two of 1920 x 1080.
# The optimizer begins anew after each leveling: seldom enough for it to get going, often enough for nothing to burn.
_LEVELED_STEPS = 32


def ascend(
    network: Network, pictures: Pictures, climbs: Sequence[Climb], steps: int, stepped: Stepped = unheard
) -> Ascent:
    """Climb the objective of each picture's target.

    Args:
        network: The network that dreams.
        pictures: Values in [0, 1]; any height and width.
        climbs: What each picture is to become.
        steps: How many steps.
        stepped: Is told of each step.

    Returns:
        The pictures after the steps, and how they fared.
    """
    if steps == 0:
        return _unchanged(pictures)
    if climbs[0].values(0).parameterization.is_of_views:
        return _in_groups(
            pictures, climbs, lambda group, own: climb_in_views(network, group, own, range(steps), stepped)
        )
    return _climb(network, pictures, climbs, _Course(steps, stepped))


def ascend_fresh(
    network: Network,
    pictures: Pictures,
    climbs: Sequence[Climb],
    steps: int,
    stepped: Stepped = unheard,
    *,
    seconds_per_step: float = 0.0,
) -> Ascent:
    """Climb from fresh pictures, in octaves: sizes from small to full, each begun with the one before it, enlarged.

    Args:
        network: The network that dreams.
        pictures: Fresh pictures of the full size with values in [0, 1].
        climbs: What each picture is to become; their first steps are 0.
        steps: How many steps, in all octaves together.
        stepped: Is told of each step.
        seconds_per_step: Film time for which the pictures are leveled in each step, every few steps at once; with 0
            they are left alone, and in a long ascent whole regions burn out.

    Returns:
        The pictures after the steps, and how they fared.
    """
    spans = ascend_in_spans(network, pictures, climbs, steps, stepped, seconds_per_step=seconds_per_step)
    return deque(spans, maxlen=1)[0].ascent


@dataclass(frozen=True)
class Reached:
    """How far an ascent from fresh pictures is; from here it goes on as if it had not stopped.

    Attributes:
        steps: How many steps are done.
        ascent: What they have come to, in the size of their octave.
    """

    steps: int
    ascent: Ascent


def ascend_in_spans(  # noqa: PLR0913
    network: Network,
    pictures: Pictures,
    climbs: Sequence[Climb],
    steps: int,
    stepped: Stepped = unheard,
    *,
    seconds_per_step: float = 0.0,
    begun: Reached | None = None,
) -> Iterator[Reached]:
    """Do as `ascend_fresh` does, and give what has been reached after each span of at most an octave.

    Args:
        network: As there.
        pictures: As there.
        climbs: As there.
        steps: As there.
        stepped: As there; it is not told of steps that were done before.
        seconds_per_step: As there.
        begun: Where to go on.

    Yields:
        What has been reached; the last one is the whole ascent.
    """
    reached = begun or Reached(0, _unchanged(pictures))
    size = (pictures.shape[-2], pictures.shape[-1])
    if reached.steps == steps:
        yield reached
    for octave in _octaves(climbs[0].values(0), size, steps, seconds_per_step):
        for own in octave.spans:
            if own.start >= reached.steps:
                ascent = _climb_span(network, reached.ascent, climbs, octave, own, stepped)
                reached = Reached(own.stop, reached.ascent.followed_by(ascent))
                yield reached


@dataclass(frozen=True)
class _Octave:
    """Some steps in one size.

    Attributes:
        size: Height and width of the pictures.
        steps: Numbers of the steps.
        seconds_per_step: Film time for which the pictures are leveled in each.
    """

    size: tuple[int, int]
    steps: range
    seconds_per_step: float

    @property
    def spans(self) -> list[range]:
        """The steps between which the pictures are leveled, if they are."""
        length = _LEVELED_STEPS if self.seconds_per_step else len(self.steps)
        return [self.steps[begin : begin + length] for begin in range(0, len(self.steps), length)]


def _octaves(settings: AscentSettings, size: tuple[int, int], steps: int, seconds_per_step: float) -> Iterator[_Octave]:
    if not settings.parameterization.holds_any:
        yield _Octave(size, range(steps), seconds_per_step=0.0)
        return
    for octave in range(settings.octaves):
        shrink = settings.octave_scale ** (octave + 1 - settings.octaves)
        height, width = (max(1, round(side * shrink)) for side in size)
        first, end = (steps * count // settings.octaves for count in (octave, octave + 1))
        if end > first:
            yield _Octave((height, width), range(first, end), seconds_per_step)


def _unchanged(pictures: Pictures) -> Ascent:
    return Ascent(pictures, tuple(Health() for _ in pictures))


def _climb_span(
    network: Network, reached: Ascent, climbs: Sequence[Climb], octave: _Octave, own: range, stepped: Stepped
) -> Ascent:
    """Climb a span of an octave; the first one begins with the pictures in its size, each other one levels them."""
    begin, canvas, references = own.start - octave.steps.start, climbs[0].canvas, references_of(climbs, octave.size)
    if begin:
        levels, seconds = [climb.values(own.start).level for climb in climbs], octave.seconds_per_step * _LEVELED_STEPS
        pictures = references.leveled(levels, reached.pictures, seconds, canvas)
    else:
        before = references_of(climbs, (reached.pictures.shape[-2], reached.pictures.shape[-1]))
        pictures = enlarged(reached.pictures, before, references, canvas)
    if not canvas.is_flat:  # Coefficients of the whole picture would be uneven on it.
        return _in_groups(pictures, climbs, lambda group, each: climb_in_views(network, group, each, own, stepped))
    return _climb(network, pictures, climbs, _Course(len(own), stepped, own.start, begin, whole=len(octave.steps)))


@dataclass(frozen=True)
class _Course:
    """Some steps, and where they are in a fresh picture's octave.

    Attributes:
        steps: How many.
        stepped: Is told of each.
        first: Number of the first one, counted from the beginning of the ascent.
        begin: Steps of the octave before these.
        whole: Steps of the octave; None for pictures that are no longer fresh.
    """

    steps: int
    stepped: Stepped
    first: int = 0
    begin: int = 0
    whole: int | None = None

    def progress(self, step: int) -> float:
        """How far a step leads from the settings of the beginning, 0, to those of the end, 1."""
        return 1.0 if self.whole is None else (self.begin + step + 1) / self.whole


def _climb(network: Network, pictures: Pictures, climbs: Sequence[Climb], course: _Course) -> Ascent:
    return _in_groups(pictures, climbs, lambda group, own: _climb_at_once(network, group, own, course))


def _in_groups(
    pictures: Pictures, climbs: Sequence[Climb], climb: Callable[[Pictures, Sequence[Climb]], Ascent]
) -> Ascent:
    """A few pictures after another, so that the memory for large ones stays bounded."""
    at_once = max(1, _PIXELS_AT_ONCE // (pictures.shape[-2] * pictures.shape[-1]))
    parts = [slice(first, first + at_once) for first in range(0, len(pictures), at_once)]
    climbed = [climb(pictures[part], climbs[part]) for part in parts]
    traces = [own.trace for own in climbed if own.trace is not None]
    health = tuple(health for own in climbed for health in own.health)
    return Ascent(torch.cat([own.pictures for own in climbed]), health, torch.cat(traces) if traces else None)


def _climb_at_once(network: Network, pictures: Pictures, climbs: Sequence[Climb], course: _Course) -> Ascent:
    traces: list[Trace] = []

    def climb(gradients: UsableGradient, stepped: Stepped) -> Pictures:
        traces.clear()  # Where all is done again, the first time does not count.
        return _climb_whole(network, pictures, climbs, replace(course, stepped=stepped), gradients, traces)

    reached = climbed(network, climbs, climb, course.stepped)
    return replace(reached, trace=traces[0]) if traces else reached


def _climb_whole(
    network: Network,
    pictures: Pictures,
    climbs: Sequence[Climb],
    course: _Course,
    gradients: UsableGradient,
    traces: list[Trace],
) -> Pictures:
    size = (pictures.shape[-2], pictures.shape[-1])
    settings = climbs[0].values(0)
    parameterization = build_parameterization(settings.parameterization, size, pictures.device, is_gray=network.is_gray)
    coordinates = parameterization.encode(pictures).requires_grad_()
    optimizer, canvas = settings.optimizer.build(coordinates), climbs[0].canvas
    references, beside = references_of(climbs, size), Beside(climbs, size, canvas)
    kept = None if references.holding is None else parameterization.encode(references.holding)
    for step in range(course.steps):
        drawn = draw_step(climbs, course.first + step, size, network.size)
        now = parameterization.decode(coordinates)
        views = tint(take_views(now, drawn.maps, network.size, canvas), drawn.tints)
        gradient, followed = gradients.of(views, beside.looked_at(drawn, network.size))
        if climbs[0].is_traced:
            traces.append(add_traces(traces.pop() if traces else None, traced(views, now, gradient)))
        kept_small = penalty([own.regularizers for own in drawn.values], now)
        ascending = upward(views, gradient, kept_small, followed, coordinates)
        before = coordinates.detach().clone() if followed is not None else None
        optimizer.step(coordinates, ascending, [own.optimizer.rate for own in drawn.values], followed)
        moment = StepTime(course.first + step, course.progress(step))
        parameterization.settle(coordinates, ascending, moment, canvas)
        if kept is not None:
            references.pull(coordinates.detach(), kept)
        if before is not None and followed is not None:
            _keep(coordinates, before, ~followed)
        course.stepped(len(pictures))
    with torch.no_grad():
        return parameterization.decode(coordinates).clamp(0, 1)


@torch.no_grad()
def _keep(coordinates: Tensor, before: Tensor, left_out: Tensor) -> None:
    """Leave pictures as they were whose step was left out."""
    coordinates[left_out] = before[left_out]
