"""Steps that cost what they see: each changes what one view of a picture shows, and nothing else of it.

The gradient is followed in the coordinates of the view, not of the picture, and no state is kept from step to step. So
it suits pictures that are moved all the time anyway: the frames of a film.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.common.progress import Stepped, unheard
from renderer.dream.climb import Ascent, Beside, Climb, Pictures, Step, draw_step, references_of
from renderer.dream.gradients import UsableGradient, climbed
from renderer.dream.parameterizations import ViewParameterization, build_parameterization
from renderer.dream.pyramid import Pyramid, view_levels
from renderer.dream.regularizers import penalty, upward
from renderer.dream.views import tint
from renderer.networks.network import Network

Views = Float[Tensor, "views 3 size size"]


def climb_in_views(
    network: Network, pictures: Pictures, climbs: Sequence[Climb], steps: range, stepped: Stepped = unheard
) -> Ascent:
    """Climb the objective of each picture's target in its views.

    Args:
        network: The network that dreams.
        pictures: Values in [0, 1]; any height and width.
        climbs: What each picture is to become; their parameterization `is_of_views`.
        steps: Numbers of the steps, one at least, counted from the first of this ascent.
        stepped: Is told of each step.

    Returns:
        The pictures after the steps, and how they fared.
    """
    size, canvas = (pictures.shape[-2], pictures.shape[-1]), climbs[0].canvas
    drawn = [draw_step(climbs, number, size, network.size) for number in steps]
    references, beside = references_of(climbs, size), Beside(climbs, size, canvas)
    deepest = max(level for step in drawn for level in view_levels(step.maps, network.size))

    def climb(gradients: UsableGradient, stepped: Stepped) -> Pictures:
        pyramid = Pyramid(pictures.clone(), 1 + deepest, canvas)
        for step in drawn:
            views = pyramid.views(step.maps, network.size)
            gradient = _upward(gradients, views, beside.looked_at(step, network.size))
            pyramid.add(_changes(network, views, gradient, step), step.maps)
            stepped(len(pictures))
        dreamed = pyramid.pictures().clamp_(0, 1)
        if references.holding is not None:
            references.pull(dreamed, references.holding, len(steps))
        return dreamed

    return climbed(network, climbs, climb, stepped)


def _upward(gradients: UsableGradient, views: Views, step: Step) -> Views:
    """The gradient of the objective less the penalties, for each view; 0 where it cannot be followed."""
    seen = views.requires_grad_()
    tinted = tint(seen, step.tints)
    gradient, followed = gradients.of(tinted, step)
    count = len(views) // len(step.values)
    regularizers = [own.regularizers for own in step.values for _ in range(count)]
    of_views = None if followed is None else followed.repeat_interleave(count)
    return upward(tinted, gradient, penalty(regularizers, seen) / count, of_views, seen)


@torch.no_grad()
def _changes(network: Network, views: Views, gradient: Views, step: Step) -> Views:
    """What a step changes in each view; those that show the same part of a picture share the step among them."""
    settings, count = step.values[0], len(views) // len(step.values)
    size = (views.shape[-2], views.shape[-1])
    built = build_parameterization(settings.parameterization, size, views.device, is_gray=network.is_gray)
    held = cast("ViewParameterization", built)
    rates = [own.optimizer.rate / own.transforms.views for own in step.values for _ in range(count)]
    change = settings.optimizer.single_step(held.pulled(views, gradient), rates)
    return held.pushed(views, change)
