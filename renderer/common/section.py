"""What all sections of the settings have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Union

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen part of the settings that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def one_of(kinds: Sequence[type[Section]], tag: str) -> Any:
    """The type of a section that is of one of several kinds, told apart by the key `tag`.

    A kind that is added to the list is then known to the settings, their messages and their reference.
    """
    return Annotated[Union[tuple(kinds)], Field(discriminator=tag)] if len(kinds) > 1 else kinds[0]  # noqa: UP007
