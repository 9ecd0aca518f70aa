"""What is ascended."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from renderer.dream.dreaming import LogitObjective
from renderer.dream.per_picture import per_picture
from renderer.networks.network import Activations
from renderer.targets.kind import TargetKind


def objective(
    settings: Sequence[LogitObjective], kind: TargetKind, activations: Activations, units: Int[Tensor, " views"]
) -> Float[Tensor, " views"]:
    """How much each view shows what it is to show; higher is better.

    Args:
        settings: Which objective, one a view.
        kind: Says how the activations answer.
        activations: Of the network, by layer.
        units: Which unit each view is to excite.
    """
    wanted = kind.answers(activations, units)
    rivals = kind.rivals(activations)
    if rivals is None or not any(one.log_probability for one in settings):
        return wanted
    weight = per_picture([one.log_probability for one in settings], wanted)
    return wanted + weight * (wanted - rivals.logsumexp(1))
