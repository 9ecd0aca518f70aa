"""What is wrong with settings, in one line for each key: where, what is asked for, what was given, what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from renderer.common.wording import did_you_mean, either, nearest, shortened
from renderer.settings.presets import is_layer
from renderer.settings.shape import (
    Group,
    Leaf,
    Schema,
    Sections,
    Shape,
    Variants,
    entry_schema,
    known_keys,
    settings_shape,
    words,
)
from renderer.settings.yaml_source import Marked
from renderer.targets.storyboard import ENTRY_MODELS

Path = tuple[str | int, ...]

_MOST_TOLD = 20


def describe_problems(error: ValidationError, tree: Marked, named: Callable[[Path], Path] = tuple) -> str:
    """Turn pydantic's errors into a message for the user.

    Args:
        error: What pydantic says of the plain settings.
        tree: The same settings with their places.
        named: The path that a message names in place of a path of these settings.

    Returns:
        One line for each key that is wrong, the first ones alone where there are many; without a line break at the
        end.
    """
    groups: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        groups.setdefault(_rough_path(details), []).append(details)
    # A list of which nothing is right is said to be too short as well.
    for path in {path[:-1] for path in groups if path and isinstance(path[-1], int)} & groups.keys():
        del groups[path]
    found: dict[Path, str] = {}
    for details in chain.from_iterable(map(_telling_first, islice(groups.values(), _MOST_TOLD))):
        path, what = _problem(details, tree)
        # What is wrong with several sections together names their keys itself.
        found.setdefault(path, f"{find(path, tree).place}: {dotted(named(path))}: {what}" if path else what)
    # Of a list that may also be a single value, the entry that is wrong says more than the list.
    lines = [line for path, line in found.items() if not any(_is_entry(other, path) for other in found)]
    more = len(groups) - _MOST_TOLD
    return "\n".join([*lines, f"and {more} more problems; mend these first"] if more > 0 else lines)


def _rough_path(details: ErrorDetails) -> Path:
    """What is cheap to know of the key that is wrong, so that the errors about one key can be counted once."""
    path, _, rest = _walk(details["loc"])
    return path + tuple(part for part in rest if isinstance(part, int))[:1]


def _telling_first(group: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Of a value that may be of several kinds, what a model of ours says comes before what it is not."""
    return sorted(group, key=lambda details: details["type"] != "value_error")


def _problem(details: ErrorDetails, tree: Marked) -> tuple[Path, str]:
    """Path of the key, as the user writes it, and what is wrong."""
    path, shape, rest = _walk(details["loc"])
    if details["type"] == "value_error":
        return _rough_path(details), str(details["ctx"]["error"])
    match shape:
        case None:
            return path, _unknown_key(path, tree)
        case Variants(tag=tag) if details["type"].startswith("union_tag"):
            above, path = find(path, tree).value, (*path, tag)
            if isinstance(above, dict) and tag not in above:
                return path, f"is missing; set it to {words(shape.tag_leaf.schema)}"
            return path, _wrong_value(shape.tag_leaf.schema, path, tree)
        case Leaf(schema=schema):
            is_of_entry = len(rest) > 2 and rest[1] in ENTRY_MODELS
            return (_wrong_entry if is_of_entry else _wrong_leaf)(schema, path, rest, details["type"], tree)
        case _:
            keys = list(dict.fromkeys(below[0] for below in known_keys(shape)))
            return path, f"must be a mapping with keys such as {either(keys[:4])}, not {_given(path, tree)}"


def _walk(location: Sequence[str | int]) -> tuple[Path, Shape | None, Path]:
    """Follow pydantic's location: the key's path without names of variants, its shape or None, and what is left."""
    path: Path = ()
    shape: Shape = settings_shape()
    rest = tuple(location)
    while rest:
        match shape:
            case Group(keys=keys):
                path, step, rest = (*path, rest[0]), str(rest[0]), rest[1:]
                if step not in keys:
                    return path, None, rest
                shape = keys[step]
            case Variants(groups=groups):
                names_kind = str(rest[0]) in groups
                shape, rest = _kind(groups, str(rest[0])), rest[1:] if names_kind else rest
            case Sections(entry=entry) if isinstance(rest[0], int):
                path, shape, rest = (*path, rest[0]), entry, rest[1:]
            case Leaf():
                break
    return path, shape, rest


def _kind(groups: Mapping[str, Group], step: str) -> Group:
    """The kind that a step names; or one that has it as a key, since a path as the user writes it names no kind."""
    return groups[step] if step in groups else next(group for group in groups.values() if step in group.keys)


def _wrong_leaf(schema: Schema, path: Path, rest: Path, kind: str, tree: Marked) -> tuple[Path, str]:
    numbers = [part for part in rest if isinstance(part, int)]
    entry = entry_schema(schema, numbers[0]) if numbers and kind != "missing" else None
    above = find(path[:-1], tree).value
    if kind == "missing" and isinstance(above, dict) and path[-1] not in above:
        return path, f"is missing; set it to {words(schema)}"
    if entry is not None:
        path, schema = (*path, numbers[0]), entry
    return path, _wrong_value(schema, path, tree)


def _wrong_entry(_schema: Schema, path: Path, rest: Path, kind: str, tree: Marked) -> tuple[Path, str]:
    """What is wrong with a key of an entry of a selection; `rest` is its number, its kind and the key."""
    number, model, key = rest[:3]
    keys = _entry_keys(str(model))
    path = (*path, number) if isinstance(find(path, tree).value, list) else path
    if kind == "missing":
        return (*path, key), f"is missing; set it to {words(keys[str(key)])}"
    if key not in keys:
        known = f"; known here: {', '.join(keys)}"
        return (*path, key), f"unknown key{did_you_mean(nearest(str(key), keys)) or known}"
    return (*path, key), _wrong_value(keys[str(key)], (*path, key), tree)


