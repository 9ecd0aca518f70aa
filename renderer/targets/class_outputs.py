"""The classes that a network was trained to tell apart, as targets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """The outputs alone."""
        return (OUTPUTS,)

    def answers(
        self,
        activations: Activations,
        units: Int[Tensor, "views parts"],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> Float[Tensor, "views parts"]:
        """The classes' outputs before the softmax (Simonyan et al. 2013, arXiv 1312.6034)."""
        return activations[OUTPUTS].gather(1, units)

    def rivals(self, activations: Activations) -> Float[Tensor, "views classes"]:
        """All outputs."""
        return activations[OUTPUTS]

    def scores(
        self,
        activations: Activations,
        aims: Sequence[Aim],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> tuple[Score, ...]:
        """Logit, probability, rank and the five most probable classes.

        Of a mixture, the weighted sum of the logits, the sum of the probabilities of what is wanted, and the best rank.
        """
        outputs = activations[OUTPUTS]
        # What is not a number is the least, so that a broken answer recognizes nothing.
        logits = outputs.nan_to_num(nan=-3.4028234663852886e38).cpu()
        return tuple(_score(row, aim) for row, aim in zip(logits, aims, strict=True))


def _score(logits: Float[Tensor, " classes"], aim: Aim) -> Score:
    probabilities = logits.softmax(0)
    best = probabilities.topk(min(5, len(probabilities)))
    wanted = [unit for unit, weight in aim.units if weight > 0]
    return Score(
        activation=aim.total(logits),
        probability=sum(float(probabilities[unit]) for unit in wanted) if wanted else None,
        # Behind those that it is level with: who gives all classes the same recognizes none.
        rank=min((int((logits >= logits[unit]).sum()) for unit in wanted), default=None),
        top=tuple(Guess(int(i), float(p)) for i, p in zip(best.indices, best.values, strict=True)),
    )
