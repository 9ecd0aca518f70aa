"""Layers as a whole, as targets: whatever a layer sees, more of it (DeepDream)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from renderer.targets.kind import Layers, Outline, TargetKind, of_units
from renderer.targets.strength import LIKE_LOGITS, strength
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations


class WholeLayers(TargetKind):
    """Layers as a whole, one after another: the norm of a layer's activation is ascended.

    This is the objective of DeepDream (Mordvintsev, Olah & Tyka 2015, "Inceptionism"), where the gradient with respect
    to the layer is the activation itself. Each layer is a target; its title is its name.
    """

    layer_key: ClassVar[str] = "network.targets.layers"
    needs_network: ClassVar[bool] = True

    kind: Literal["layers"] = Field("layers", description="What is dreamed toward.")
    layers: Layers

    def known(self, network: Outline) -> tuple[Target, ...]:
        """The layers; the network is loaded to see that it has them."""
        for name in self.layers:
            network.channels(name)
        return tuple(Target(name, Neuron(name, number), number, name) for number, name in enumerate(self.layers))

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:
        """Those of the units."""
        return of_units(self.layers, units)

    def answers(
        self,
        activations: Activations,
        units: Int[Tensor, "views parts"],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> Float[Tensor, "views parts"]:
        """Half the mean square of each wanted layer, against its strength."""
        found = strength(next(iter(activations.values()))).new_zeros(len(units), len(self.layers))
        for place, name in enumerate(self.layers):
            if name in activations:
                found[:, place] = _mean_square(activations[name]) / strength(activations[name])
        return LIKE_LOGITS / 2 * found.gather(1, units)

    def scores(
        self,
        activations: Activations,
        aims: Sequence[Aim],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> tuple[Score, ...]:
        """The root of the mean square; layers have scales of their own, so there is no rank among them."""
        strengths = [strength(activations[name]).tolist() for name in self.layers]
        by_picture = zip(zip(*strengths, strict=True), aims, strict=True)
        return tuple(Score(activation=aim.total(row)) for row, aim in by_picture)


def _mean_square(seen: Float[Tensor, "views channels *place"]) -> Float[Tensor, " views"]:
    found: Tensor = seen.flatten(1).square().mean(1)
    return found
