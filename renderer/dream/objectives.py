"""What is ascended."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from renderer.dream.dreaming import LogitObjective


def objective(
    settings: LogitObjective, logits: Float[Tensor, "views classes"], targets: Int[Tensor, " views"]
) -> Float[Tensor, " views"]:
    """How much each view shows the class that it is to show; higher is better.

    Args:
        settings: Which objective.
        logits: Outputs of the network before the softmax.
        targets: Indices of the classes.
    """
    chosen = logits.gather(1, targets[:, None])[:, 0]
    if settings.log_probability == 0:
        return chosen
    return chosen + settings.log_probability * (chosen - logits.logsumexp(1))
