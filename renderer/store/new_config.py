"""A configuration to start from, as a file, with the schema beside it by which editors complete its keys."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from renderer.common.errors import UserError
from renderer.settings.editor_schema import SCHEMA_FILE, is_editor_schema
from renderer.settings.shipped import shipped_configs
from renderer.settings.starter import starter_text
from renderer.store.files import write_whole
from renderer.store.outputs import refuse_unwritable
from renderer.store.paths import RunPaths
from renderer.store.plain_files import read_plain

_SUFFIXES = (".yaml", ".yml")
_STEM = re.compile(r"\w[\w .-]{0,99}(?<![ .])")


@dataclass(frozen=True)
class NewConfig:
    """What has been written.

    Attributes:
        path: The configuration.
        schema: The schema beside it.
    """

    path: Path
    schema: Path


def write_new_config(name: str) -> NewConfig:
    """Write a configuration that is not there yet.

    Args:
        name: Its path, with the ending `.yaml` or without; the run's directory will be named after it.

    Raises:
        UserError: The name is odd, a file has it already, or nothing can be written there.
    """
    path = _path(name)
    schema = path.with_name(SCHEMA_FILE.name)
    _refuse_taken(path, schema)
    refuse_unwritable(path.parent)
    # Beside the file, not where the program is installed: it goes where the file goes, and its path is short.
    write_whole(schema, SCHEMA_FILE.read_bytes())
    write_whole(path, starter_text(shlex.quote(str(path)), schema.name).encode())
    return NewConfig(path, schema)


def _path(name: str) -> Path:
    path = Path(name)
    path = path if path.suffix in _SUFFIXES else path.with_name(f"{path.name}.yaml") if path.name else path
    if not _STEM.fullmatch(path.stem) or not name.isprintable() or name.endswith(("/", "\\")):
        shown = f"{name!a:.60}"
        raise UserError(f"{shown} cannot name a configuration; write letters, digits, - and _, such as film or my-film")
    if path.stem in shipped_configs():
        raise UserError(f"{path.stem} is the name of a shipped configuration; choose another name")
    if path.name == RunPaths(path.parent).settings.name:
        raise UserError(f"{path.name} is what runs call their own settings; choose another name")
    return path


def _refuse_taken(path: Path, schema: Path) -> None:
    if os.path.lexists(path):
        raise UserError(f"{path} is there already, and is left as it is; choose another name, or move it away")
    if os.path.lexists(schema) and not _is_ours(schema):
        raise UserError(f"{schema} is there already, and is no schema of this program; move it away")


def _is_ours(schema: Path) -> bool:
    try:
        return is_editor_schema(json.loads(read_plain(schema)))
    except (OSError, ValueError, RecursionError):
        return False
