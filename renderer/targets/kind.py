"""What a network is asked to dream toward: the interface of all kinds of targets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self

from pydantic import Field

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
    def answers(self, activations: Activations, units: Int[Tensor, "views parts"]) -> Float[Tensor, "views parts"]:
        """How strongly the wanted units of each view answer; differentiable.

        Args:
            activations: By layer; see `watched`.
            units: Numbers of the units of each view; see `Aim.units`.
        """

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
    def scores(self, activations: Activations, aims: Sequence[Aim]) -> tuple[Score, ...]:
        """What the network says of pictures, each of which is to show its target."""
