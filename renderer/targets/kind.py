"""What a network is asked to dream toward: the interface of all kinds of targets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self

from pydantic import AfterValidator, Field

from renderer.common.photographs import Photograph
from renderer.common.section import Section
from renderer.targets.target import Aim, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    Activations = Mapping[str, Float[Tensor, "views channels *place"]]


LayerName = Annotated[
    str,
    Field(min_length=1, max_length=150, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", examples=["features.12"]),
]
"""Name of a layer, a module of the network."""


def _named_once(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that names a layer twice; raises ValueError."""
    if twice := [name for number, name in enumerate(layers) if name in layers[:number]]:
        raise ValueError(f"names {twice[0]} twice; name each layer once")
    return layers


Layers = Annotated[
    tuple[LayerName, ...],
    Field(
        min_length=1,
        max_length=200,
        examples=["[features.3, features.7, features.12]"],
        description="Names of the layers, in the order in which they are numbered; `neuron-atlas networks NAME "
        "--layers` lists them.",
    ),
    AfterValidator(_named_once),
]
"""Layers that are targets each."""


def of_units(layers: tuple[str, ...], units: Collection[int] | None) -> tuple[str, ...]:
    """The layers of some units, where each layer is a unit; None for all."""
    return layers if units is None else tuple(layers[unit] for unit in sorted(set(units)))


class Outline(Protocol):
    """What can be told of a network for its targets to be listed."""

    def class_list(self) -> tuple[Target, ...]:
        """The classes that its outputs stand for, by index."""
        ...

    def channels(self, layer: str) -> int:
        """How many channels a layer has; the network is loaded. Raises UserError where there is no such layer."""
        ...


class TargetKind(Section):
    """One kind of targets of a network; its fields are what the settings say of it.

    To add a kind, write a module with a subclass and name it in `renderer/targets/kinds.py`.
    """

    layer_key: ClassVar[str] = "network.targets.layer"
    """Key of the setting that names layers."""

    needs_network: ClassVar[bool] = False
    """Whether the network has to be loaded for its targets to be listed."""

    @abstractmethod
    def known(self, network: Outline) -> tuple[Target, ...]:
        """All targets of this kind that a network has, by index; `classes.select` chooses among them.

        Raises:
            UserError: They cannot be listed.
        """

    @abstractmethod
    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:
        """Names of the layers whose activations are looked at for some units; None for all."""

    @abstractmethod
    def answers(
        self, activations: Activations, units: Int[Tensor, "views parts"], beside: Sequence[Activations] = ()
    ) -> Float[Tensor, "views parts"]:
        """How strongly the wanted units of each view answer; differentiable.

        Args:
            activations: By layer; see `watched`.
            units: Numbers of the units of each view; see `Aim.units`.
            beside: For each part the answers to the same views of its own picture, where it has one; see `beside`.
        """

    def beside(self, unit: int, size: tuple[int, int]) -> Photograph | None:  # noqa: ARG002
        """The picture with which dreams of a unit are compared; None where there is nothing of the kind.

        The network is shown the same views of both.

        Args:
            unit: Number of the unit.
            size: Height and width of the dream.

        Raises:
            UserError: It cannot be read.
        """
        return None

    def identity(self) -> dict[str, Any]:
        """What tells them from others; files count by what is in them, not by where they lie."""
        return self.model_dump(mode="json", exclude=set(self.files()))

    def files(self) -> Mapping[str, Path]:
        """Files that they depend on, by the key within `network.targets`."""
        return {}

    def with_absolute_paths(self) -> Self:
        """The same, but its paths mean the same from every folder."""
        return self

    def rivals(self, activations: Activations) -> Float[Tensor, "views classes"] | None:  # noqa: ARG002
        """The outputs before the softmax of which the wanted unit is one; None where there is no softmax to win."""
        return None

    @abstractmethod
    def scores(
        self, activations: Activations, aims: Sequence[Aim], beside: Sequence[Activations] = ()
    ) -> tuple[Score, ...]:
        """What the network says of pictures, each of which is to show its target.

        Args:
            activations: By layer; see `watched`.
            aims: The targets, one a picture.
            beside: As for `answers`.
        """
