"""Settings from Python, through the same door as the YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from renderer.common.errors import UserError
from renderer.settings.loading import check_settings, find_network, load_settings
from renderer.settings.sections import Settings

Config = str | os.PathLike[str] | Mapping[str, object] | Settings
"""Name of a shipped configuration, path of a YAML file, the settings as a mapping, or checked ones."""


def load(config: Config, overrides: Mapping[str, object] | None = None, /, **settings: object) -> Settings:
    """Check settings; nothing is rendered, and no network is loaded.

    Args:
        config: Name of a shipped configuration (`"quickstart"`), path of a YAML file, the settings as a mapping of
            sections, or settings that have been checked. A `Path` is never a shipped name.
        overrides: Values over those, by dotted key (`{"film.width": 320}`) or by section.
        **settings: The same as keywords, which come last: `film={"width": 320}`. `network="squeezenet1_1"` names a
            network as the command `networks` does.

    Returns:
        All settings, frozen, with defaults for what is not said: `load("quickstart").film.width` is 384.

    Raises:
        UserError: There is no such configuration, or some settings are wrong; the message names each of them.
    """
    return checked({**(overrides or {}), **settings}, config)


def checked(overrides: Mapping[str, object], config: Config) -> Settings:
    """Check a configuration with values by key over it; raises UserError."""
    said = dict(overrides)
    if isinstance(network := said.get("network"), str):
        said["network"] = find_network(network, "network")
    match config:
        case Settings() | Mapping():
            return check_settings(config, said)
        case str():
            return load_settings(config, said).settings
        case os.PathLike():
            return load_settings(_as_path(config), said).settings
        case _:
            raise UserError(
                f"config: {type(config).__name__} is no configuration; give the name of a shipped one, a path, a "
                "mapping of sections, or what `load` gave"
            )


def name_of(config: Config) -> str | None:
    """What a configuration is called, as its run's directory is; None for one that has no file."""
    return Path(config).stem if isinstance(config, str | os.PathLike) else None


def _as_path(config: os.PathLike[str]) -> str:
    """A path that is not taken for a shipped name."""
    return os.path.join(os.curdir, os.fspath(config))  # noqa: PTH118  Path drops the dot
