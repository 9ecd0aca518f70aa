"""How a picture is held while it is optimized: what all kinds have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from renderer.common.section import Section

if TYPE_CHECKING:
    import torch

    from renderer.dream.parameterizations import Parameterization


class ParameterizationKind(Section):
    """How the picture is held while it is optimized; a kind is added as a subclass and in `PARAMETERIZATIONS`."""

    has_size_in_steps: ClassVar[bool] = False
    """Whether equal steps in all coordinates change a large picture more than a small one."""

    holds_any: ClassVar[bool] = True
    """Whether a picture can be put in at any time, and is still about the same when it comes out."""

    @property
    def is_of_views(self) -> bool:
        """Whether the frames of a film are changed view by view; what is built is a `ViewParameterization` then."""
        return False

    def for_fresh(self) -> Self:
        """What of it makes fresh pictures: the same for all that differ in the frames of a film alone."""
        return self

    def identity(self) -> str | None:
        """What tells the files that it needs from others, wherever they lie; None where it needs none.

        Raises:
            UserError: One is missing.
        """
        return None

    def files(self) -> Mapping[str, Path]:
        """The files that it is made from, by the key of the setting; raises UserError."""
        return {}

    @property
    def version(self) -> tuple[int, ...]:
        """Another one when its files have changed while the program runs."""
        return ()

    def with_absolute_paths(self) -> Self:
        """The same, but its paths mean the same from every folder."""
        return self

    def check(self) -> None:
        """Load what it needs, only to see that it can be used; raises UserError."""

    @abstractmethod
    def build(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> Parameterization:
        """What holds pictures of the given height and width, and gives only gray ones if so wished."""