@cache
def _entry_keys(model: str) -> Mapping[str, Schema]:
    """The keys of a kind of entry, with what they may be."""
    keys: Mapping[str, Schema] = ENTRY_MODELS[model].model_json_schema()["properties"]
    return keys


def _wrong_value(schema: Schema, path: Path, tree: Marked) -> str:
    value = find(path, tree).value
    near = nearest(value, _choices(schema)) if isinstance(value, str) else []
    remedy = did_you_mean(near) or _remedy(value, schema)
    return f"must be {words(schema)}, not {_given(path, tree)}{remedy}"


def _remedy(value: Any, schema: Schema) -> str:
    options = _options(schema)
    takes_text = any(option.get("type") == "string" and not _choices(option) for option in options)
    takes_number = any(option.get("type") == "number" for option in options)
    if isinstance(value, dict | str) and "x-over-time" in json.dumps(schema.get("prefixItems", [])):
        return "; write a curve for each value, as in [{0: 0, 2s: 0.1}, 0]"
    if isinstance(value, dict):
        return "; put text that holds { or : in quotes"
    if value is None:
        return "; write a value, and put text that begins with # in quotes"
    return "; put it in quotes" if takes_text and not takes_number and isinstance(value, bool | int | float) else ""


def _options(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf", [schema]))


def _choices(schema: Schema) -> list[str]:
    return [
        value for option in _options(schema) for value in option.get("enum", [option.get("const")]) if value is not None
    ]


@cache
def _known() -> tuple[tuple[str, ...], ...]:
    """The paths of all keys, each once."""
    return tuple(dict.fromkeys(known_keys(settings_shape())))


def _unknown_key(path: Path, tree: Marked) -> str:
    if len(path) > 1 and isinstance(path[-2], int):
        return _unknown_in_entry(path, tree)
    names = tuple(str(part) for part in path)
    known = _known()
    if names in known:
        return _other_variant(names, tree)
    siblings = {key[-1]: key for key in known if key[:-1] == names[:-1]}
    close = [*nearest(names[-1], siblings), *(name for name in siblings if names[-1] in name.split("_"))]
    near = [siblings[name] for name in dict.fromkeys(close)]
    elsewhere = [key for key in known if key[-1] == names[-1]]
    remote = {key[-1]: key for key in known}
    guesses = near[:2] + elsewhere[:2] or [remote[name] for name in nearest(names[-1], remote, count=2, likeness=0.75)]
    remedy = did_you_mean([".".join(key) for key in guesses])
    return f"unknown key{remedy}" if remedy else f"unknown key; known here: {', '.join(siblings)}"


def _unknown_in_entry(path: Path, tree: Marked) -> str:
    """Of an entry of a list of sections."""
    variants, name, place = _entry_of(path[:-2]), str(path[-1]), dotted(path[:-1])
    if any(name in group.keys for group in variants.groups.values()):
        return _goes_with(path, variants, tree)
    own = variants.groups[str(find((*path[:-1], variants.tag), tree).plain())].keys
    remedy = did_you_mean([f"{place}.{key}" for key in nearest(name, own)])
    return f"unknown key{remedy}" if remedy else f"unknown key; known here: {', '.join(own)}"


def _entry_of(path: Path) -> Variants:
    """The shape of the entries of a list of sections."""
    shape: Shape = settings_shape()
    for step in path:
        groups = shape.groups.values() if isinstance(shape, Variants) else [shape]
        shape = next(group.keys[str(step)] for group in groups if isinstance(group, Group) and step in group.keys)
    if not isinstance(shape, Sections):
        raise TypeError(f"{path} is no list of sections")
    return shape.entry


def _other_variant(names: tuple[str, ...], tree: Marked) -> str:
    """Say which variant of its mapping the key belongs to."""
    _, variants, _ = _walk(names[:-1])
    if not isinstance(variants, Variants):
        raise TypeError(f"{names} is known")
    return _goes_with(names, variants, tree)


def _goes_with(path: Path, variants: Variants, tree: Marked) -> str:
    name, tag = str(path[-1]), (*path[:-1], variants.tag)
    owners = [f"'{kind}'" for kind, group in variants.groups.items() if name in group.keys]
    given, place = _given(tag, tree), find(tag, tree).place
    by = f" by {place}" if is_layer(place) else ""
    remedy = f"remove the key, or set {dotted(tag)} to {either(owners)}"
    return f"goes with {dotted(tag)} {either(owners)} only, which is {given}{by}; {remedy}"


def find(path: Path, tree: Marked) -> Marked:
    """The value at a path, or the last one on the way."""
    for step in path:
        match tree.value, step:
            case dict() as entries, str() if step in entries:
                tree = entries[step]
            case list() as entries, int() if step < len(entries):
                tree = entries[step]
            case _:
                break
    return tree


def _given(path: Path, tree: Marked) -> str:
    return shortened(json.dumps(find(path, tree).plain(), ensure_ascii=False))


def dotted(path: Path) -> str:
    """A path as users write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part)}" for part in path).removeprefix(".")


def _is_entry(path: Path, of: Path) -> bool:
    return len(path) > len(of) and path[:-1] == of and isinstance(path[-1], int)
