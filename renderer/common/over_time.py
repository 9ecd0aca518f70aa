"""Numbers of the settings that change over time: keyframes and expressions, in place of a constant.

A field that is marked with `OVER_TIME` takes them. Who reads the settings is given plain sections, with what holds at a
moment: see `Varying`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from renderer.common.errors import UserError
from renderer.common.expressions import ExpressionError
from renderer.common.section import Section
from renderer.common.value_curves import Bounds, Curve, Heard, Moment, read_curve, silence

_EXAMPLES = ({"0": 1.0, "50%": 1.4, "2s": 1.15}, "1.15 + 0.3 * audio.low")

Part = TypeVar("Part", bound=Section)


class _OverTime:
    """Lets a number of the settings be a curve."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        bounds = _bounds(plain)

        def read(value: Any, check: Callable[[Any], Any]) -> Any:
            return read_curve(value, bounds, check) if isinstance(value, str | dict | Curve) else check(value)

        return core_schema.no_info_wrap_validator_function(
            read,
            plain,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.written if isinstance(value, Curve) else value, when_used="always"
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        plain = handler(schema["schema"])
        keyframes, expression = _EXAMPLES
        curves = [{"type": "object", "examples": [keyframes]}, {"type": "string", "examples": [expression]}]
        return {"anyOf": [plain, *curves], "x-over-time": True}


OVER_TIME = _OverTime()
"""Marks a number of the settings that may change over time; it comes last among the annotations."""


def over_time(default: float, **field: Any) -> Any:
    """A field, as pydantic's `Field` makes it, for a number that may change over time."""
    made = Field(default, **field)
    made.metadata.append(OVER_TIME)  # after its bounds
    return made


def _bounds(schema: Mapping[str, Any]) -> Bounds:
    while "schema" in schema:
        schema = schema["schema"]
    lowest, highest = schema.get("ge", schema.get("gt")), schema.get("le", schema.get("lt"))
    return Bounds(
        -math.inf if lowest is None else lowest,
        math.inf if highest is None else highest,
        ("gt" not in schema, "lt" not in schema),
    )


class Varying(Generic[Part]):
    """A section of which some numbers may change over time."""

    def __init__(self, section: Part) -> None:
        """Look which do."""
        self._section = section
        self._parts = {
            name: part for name in type(section).model_fields if (part := _varying(getattr(section, name))) is not None
        }

    @property
    def is_constant(self) -> bool:
        """Whether none does."""
        return not self._parts

    @cached_property
    def curves(self) -> Mapping[str, Curve]:
        """Those that do, by dotted key within the section."""
        found: dict[str, Curve] = {}
        for name, part in self._parts.items():
            found |= _curves(name, part)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """What they follow from; see `Curve.names`."""
        return frozenset().union(*(curve.names for curve in self.curves.values()))

    def at(self, moment: Moment, heard: Heard = silence) -> Part:
        """The section as it is at a moment; the same object where nothing changes.

        Raises:
            UserError: An expression has no value then.
        """
        try:
            return self.values(moment, heard)
        except ExpressionError as error:
            raise UserError(self._trouble(moment, heard) or str(error)) from error

    def values(self, moment: Moment, heard: Heard) -> Part:
        """The same, but raises ExpressionError."""
        if not self._parts:
            return self._section
        return self._section.model_copy(update={name: _at(part, moment, heard) for name, part in self._parts.items()})

    def _trouble(self, moment: Moment, heard: Heard) -> str | None:
        """Which expression has no value at a moment, and why."""
        for key, curve in self.curves.items():
            try:
                curve.raw(moment, heard)
            except ExpressionError as error:
                return f"{key}: {moment.film_seconds:.2f} s into the film, {curve.written!r:.80} {error}"
        return None


_Part = Curve | Varying[Any] | tuple[Any, ...]


def _varying(value: Any) -> _Part | None:
    """What of a section's value changes over time; None if nothing does."""
    match value:
        case Curve():
            return value
        case Section():
            inner = Varying(value)
            return None if inner.is_constant else inner
        case tuple() if any(isinstance(one, Curve) for one in value):
            return value
        case _:
            return None


def _at(part: Any, moment: Moment, heard: Heard) -> Any:
    match part:
        case Curve():
            return part.at(moment, heard)
        case Varying():
            return part.values(moment, heard)
        case tuple():
            return tuple(_at(one, moment, heard) for one in part)
        case _:
            return part


def _curves(name: str, part: Any) -> dict[str, Curve]:
    match part:
        case Curve():
            return {name: part}
        case Varying():
            return {f"{name}.{key}": curve for key, curve in part.curves.items()}
        case tuple():
            return {f"{name}[{place}]": one for place, one in enumerate(part) if isinstance(one, Curve)}
        case _:
            return {}
