"""What the settings look like, told by the models' JSON schema: keys, variants, and each value in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from renderer.common.wording import either
from renderer.settings.sections import Settings

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Leaf:
    """A key with a value.

    Attributes:
        schema: JSON schema of the value.
        description: Meaning of the key, in Markdown.
        default: Default value, plain.
    """

    schema: Schema
    description: str
    default: Any

    @property
    def words(self) -> str:
        """What the value has to be."""
        return words(self.schema)


@dataclass(frozen=True)
class Sections(Leaf):
    """A key with a list of mappings, each of which is of one of several kinds; nothing is merged below it.

    Attributes:
        entry: The shape of an entry.
    """

    entry: Variants


@dataclass(frozen=True)
class Group:
    """A mapping of keys, with its meaning."""

    keys: Mapping[str, Shape]
    description: str


@dataclass(frozen=True)
class Variants:
    """A mapping that is of one of several kinds.

    Attributes:
        tag: The key that tells them apart.
        default: The tag's default.
        groups: The variants by their tag.
    """

    tag: str
    default: str
    groups: Mapping[str, Group]

    @property
    def tag_leaf(self) -> Leaf:
        """The tag, with all its values and the meaning that a variant gives it."""
        leaves = [leaf for group in self.groups.values() if isinstance(leaf := group.keys[self.tag], Leaf)]
        ordered = sorted(leaves, key=lambda leaf: leaf.default != self.default)
        description = next(leaf.description for leaf in ordered if leaf.description)
        return Leaf({"enum": list(self.groups)}, description, self.default)


Shape = Leaf | Group | Variants


@cache
def settings_shape() -> Group:
    """The shape of all settings."""
    schema = Settings.model_json_schema()
    return _group(schema, schema["$defs"])


def known_keys(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All key paths below a shape, of every variant; some come more than once."""
    if path:
        yield path
    match shape:
        case Group(keys=keys):
            for key, below in keys.items():
                yield from known_keys(below, (*path, key))
        case Variants(groups=groups):
            for group in groups.values():
                for key, below in group.keys.items():
                    yield from known_keys(below, (*path, key))
        case Leaf():
            pass


def words(schema: Schema) -> str:
    """Say what a value with the given JSON schema has to be, in plain words."""
    match schema:
        case {"anyOf": [plain, *others]}:
            curves = schema.get("x-over-time", False)
            return f"{words(plain)}, or a curve" if curves else " or ".join(map(words, (plain, *others)))
        case {"const": value} | {"enum": [value]}:
            return f"'{value}'"
        case {"enum": values}:
            return either([f"'{value}'" for value in values])
        case {"type": "array"}:
            return _list_words(schema)
        case {"discriminator": {"propertyName": tag}}:
            return f"a mapping with {tag} and the keys that go with it"
        case _:
            return _scalar_words(schema)


def entry_schema(schema: Schema, number: int) -> Schema | None:
    """JSON schema of an entry of a list, or None where the value cannot be a list."""
    for option in schema.get("anyOf", [schema]):
        match option:
            case {"prefixItems": entries} if number < len(entries):
                return dict(entries[number])
            case {"items": entry}:
                return dict(entry)
            case _:
                continue
    return None


_SIMPLE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
}


def _group(schema: Schema, definitions: Mapping[str, Schema], *, listed: bool = False) -> Group:
    """The shape of a mapping; `listed` leaves out lists of sections, since none may be within another."""
    own = {key: below for key, below in schema["properties"].items() if not (listed and _lists_sections(below))}
    return Group({key: _shape(below, definitions) for key, below in own.items()}, schema.get("description", ""))


def _lists_sections(schema: Schema) -> bool:
    return "discriminator" in schema.get("items", {})


def _shape(schema: Schema, definitions: Mapping[str, Schema]) -> Shape:
    match schema:
        case {"$ref": reference}:
            return _group(_definition(reference, definitions), definitions)
        case {"discriminator": _, "default": default}:
            return _variants(schema, default, definitions)
        case {"type": "array", "items": {"discriminator": _} as entry}:
            variants = _variants(entry, {}, definitions, listed=True)
            return Sections(schema, schema.get("description", ""), schema.get("default"), variants)
        case _:
            return Leaf(schema, schema.get("description", ""), schema.get("default"))


def _variants(
    schema: Schema, default: Mapping[str, Any], definitions: Mapping[str, Schema], *, listed: bool = False
) -> Variants:
    tag, references = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
    groups = {name: _group(_definition(to, definitions), definitions, listed=listed) for name, to in references.items()}
    return Variants(tag, default.get(tag, ""), groups)


def _definition(reference: str, definitions: Mapping[str, Schema]) -> Schema:
    return definitions[reference.removeprefix("#/$defs/")]


def _scalar_words(schema: Schema) -> str:
    match schema:
        case {"type": "object", "examples": [example]}:
            return f"a mapping like {example}"
        case {"examples": examples}:
            return f"text like {either([repr(example) for example in examples])}"
        case {"format": "path"}:
            return "a path"
        case _:
            return _SIMPLE_WORDS[schema["type"]] + _range_words(schema)


def _list_words(schema: Schema) -> str:
    if "prefixItems" in schema:
        entries = [words(entry) for entry in schema["prefixItems"]]
        each = f"each {entries[0]}" if len(set(entries)) == 1 else ", then ".join(entries)
        return f"a list of {len(entries)} values, {each}"
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least and most:
        return f"a list of {least} to {most}, each entry {words(schema['items'])}"
    count = f" of at least {least}" if least else f" of at most {most}" if most else ""
    return f"a list{count}, each entry {words(schema['items'])}"


def _range_words(schema: Schema) -> str:
    least, most, above, below = (
        schema.get(bound) for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    )
    if below is not None and schema["type"] == "integer":
        most, below = below - 1, None
    if least is not None and most is not None:
        return f" from {least} to {most}"
    lower = f" of at least {least}" if least is not None else f" above {above}" if above is not None else ""
    upper = f"at most {most}" if most is not None else f"below {below}" if below is not None else ""
    return f"{lower} and {upper}" if lower and upper else f"{lower} of {upper}" if upper else lower
