"""Settings over those of the file: `--set KEY=VALUE` from the command line, values by key from Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.settings.python_values import mark
from renderer.settings.shape import Group, Leaf, Shape, Variants, settings_shape
from renderer.settings.yaml_limits import MOST_LEVELS
from renderer.settings.yaml_source import Marked, parse_yaml

PLACE = "--set"
PYTHON = "overrides"
_LONGEST_SHOWN = 120

Overrides = Sequence[str] | Mapping[str, object]
"""`KEY=VALUE` texts, a dotted key and a YAML value each; or from Python values by dotted key, or by section."""


def parse_overrides(overrides: Overrides) -> Marked:
    """Join overrides into one tree; of two for one key the last holds.

    Args:
        overrides: As texts, in which a value that begins with `#` is text, not a comment; or as values by key.

    Raises:
        UserError: One is not of this form, or its key goes on below a value.
    """
    if isinstance(overrides, Mapping):
        return _joined(PYTHON, [_placed(key, value) for key, value in overrides.items()])
    return _joined(PLACE, [_parse_override(override) for override in overrides])


def _joined(place: str, parts: Sequence[Marked]) -> Marked:
    tree = Marked({}, place)
    for part in parts:
        tree = merge(tree, part, shape=None)
    return tree


def merge(base: Marked, over: Marked, shape: Shape | None) -> Marked:
    """Lay one tree over another, key by key; a section without a value changes nothing.

    Args:
        base: What is covered.
        over: What covers it.
        shape: The shape of both, where variants matter: a mapping that names another variant than the one below it
            replaces it whole, since keys of the one are of no use to the other.
    """
    if over.value is None and isinstance(shape, Group | Variants):
        return base
    if isinstance(shape, Leaf) or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over  # Keyframes are one value.
    if isinstance(shape, Variants) and shape.tag in over.value and _tag(over, shape) != _tag(base, shape):
        return over
    merged = dict(base.value)
    for key, entry in over.value.items():
        merged[key] = merge(merged[key], entry, _below(shape, key)) if key in merged else entry
    return Marked(merged, base.place)


def completed(tree: Marked, shape: Shape) -> Marked:
    """Take a section without a value for an empty one, and give an untagged one its default tag."""
    value = {} if tree.value is None and not isinstance(shape, Leaf) else tree.value
    if not isinstance(value, dict):
        return tree
    match shape:
        case Group(keys=keys):
            return Marked(_all_complete(value, keys), tree.place)
        case Variants(tag=tag, default=default, groups=groups):
            tagged = {tag: Marked(default, tree.place)} | value
            kind = groups.get(str(tagged[tag].value))
            return Marked(_all_complete(tagged, kind.keys) if kind else tagged, tree.place)
        case _:
            return tree


def _all_complete(entries: Mapping[str, Marked], keys: Mapping[str, Shape]) -> dict[str, Marked]:
    return {key: completed(entry, keys[key]) if key in keys else entry for key, entry in entries.items()}


def _tag(tree: Marked, shape: Variants) -> object:
    entries = tree.value if isinstance(tree.value, dict) else {}
    return entries[shape.tag].value if shape.tag in entries else shape.default


def _placed(key: str, value: object) -> Marked:
    """A value from Python at the place of its key."""
    steps, shown = _steps(key), f"{PYTHON}: {shortened(str(key), _LONGEST_SHOWN)}"
    if not all(steps):
        raise UserError(f"{shown}: must be a dotted key, such as film.width")
    return _below_steps(steps, mark(value, PYTHON, key.strip()), shown)


def _parse_override(override: str) -> Marked:
    key, sign, text = override.partition("=")
    steps, shown = _steps(key), f"{PLACE} {shortened(override, _LONGEST_SHOWN)}"
    if not sign or not all(steps):
        raise UserError(f"{shown}: must be KEY=VALUE with a dotted key, such as --set film.width=320")
    if override != override.encode(errors="ignore").decode():
        raise UserError(f"{shown}: holds bytes that are no UTF-8 text; write it anew")
    return _below_steps(steps, _parse_value(text.strip(), override), shown)


def _steps(key: object) -> list[str]:
    return key.strip().split(".") if isinstance(key, str) else [""]


def _below_steps(steps: Sequence[str], tree: Marked, shown: str) -> Marked:
    """The tree as the value of a dotted key; `shown` begins a message about it."""
    if len(steps) > MOST_LEVELS:
        raise UserError(f"{shown}: the key has {len(steps)} parts, and no setting has that many; shorten it")
    _refuse_keys_below_values(steps, shown)
    for step in reversed(steps):
        tree = Marked({step: tree}, tree.place)
    return tree


def _parse_value(text: str, override: str) -> Marked:
    if text.startswith("#"):  # A comment has no use here, and colors begin like one.
        text = json.dumps(text, ensure_ascii=False)
    try:
        return parse_yaml(text, lambda _: PLACE)
    except UserError as error:
        raise UserError(f"{error} (in {PLACE} {shortened(override, _LONGEST_SHOWN)})") from error


def _refuse_keys_below_values(steps: Sequence[str], shown: str) -> None:
    shape: Shape | None = settings_shape()
    for number, step in enumerate(steps):
        if isinstance(shape, Leaf):
            key = ".".join(steps[:number])
            raise UserError(f"{shown}: {key} is a value without keys of its own; set it whole: {key}=VALUE")
        shape = _below(shape, step)


def _below(shape: Shape | None, key: str) -> Shape | None:
    match shape:
        case Group(keys=keys):
            return keys.get(key)
        case Variants(groups=groups):
            return next((group.keys[key] for group in groups.values() if key in group.keys), None)
        case Leaf() | None:
            return None
