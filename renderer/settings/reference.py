"""The reference of all settings as Markdown, made from the models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from renderer.settings.shape import Group, Leaf, Shape, Variants, settings_shape

_INTRODUCTION = """\
# Settings: every key, with its default

Every key of a configuration, with its default. All of them may be left out. A key can also be set on the command line
with its dotted name, such as `--set film.width=320`; the value is YAML, and it comes before what the file says. A
`--set` that chooses another kind of a section, such as `--set network.source=embedded`, drops the file's keys for the
kind that it had.

The key `dream.preset` sets others under `dream` together, and so does the network; [presets.md](presets.md) says which.
What is set here or on the command line comes before both.

`neuron-atlas init` writes a configuration to start from, which has every key with its default and its meaning, and
beside it a JSON schema, `neuron-atlas.schema.json`. By the first line of the file, editors with a YAML server (such as
VS Code with its YAML extension) find the schema: they complete keys, show what they mean, and mark what is wrong.

The `run.yaml` in a run's directory may be given in place of a configuration, with `--set` for changes:
`neuron-atlas render runs/x/run.yaml --set run.seed=1 --output runs/y`. Without `--set` and `--output` it goes on with
that run; a changed one needs `--output`. All that the run was made with is said there, also what came from a preset or
suited its network, so another network does not change it, and another preset is refused.

Files are YAML 1.2: `1e-3` is a number, `0123` is 123, `1:30` is text; where true or false is asked for, `on`, `off`,
`yes` and `no` do as well. Text that begins with `*`, `#`, `{`, `[` or `"`, or that holds `: `, belongs in quotes.

Where a value may be "a curve", it may change over time: keyframes such as `{0: 1.0, "50%": 1.4, 2s: 1.15}`, or an
expression such as `"1.15 + 0.3 * audio.low"`; [directing.md](directing.md) tells how.

This file is written by `python scripts/write_settings_reference.py` from the models in `renderer/settings`; do not edit
it.
"""


def settings_reference() -> str:
    """The whole file `docs/settings.md`."""
    parts, told = [_INTRODUCTION], dict[str, Shape]()
    for name, shape in settings_shape().keys.items():
        parts += _parts(name, shape, 2, told)
    return "\n".join(parts)


def _parts(path: str, shape: Shape, level: int, told: dict[str, Shape]) -> Iterator[str]:
    """A section; where kinds of the one around it share it, with the first of them alone, to which the others refer."""
    heading = "#" * level
    if told.setdefault(path, shape) == shape and told[path] is not shape:
        yield f"The keys of `{path}` are [above](#{path.replace('.', '')}).\n"
        return
    match shape:
        case Group(keys=keys, description=description):
            yield f"{heading} {path}\n\n{_flowing(description)}\n"
            yield from _key_parts(path, keys, level, told)
        case Variants(tag=tag, groups=groups):
            yield f"{heading} {path}\n\nOne of several kinds, which `{path}.{tag}` tells apart.\n"
            yield _table({f"{path}.{tag}": shape.tag_leaf})
            for name, group in groups.items():
                yield f"{heading}# {path}, {tag}: {name}\n\n{_flowing(group.description)}\n"
                others = {key: below for key, below in group.keys.items() if key != tag}
                yield from _key_parts(path, others, level + 1, told)
        case Leaf():
            yield _table({path: shape})


def _key_parts(path: str, keys: Mapping[str, Shape], level: int, told: dict[str, Shape]) -> Iterator[str]:
    leaves = {f"{path}.{key}": below for key, below in keys.items() if isinstance(below, Leaf)}
    if leaves:
        yield _table(leaves)
    for key, below in keys.items():
        if not isinstance(below, Leaf):
            yield from _parts(f"{path}.{key}", below, level + 1, told)


def _table(leaves: Mapping[str, Leaf]) -> str:
    rows = [
        f"| `{key}` | {_cell(leaf.words)} | {_cell(f'`{json.dumps(leaf.default)}`')} | {_cell(leaf.description)} |"
        for key, leaf in leaves.items()
    ]
    return "\n".join(["| Key | Type and range | Default | Meaning |", "|---|---|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return _flowing(text).replace("|", "\\|")


def _flowing(text: str) -> str:
    return " ".join(text.split())
