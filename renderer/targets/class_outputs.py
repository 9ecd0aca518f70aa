"""The classes that a network was trained to tell apart, as targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from renderer.targets.kind import Outline, TargetKind
from renderer.targets.target import OUTPUTS, Aim, Guess, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations


class ClassOutputs(TargetKind):
    """The classes of the network, an output neuron each."""

    kind: Literal["classes"] = Field("classes", description="What is dreamed toward.")

    def known(self, network: Outline) -> tuple[Target, ...]:
        """The network's class list."""
        return network.class_list()

    def layers(self) -> tuple[str, ...]:
        """The outputs alone."""
        return (OUTPUTS,)

    def answers(self, activations: Activations, units: Int[Tensor, " views"]) -> Float[Tensor, " views"]:
        """The class's output before the softmax (Simonyan et al. 2013, arXiv 1312.6034)."""
        return activations[OUTPUTS].gather(1, units[:, None])[:, 0]

    def rivals(self, activations: Activations) -> Float[Tensor, "views classes"]:
        """All outputs."""
        return activations[OUTPUTS]

    def scores(self, activations: Activations, aims: Sequence[Aim]) -> tuple[Score, ...]:
        """Logit, probability, rank and the five most probable classes."""
        outputs = activations[OUTPUTS]
        # What is not a number is the least, so that a broken answer recognizes nothing.
        logits = outputs.nan_to_num(nan=-3.4028234663852886e38).cpu()
        return tuple(_score(row, aim.ascends.unit) for row, aim in zip(logits, aims, strict=True))


def _score(logits: Float[Tensor, " classes"], unit: int) -> Score:
    probabilities = logits.softmax(0)
    best = probabilities.topk(min(5, len(probabilities)))
    return Score(
        activation=float(logits[unit]),
        probability=float(probabilities[unit]),
        # Behind those that it is level with: who gives all classes the same recognizes none.
        rank=int((logits >= logits[unit]).sum()),
        top=tuple(Guess(int(i), float(p)) for i, p in zip(best.indices, best.values, strict=True)),
    )
