"""The reference of presets and of the networks' families as Markdown, made from their data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from renderer.common.wording import either
from renderer.settings.presets import Layer, families, presets

_INTRODUCTION = """\
# Presets, and what suits a network

Some keys of the section `dream` are set together, by the network's family and by `dream.preset`. What is said later in
this list comes before what is said earlier:

1. the defaults in [settings.md](settings.md),
2. what suits the family of the network, and networks that dream together,
3. the preset: `dream: {preset: vivid}`, or `--set dream.preset=vivid`,
4. the keys of your file, as in `dream: {preset: vivid, steps_per_frame: 4}`,
5. `--set`.

A key of yours that chooses another kind of a part, as in `dream: {preset: pixels, parameterization: {kind: fourier}}`,
drops what the preset says of that part. A run keeps the values that came of all this in its `run.yaml`: it stays what
it is even if a later version has other presets, and two ways to say the same values are the same run.

This file is written by `python scripts/write_settings_reference.py` from `renderer/settings/presets.yaml` and
`renderer/settings/families.yaml`; do not edit it.
"""


def preset_reference() -> str:
    """The whole file `docs/presets.md`."""
    parts = [_INTRODUCTION, "## Presets\n", *_parts(presets()), "## Families of networks\n", *_parts(families())]
    return "\n".join(parts)


def _parts(layers: Mapping[str, Layer]) -> Iterator[str]:
    for name, layer in layers.items():
        yield f"### {name}\n\n{layer.description}\n"
        if layer.networks not in {(), (name,)}:
            yield f"Networks whose names begin with {either([f'`{begin}`' for begin in layer.networks])}.\n"
        rows = [f"| `{key}` | `{json.dumps(value)}` |" for key, value in _flat("dream", layer.dream)]
        yield "\n".join(["| Key | Value |", "|---|---|", *rows, ""]) if rows else "As usual.\n"


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, below in value.items():
        yield from _flat(f"{path}.{key}", below)
