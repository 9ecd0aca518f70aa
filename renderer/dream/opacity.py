"""How opaque a dream is in each place: as much as gradients have gone there."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.blur import blur

Trace = Float[Tensor, "batch height width"]
Pictures = Float[Tensor, "batch 3 height width"]

_BLUR = 0.018  # Standard deviation as a share of the shorter side: an edge is not a hole.
_CLEAR, _MOST = 0.3, 0.97  # Shares of the places that are clear, and that have less than the most which counts.
_SOLID = 0.35  # Share of that most which is solid already.


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


def opacity(trace: Trace) -> Trace:
    """From 0, where the gradients have hardly gone, to 1; as in Horama (Fel et al. 2023, arXiv 2306.06805)."""
    side = min(trace.shape[-2:])
    smooth = blur(trace[:, None].expand(-1, 3, -1, -1), _BLUR * side)[:, 0]
    quantiles = torch.tensor([_CLEAR, _MOST], device=trace.device)
    clear, most = smooth.flatten(1).quantile(quantiles, dim=1)[..., None, None]
    share = ((smooth - clear) / (_SOLID * (most - clear)).clamp(min=1e-12)).clamp(0, 1)
    eased: Trace = share * share * (3 - 2 * share)
    return eased
