"""What is ascended."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from renderer.common.over_time import over_time
from renderer.common.section import Section, one_of

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


class ObjectiveKind(Section):
    """How much a view shows what it is to show; a kind is added as a subclass and in `OBJECTIVES`."""

    @abstractmethod
    def value(
        self,
        wanted: Float[Tensor, " views"],
        rivals: Float[Tensor, "views classes"] | None,
        weights: Float[Tensor, " views"],
    ) -> Float[Tensor, " views"]:
        """What is ascended, for each view by itself; differentiable, and higher is better.

        Args:
            wanted: How strongly the wanted units answer, by their weights.
            rivals: All outputs before the softmax, where the wanted units are among them.
            weights: The sum of the units' weights.
        """


class LogitObjective(ObjectiveKind):
    """Ascend the class's output before the softmax (Simonyan et al. 2013, arXiv 1312.6034)."""

    kind: Literal["logit"] = Field("logit", description="What is ascended: `logit`, the class's pre-softmax output.")
    log_probability: float = over_time(
        5.0,
        ge=0,
        le=100,
        description="Weight of the class's log-probability, which is added to the logit: it counts only as long as the "
        "network takes the picture for something else. Of no effect where no classes are dreamed.",
    )

    def value(
        self,
        wanted: Float[Tensor, " views"],
        rivals: Float[Tensor, "views classes"] | None,
        weights: Float[Tensor, " views"],
    ) -> Float[Tensor, " views"]:
        """The output, with its lead over all others."""
        if rivals is None or self.log_probability == 0:
            return wanted
        return wanted + self.log_probability * (wanted - weights * rivals.logsumexp(1))


OBJECTIVES: tuple[type[ObjectiveKind], ...] = (LogitObjective,)

if TYPE_CHECKING:
    AnyObjective = ObjectiveKind
else:
    AnyObjective = one_of(OBJECTIVES, "kind")
