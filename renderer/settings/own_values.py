"""Whether the values that entries of `classes.select` have of their own are such as the settings take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import ValidationError

from renderer.common.errors import UserError
from renderer.settings.overrides import completed, merge
from renderer.settings.problems import Path, describe_problems, dotted, find
from renderer.settings.sections import Settings
from renderer.settings.shape import Group, Leaf, Schema, Shape, Variants, settings_shape
from renderer.settings.yaml_source import Marked
from renderer.targets.selection import Classes
from renderer.targets.storyboard import Card, OwnValues

_SECTIONS = ("motion", "dream", "overlay")


def refuse_wrong_entries(classes: Classes, tree: Marked) -> None:
    """Refuse values of entries that the sections of the settings would not take, and title cards without an order.

    Args:
        classes: The selection.
        tree: All settings with their places.

    Raises:
        UserError: It names the first entry that is wrong, and all its keys that are.
    """
    for number, entry in enumerate(classes.select):
        path: Path = ("classes", "select", number)
        match entry:
            case Card():
                if classes.order != "listed":
                    place = find((*path, "card"), _as_list(tree)).place
                    raise UserError(
                        f"{place}: {dotted(path)}.card: a title card has its place in the list; set classes.order to "
                        "listed, or remove the card"
                    )
                _refuse_wrong(_Own(path, _as_list(tree), {"lines": "card"}))
            case OwnValues():
                _refuse_wrong(_Own(path, _as_list(tree), {}))
            case _:
                pass


def _as_list(tree: Marked) -> Marked:
    """The settings, in which the selection is a list."""
    select = find(("classes", "select"), tree)
    if not isinstance(select.value, dict):
        return tree
    listed = Marked({"classes": Marked({"select": Marked([select], select.place)}, select.place)}, select.place)
    return merge(tree, listed, settings_shape())


class _Own:
    """What an entry says, as parts of the sections of the settings."""

    def __init__(self, path: Path, tree: Marked, instead: Mapping[str, str]) -> None:
        """Sort it.

        Args:
            path: Path of the entry.
            tree: All settings with their places.
            instead: Keys of `overlay` for which it has another key.
        """
        self.tree, self._path, self._instead = tree, path, instead
        self._entry = find(path, tree)
        entries = self._entry.value if isinstance(self._entry.value, dict) else {}
        parts = {name: entries[name] for name in _SECTIONS if name in entries and entries[name].value is not None}
        self._short = {key: entries[key] for key in OwnValues.in_motion if key in entries and not instead}
        if self._short:
            motion = parts.get("motion", Marked({}, self._entry.place)).value
            self._twice = sorted(self._short.keys() & (motion.keys() if isinstance(motion, dict) else set()))
            parts["motion"] = Marked(self._short | (motion if isinstance(motion, dict) else {}), self._entry.place)
        else:
            self._twice = []
        self.parts = Marked(parts, self._entry.place)

    def named(self, path: Path) -> Path:
        """The path of a value as the user wrote it."""
        is_short = len(path) > 1 and path[0] == "motion" and path[1] in self._short
        return (*self._path, *(path[1:] if is_short else path))

    def problems(self) -> Iterator[tuple[Path, str]]:
        """What the sections would take, and no class may have of its own."""
        for key in self._twice:
            yield ("motion", key), f"stands for motion.{key}, which is set too; keep one of them"
        for path in _keys(self.parts, settings_shape(), ()):
            if path[0] == "overlay":
                if path[1] in self._instead:
                    yield path, f"a title card has its lines as {self._instead[str(path[1])]}; write them there"
                if path[1] == "font":
                    yield path, "there is one font for the whole film; set overlay.font"
            elif path not in _over_time():
                yield (
                    path,
                    (
                        f"is the same for the whole film; set it as {dotted(path)}. A class may have of its own "
                        "what may change over time: rates, weights, shares"
                    ),
                )


def _refuse_wrong(own: _Own) -> None:
    sections = own.tree.value if isinstance(own.tree.value, dict) else {}
    base = Marked({name: sections[name] for name in _SECTIONS if name in sections}, own.tree.place)
    whole = completed(merge(base, own.parts, settings_shape()), settings_shape())
    try:
        Settings.model_validate_json(json.dumps(whole.plain()))
    except ValidationError as error:
        raise UserError(describe_problems(error, whole, own.named)) from error
    if problems := list(own.problems()):
        lines = [f"{find(path, own.parts).place}: {dotted(own.named(path))}: {what}" for path, what in problems]
        raise UserError("\n".join(lines))


def _keys(tree: Marked, shape: Shape, path: Path) -> Iterator[Path]:
    """The paths of all values in a tree that fits a shape."""
    entries = tree.value if isinstance(tree.value, dict) else {}
    match shape:
        case Group(keys=keys):
            below = keys
        case Variants(groups=groups):
            below = {key: one for group in groups.values() for key, one in group.keys.items()}
        case Leaf():
            yield path
            return
    for key, entry in entries.items():
        yield from _keys(entry, below[key], (*path, key))


@cache
def _over_time() -> frozenset[Path]:
    """The paths of all values that may change over time."""
    return frozenset(_changing(settings_shape(), ()))


def _changing(shape: Shape, path: Path) -> Iterator[Path]:
    match shape:
        case Leaf(schema=schema):
            if _is_over_time(schema):
                yield path
        case Group(keys=keys):
            for key, below in keys.items():
                yield from _changing(below, (*path, key))
        case Variants(groups=groups):
            for group in groups.values():
                yield from _changing(group, path)


def _is_over_time(schema: Schema) -> bool:
    entries = schema.get("prefixItems", [])
    return bool(schema.get("x-over-time")) or any(_is_over_time(entry) for entry in entries)
