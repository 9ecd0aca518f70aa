"""From a YAML file and `--set` to checked settings, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from renderer.config.errors import UserError
from renderer.config.models import Settings
from renderer.config.overrides import merge, parse_overrides
from renderer.config.problems import describe_problems
from renderer.config.shape import Group, Leaf, Shape, Variants, settings_shape
from renderer.config.shipped import shipped_configs
from renderer.config.wording import did_you_mean, nearest
from renderer.config.yaml_source import Marked, parse_yaml


@dataclass(frozen=True)
class LoadedConfig:
    """Checked settings and where they come from.

    Attributes:
        name: The file's name without its ending: names the run's directory.
        path: The file.
        settings: What it and `--set` say.
    """

    name: str
    path: Path
    settings: Settings


def load_settings(config: str, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read and check a configuration.

    Args:
        config: Path of a YAML file, or the name of a shipped configuration, which comes first: `./name` is a path.
        overrides: Settings from the command line, each `KEY=VALUE`; of two for one key the last holds.

    Returns:
        The settings, with defaults for all that is not said.

    Raises:
        UserError: There is no such file, it is not YAML, or some settings are wrong; the message names them all.
    """
    path = find_config(config)
    return LoadedConfig(path.stem, path, parse_settings(_read(path), str(path), overrides))


def find_config(config: str) -> Path:
    """Path of a configuration that is given by path or by shipped name; raises UserError where there is none."""
    shipped = shipped_configs()
    if config in shipped:
        return shipped[config]
    path = Path(config)
    if path.is_file():
        return path
    remedy = did_you_mean(nearest(path.stem, shipped, count=1)) or "; give a path or one of these names"
    raise UserError(f"{config}: no such file or shipped configuration{remedy} (shipped: {', '.join(shipped)})")


def parse_settings(text: str, name: str, overrides: Sequence[str] = ()) -> Settings:
    """Check settings that are given as YAML text; `name` names it in messages. Raises UserError."""
    tree = parse_yaml(text, lambda line: f"{name}:{line}")
    if not isinstance(tree.value, dict | None):
        sections = ", ".join(settings_shape().keys)
        raise UserError(f"{tree.place}: settings must be a mapping of sections ({sections}), not {tree.plain()!r:.60}")
    tree = _complete(merge(tree, parse_overrides(overrides), settings_shape()), settings_shape())
    try:
        return Settings.model_validate_json(json.dumps(tree.plain()))
    except ValidationError as error:
        raise UserError(describe_problems(error, tree)) from error


def flatten(settings: Settings) -> dict[str, Any]:
    """All settings as plain values by dotted key, such as `film.width`; lists are values."""
    return _flatten(settings.model_dump(mode="json"), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a readable file") from error


def _complete(tree: Marked, shape: Shape) -> Marked:
    """Take a section without a value for an empty one, and give an untagged one its default tag."""
    value = {} if tree.value is None and not isinstance(shape, Leaf) else tree.value
    if not isinstance(value, dict):
        return tree
    match shape:
        case Group(keys=keys):
            completed = {key: _complete(entry, keys[key]) if key in keys else entry for key, entry in value.items()}
            return Marked(completed, tree.place)
        case Variants(tag=tag, default=default):
            return Marked({tag: Marked(default, tree.place)} | value, tree.place)
        case _:
            return tree


def _flatten(data: dict[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
