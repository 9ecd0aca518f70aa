"""What a layer knows of a photograph, as targets: pictures that have the same features as the photograph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from renderer.common.errors import naming
from renderer.common.photographs import CAT, Fit, Photograph, check_photograph, read_photograph
from renderer.targets.kind import Layers, Outline, TargetKind, of_units
from renderer.targets.strength import LIKE_LOGITS, distance
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations

_KEY = "network.targets.picture"
_WEIGHT = 10 * LIKE_LOGITS  # All is to be matched, not shown once: what regularizers cost is little against it.


class Inversions(TargetKind):
    """What layers still know of a photograph, one after another (Mahendran & Vedaldi 2014, arXiv 1412.0035).

    The dream is to have the same features as the photograph: the network is shown the same views of both, and what
    differs in the layer's answers is made small. Each layer is a target; its title is its name.
    """

    layer_key: ClassVar[str] = "network.targets.layers"
    needs_network: ClassVar[bool] = True

    kind: Literal["inversion"] = Field("inversion", description="What is dreamed toward.")
    picture: Path | None = Field(
        None,
        description="The photograph, of any format that Pillow reads; without it, that of a cat, which comes along.",
    )
    fit: Fit = Field("cover", description="How it fills the frame: `cover`, `contain` or `stretch`; see `start.fit`.")
    layers: Layers

    def known(self, network: Outline) -> tuple[Target, ...]:
        """The layers; the network is loaded to see that it has them."""
        with naming(_KEY):
            check_photograph(self.picture or CAT)
        for name in self.layers:
            network.channels(name)
        return tuple(Target(name, Neuron(name, number), number, name) for number, name in enumerate(self.layers))

    def identity(self) -> dict[str, Any]:
        """Without the path."""
        return self.model_dump(mode="json", exclude={"picture"})

    def files(self) -> Mapping[str, Path]:
        """The photograph."""
        return {"picture": self.picture or CAT}

    def with_absolute_paths(self) -> Self:
        """The same from every folder."""
        return self.model_copy(update={"picture": self.picture and self.picture.absolute()})

    def beside(self, unit: int, size: tuple[int, int]) -> Photograph:  # noqa: ARG002
        """The photograph, for all layers."""
        with naming(_KEY):
            return read_photograph(self.picture or CAT, size, self.fit)

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:
        """Those of the units."""
        return of_units(self.layers, units)

    def answers(
        self, activations: Activations, units: Int[Tensor, "views parts"], beside: Sequence[Activations] = ()
    ) -> Float[Tensor, "views parts"]:
        """How far each wanted layer is from what it answers to the photograph, below 0."""
        missed = next(iter(activations.values())).new_zeros(len(units), len(self.layers))
        for place, name in enumerate(self.layers):
            if name in activations:
                missed[:, place] = distance(activations[name], beside[0][name])
        return -_WEIGHT * missed.gather(1, units)

    def scores(
        self, activations: Activations, aims: Sequence[Aim], beside: Sequence[Activations] = ()
    ) -> tuple[Score, ...]:
        """How much of what the layer answers to the photograph is there: 1 is all, 0 what a black picture has."""
        found = [(1 - distance(activations[name], beside[0][name])).tolist() for name in self.layers]
        return tuple(Score(activation=aim.total(row)) for row, aim in zip(zip(*found, strict=True), aims, strict=True))
