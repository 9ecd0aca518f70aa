"""Entries of a selection that say more than what they stand for: values of a class's own, mixtures, title cards."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from renderer.common.section import Section
from renderer.targets.entries import Entry

_LONGEST_SECONDS = 3600

Values = dict[str, Any]
"""Some keys of a section of the settings, whose values are checked where that section is known."""


def as_entries(value: Any) -> Any:
    """Let a single value stand for a list of one, as in `select: all`."""
    match value:
        case str() | int() | dict():
            return (value,)
        case list():
            return tuple(value)
        case _:
            return value


Entries = Annotated[tuple[Entry, ...], BeforeValidator(as_entries)]
Seconds = Annotated[float, Field(gt=0, le=_LONGEST_SECONDS)]
Weight = Annotated[float, Field(ge=-100, le=100)]


class _Said(Section):
    """An entry that is a mapping; only what it says is written down of it."""

    @model_serializer(mode="wrap")
    def _what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None and value != {}}


class OwnValues(_Said):
    """What a class may have of its own."""

    in_motion: ClassVar[tuple[str, ...]] = ("zoom", "rotate", "pan", "center", "shake")
    """Keys that stand for those of `motion`."""

    seconds: Seconds | None = Field(None, description="How long it is shown, in seconds.")
    beats: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="The same, in beats of the sound.")
    zoom: Any = Field(None, description="As `motion.zoom`.")
    rotate: Any = Field(None, description="As `motion.rotate`.")
    pan: Any = Field(None, description="As `motion.pan`.")
    center: Any = Field(None, description="As `motion.center`.")
    shake: Any = Field(None, description="As `motion.shake`.")
    motion: Values = Field(default_factory=dict, description="Keys of `motion`.", examples=[{"zoom": 1.3}])
    dream: Values = Field(
        default_factory=dict,
        description="Keys of `dream` whose values may change over time.",
        examples=[{"optimizer": {"learning_rate": 0.12}}],
    )
    overlay: Values = Field(
        default_factory=dict, description="Keys of `overlay`, without `font`.", examples=[{"lines": ["THE END"]}]
    )

    @model_validator(mode="after")
    def _refuse_two_lengths(self) -> Self:
        if self.seconds and self.beats:
            raise ValueError("seconds and beats: both say how long it is shown; keep one")
        return self

    @property
    def sections(self) -> dict[str, Values]:
        """Its values by the section of the settings in which they are."""
        short = {key: value for key in self.in_motion if (value := getattr(self, key)) is not None}
        return {"motion": short | self.motion, "dream": self.dream, "overlay": self.overlay}


class Mixed(OwnValues):
    """Several targets at once, each by its weight: `{title: lion fish, mix: {lion: 1, lionfish: 0.7, tabby: -0.3}}`."""

    title: str = Field(min_length=1, max_length=500, description="What it is called.")
    mix: dict[str, Weight] = Field(
        min_length=1,
        max_length=32,
        description="Weights by the entries of single targets. What is below 0 is to be seen as little as can be.",
        examples=[{"lion": 1, "lionfish": 0.7}],
    )

    @model_validator(mode="after")
    def _say_something(self) -> Self:
        if "\0" in self.title or not self.title.strip():
            raise ValueError("the title of a mixture is empty, or holds the character NUL; write a name")
        if not any(self.mix.values()):
            raise ValueError(f"all weights of {self.title!r:.60} are 0; give what is wanted a weight such as 1")
        return self


class Shown(OwnValues):
    """Classes with values of their own: `{select: tabby, seconds: 4, zoom: 1.3}`."""

    select: Entries = Field(min_length=1, description="An entry, or a list of them.")


class Card(_Said):
    """Text over the end of the class before it, which is shown longer for that: `{card: PART ONE, seconds: 3}`."""

    card: Annotated[tuple[str, ...], BeforeValidator(as_entries)] = Field(
        min_length=1, max_length=20, description="Templates, one a line, as in `overlay.lines`."
    )
    seconds: Seconds = Field(3.0, description="How long it is shown, in seconds.")
    overlay: Values = Field(
        default_factory=dict,
        description="Keys of `overlay` for how it looks; it is in the center, and large, unless they say otherwise.",
        examples=[{"position": "center", "size": 0.12}],
    )


ENTRY_MODELS: dict[str, type[_Said]] = {"scene": Shown, "mixture": Mixed, "card": Card}
"""The entries that are mappings, by what errors call them."""

MIXTURE_EXAMPLE = "{title: lion fish, mix: {lion: 1, lionfish: 0.7, tabby: -0.3}}"
SCENE_EXAMPLE = "{select: tabby, seconds: 4, zoom: 1.3}"
CARD_EXAMPLE = "{card: [PART ONE, Animals], seconds: 3}"


def _kind(value: Any) -> str | None:
    """The kind of an entry, by the key that it cannot be without."""
    match value:
        case Shown() | {"select": _}:
            return "scene"
        case Card() | {"card": _}:
            return "card"
        case Mixed() | {"mix": _} | {"title": _}:
            return "mixture"
        case dict():
            return None
        case _:
            return "entry"


_SCHEMA = {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "object", "examples": [SCENE_EXAMPLE]}]}
Selected = Annotated[
    Annotated[Entry, Tag("entry")]
    | Annotated[Shown, Tag("scene")]
    | Annotated[Mixed, Tag("mixture")]
    | Annotated[Card, Tag("card")],
    Discriminator(_kind),
    WithJsonSchema(_SCHEMA),
]
SelectedEntries = Annotated[tuple[Selected, ...], BeforeValidator(as_entries)]
