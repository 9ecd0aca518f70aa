"""Channels of a hidden layer, as targets: what single units of a network look for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from renderer.targets.kind import LayerName, Outline, TargetKind
from renderer.targets.strength import LIKE_LOGITS, at_center, means, strength
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations


class LayerChannels(TargetKind):
    """Channels of a layer: the mean of a channel's activation is ascended (Olah et al. 2017, "Feature Visualization").

    `classes.select` chooses among them by number; a channel's title is the layer's name and its number.
    """

    needs_network: ClassVar[bool] = True

    kind: Literal["channels"] = Field("channels", description="What is dreamed toward.")
    layer: LayerName = Field(
        description="Name of the layer, a module of the network; `neuron-atlas networks NAME --layers` lists them."
    )
    unit: Literal["all", "center"] = Field(
        "all",
        description="Where the channel is to answer: in `all` places, which gives textures; or in the `center` of what "
        "the network is shown, which gives one thing.",
    )

    def known(self, network: Outline) -> tuple[Target, ...]:
        """All channels; the network is loaded to count them."""
        return tuple(
            Target(f"{self.layer}-{unit:04d}", Neuron(self.layer, unit), unit, f"{self.layer} · {unit}")
            for unit in range(network.channels(self.layer))
        )

    def identity(self) -> dict[str, Any]:
        """As before there was another place than all, where that is meant: runs go on that were begun then."""
        told = super().identity()
        return told if self.unit != "all" else {key: value for key, value in told.items() if key != "unit"}

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """The layer alone."""
        return (self.layer,)

    def answers(
        self,
        activations: Activations,
        units: Int[Tensor, "views parts"],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> Float[Tensor, "views parts"]:
        """The wanted channels, against the strength of the whole layer."""
        seen = activations[self.layer]
        return LIKE_LOGITS * self._channels(seen).gather(1, units) / strength(seen)[:, None]

    def scores(
        self,
        activations: Activations,
        aims: Sequence[Aim],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> tuple[Score, ...]:
        """The same, not against anything; channels have scales of their own, so there is no rank among them."""
        channels = self._channels(activations[self.layer]).cpu()
        return tuple(Score(activation=aim.total(row)) for row, aim in zip(channels, aims, strict=True))

    def _channels(self, seen: Float[Tensor, "views channels *place"]) -> Float[Tensor, "views channels"]:
        return at_center(seen) if self.unit == "center" else means(seen)
