"""What all sections of the settings have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen part of the settings that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def one_of(kinds: Sequence[type[Section]], tag: str) -> Any:
    """The type of a section that is of one of several kinds, told apart by the key `tag`.

    A kind that is added to the list is then known to the settings, their messages and their reference.
    """
    return Annotated[Union[tuple(kinds)], Field(discriminator=tag)] if len(kinds) > 1 else kinds[0]  # noqa: UP007


Part = TypeVar("Part", bound=Section)


def with_values(section: Part, values: Mapping[str, Any]) -> Part:
    """A section in which some values are others.

    Args:
        section: The section; it is left as it is.
        values: Plain data by key; of a section within it, likewise some of its values.
    """
    if not values:
        return section
    return type(section).model_validate_json(json.dumps(_merged(section, values)))


def _merged(section: Section, values: Mapping[str, Any]) -> dict[str, Any]:
    data = section.model_dump(mode="json")
    for key, value in values.items():
        inner = getattr(section, key)
        data[key] = _merged(inner, value or {}) if isinstance(inner, Section) else value
    return data


def changed_values(before: Section, after: Section) -> dict[str, Any]:
    """What `with_values` needs to make one section of another one of its kind."""
    data, found = after.model_dump(mode="json"), dict[str, Any]()
    for key in type(before).model_fields:
        one, other = getattr(before, key), getattr(after, key)
        if one != other:
            inner = isinstance(one, Section) and type(one) is type(other)
            found[key] = changed_values(one, other) if inner else data[key]
    return found
