"""How opaque a dream is in each place: as much as gradients have gone there."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.blur import blur
from renderer.dream.canvas import CANVASES, Canvas

Trace = Float[Tensor, "batch height width"]
Pictures = Float[Tensor, "batch 3 height width"]

_BLUR = 0.018  # Standard deviation as a share of the shorter side: an edge is not a hole.
_CLEAR, _MOST = 0.3, 0.97  # Shares of the places that are clear, and that have less than the most which counts.
_SOLID = 0.35  # Share of that most which is solid already.
_EVEN = 1e-3  # Where the one is so little more than the other, nothing stands out.
_SIDE = 256  # Shorter side, in pixels, in which it is computed.


def traced(views: Tensor, pictures: Pictures, gradient: Tensor) -> Trace:
    """How much of a step's gradient goes to each place, where the mean of a picture is 1.

    Args:
        views: What the network was shown, computed from the pictures.
        pictures: The pictures.
        gradient: That of the objective with respect to the views.
    """
    found = torch.autograd.grad(views, pictures, gradient, retain_graph=True)[0]
    magnitudes = found.abs().sum(1)
    # Companions have gradients of different sizes, and all steps are to count.
    return magnitudes / magnitudes.mean(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(magnitudes.dtype).tiny)


def add_traces(before: Trace | None, after: Trace) -> Trace:
    """The traces of an ascent and of the one that followed it, in the size of the later one."""
    if before is None:
        return after
    size = (after.shape[-2], after.shape[-1])
    fitted = before if before.shape == after.shape else functional.interpolate(before[None], size, mode="bilinear")[0]
    return fitted + after


def opacity(trace: Trace, canvas: Canvas = CANVASES["mirror"]) -> Trace:
    """From 0, where the gradients have hardly gone, to 1; as in Horama (Fel et al. 2023, arXiv 2306.06805).

    Where they have gone nowhere, or everywhere alike, all is solid.
    """
    height, width = trace.shape[-2:]
    shrink = min(1.0, _SIDE / min(height, width))
    # Smooth anyway: it is computed small, since a blur of large pictures takes long.
    small = functional.interpolate(
        trace[:, None], (math.ceil(height * shrink), math.ceil(width * shrink)), mode="bilinear", antialias=True
    )
    smooth = blur(small, _BLUR * min(small.shape[-2:]), canvas)[:, 0]
    quantiles = torch.tensor([_CLEAR, _MOST], device=trace.device)
    clear, most = smooth.flatten(1).quantile(quantiles, dim=1)[..., None, None]
    # Where the gradients have gone to a few places alone, these are the most.
    most = torch.where(most > clear, most, smooth.amax(dim=(1, 2), keepdim=True))
    span = _SOLID * (most - clear)
    share = torch.where(span > _EVEN * most, ((smooth - clear) / span).clamp(0, 1), 1.0)
    eased = share * share * (3 - 2 * share)
    return functional.interpolate(eased[:, None], (height, width), mode="bilinear")[:, 0].clamp(0, 1)
