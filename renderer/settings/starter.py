"""A configuration to start from: every section and key, in YAML with comments, made from the models."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from renderer.settings.loading import parse_settings
from renderer.settings.shape import Group, Leaf, Shape, Variants, settings_shape
from renderer.settings.yaml_source import parse_yaml

_LIVE: Mapping[str, Mapping[str, Any]] = {
    "network": {"source": "torchvision", "name": "squeezenet1_1"},
    "classes": {"select": ["goldfish", "under:bear", "tabby", "100-102", "*castle*", 985]},
    "film": {"width": 512, "height": 512, "seconds_per_class": 2.0},
    "overlay": {"lines": ["{previous.title}", "{title}", "{next.title}"]},
    "video": {"codec": "h264"},
}
"""What stands in the file without being commented out: what nearly everybody wants to change."""

_HEAD = """\
# yaml-language-server: $schema={schema}
#
# neuron-atlas render {file}
#
# (and before it: neuron-atlas check {file})
# What is commented out, such as `#fps: 25.0`, has its default: take the # away and change the value. Any line may be
# removed; its default holds then. A network with which nothing has to be downloaded is {{source: embedded}}; others
# are told by
#   neuron-atlas docs networks
# Under `dream`, what suits the network and the preset come before the defaults; those here are for {network}. See
#   neuron-atlas docs presets
"""
_WIDTH = 110


def starter_text(file: str, schema: str) -> str:
    """The configuration.

    Args:
        file: Its path as a shell takes it, for the commands that it names.
        schema: Where editors find the schema: a path from the file's folder.
    """
    network = _LIVE["network"]["name"]
    lines = [_HEAD.format(file=file, schema=schema, network=network).rstrip("\n")]
    settings = parse_settings(json.dumps(_LIVE), "starter").model_dump(mode="json")
    for name, shape in settings_shape().keys.items():
        lines += ["", *_section(name, shape, settings[name], _LIVE.get(name, {}))]
    return "\n".join([*lines, ""])


def _section(name: str, shape: Shape, value: Any, live: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A section with its keys: those that are live, then values, then the sections in it.

    Args:
        name: Its key.
        shape: Its shape.
        value: Its settings.
        live: Those that are not commented out.
        indent: What its lines begin with.
    """
    group = shape.groups[value[shape.tag]] if isinstance(shape, Variants) else shape
    if not isinstance(group, Group):
        raise TypeError(f"{name} is no section")
    yield from _comment(group.description, indent)
    yield f"{indent}{name}:"
    keys = dict(group.keys) | ({shape.tag: shape.tag_leaf} if isinstance(shape, Variants) else {})
    tag = shape.tag if isinstance(shape, Variants) else None
    order = sorted(keys, key=lambda key: (key not in live, key != tag, not isinstance(keys[key], Leaf)))
    for number, key in enumerate(order):
        if number:
            yield ""
        if isinstance(below := keys[key], Leaf):
            yield from _key(key, below, value[key], indent + "  ", is_live=key in live)
        else:
            yield from _section(key, below, value[key], {}, indent + "  ")


def _key(name: str, leaf: Leaf, value: Any, indent: str, *, is_live: bool) -> Iterator[str]:
    yield from _comment(f"{leaf.description} ({leaf.words})", indent)
    yield f"{indent}{'' if is_live else '#'}{name}: {_inline(value)}"


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    flowing = " ".join(text.split())
    return textwrap.wrap(
        flowing, _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False, break_on_hyphens=False
    )


def _inline(value: Any) -> str:
    """A value in one line; text without quotes where it is a plain word."""
    if isinstance(value, str) and value.replace("_", "").isalnum() and parse_yaml(value, str).plain() == value:
        return value
    return json.dumps(value, ensure_ascii=False)
