"""Channels of a hidden layer, as targets: what single units of a network look for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from renderer.targets.kind import Outline, TargetKind
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations


_LIKE_LOGITS = 10.0  # Brings the ascended value to about the size of a class's output.
_WEAKEST = 1e-6  # Of a layer, so that a dead one gives a gradient of 0 and no error.


class LayerChannels(TargetKind):
    """Channels of a layer: the mean of a channel's activation is ascended (Olah et al. 2017, "Feature Visualization").

    `classes.select` chooses among them by number; a channel's title is the layer's name and its number.
    """

    needs_network: ClassVar[bool] = True

    kind: Literal["channels"] = Field("channels", description="What is dreamed toward.")
    layer: str = Field(
        min_length=1,
        max_length=150,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        examples=["features.12"],
        description="Name of the layer, a module of the network.",
    )

    def known(self, network: Outline) -> tuple[Target, ...]:
        """All channels; the network is loaded to count them."""
        return tuple(
            Target(f"{self.layer}-{unit:04d}", Neuron(self.layer, unit), unit, f"{self.layer} · {unit}")
            for unit in range(network.channels(self.layer))
        )

    def layers(self) -> tuple[str, ...]:
        """The layer alone."""
        return (self.layer,)

    def answers(self, activations: Activations, units: Int[Tensor, " views"]) -> Float[Tensor, " views"]:
        """Mean of the wanted channel over all its places, against the strength of the whole layer.

        Layers differ in their scale by far; against it, what is ascended and what is kept small stay in proportion.
        """
        seen = activations[self.layer]
        strength = seen.detach().flatten(1).square().mean(1).sqrt().clamp(min=_WEAKEST)
        return _LIKE_LOGITS * _means(seen).gather(1, units[:, None])[:, 0] / strength

    def scores(self, activations: Activations, aims: Sequence[Aim]) -> tuple[Score, ...]:
        """The same mean; channels have scales of their own, so there is no rank among them."""
        means = _means(activations[self.layer]).cpu()
        return tuple(Score(activation=float(row[aim.ascends.unit])) for row, aim in zip(means, aims, strict=True))


def _means(activations: Float[Tensor, "views channels *place"]) -> Float[Tensor, "views channels"]:
    return activations.flatten(2).mean(2) if activations.ndim > 2 else activations
