"""`run.yaml`: what a run was asked for and made with; all that `status` and `assemble` need."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from renderer.common.errors import UserError
from renderer.settings.sections import Settings
from renderer.settings.yaml_source import dump_yaml, read_dumped
from renderer.store.files import write_whole
from renderer.targets.target import Target

_PACKAGES = ("neuron-atlas", "torch", "torchvision", "numpy", "pillow", "imageio-ffmpeg")
_YAML_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
_HEADING = (
    "# Written by neuron-atlas: the settings of the run in this folder, and what it was made with.\n"
    "# Changes made here have no effect; change the configuration and render again.\n"
)
_UNREADABLE = (yaml.YAMLError, TypeError, ValueError)


class RunFile(BaseModel):
    """The contents of `run.yaml`.

    Attributes:
        name: Name of the configuration.
        film: Whether a film was asked for, not stills alone.
        fingerprints: Digests of the recipes of film and stills, and of how the film is presented.
        network: What tells the network from others; see `NetworkSource.identity`.
        font: Digest of the font's file, where there is one.
        versions: Versions of what the pixels may depend on.
        settings: All settings.
        targets: The selected targets in the order of the film.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    film: bool
    fingerprints: dict[str, str] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    font: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    settings: Settings
    targets: tuple[Target, ...]


def current_versions() -> dict[str, str]:
    """Versions of this program, of Python and of the packages that pixels may depend on, without importing them."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions


def write_run_file(path: Path, run: RunFile) -> None:
    """Write `run.yaml`; one target a line."""
    data = run.model_dump(mode="json", exclude={"targets"})
    # JSON is YAML, once the line ends are escaped that only YAML knows.
    rows = [f"- {json.dumps(_target_row(target), ensure_ascii=False)}\n" for target in run.targets]
    rows = [row.translate(_YAML_LINE_ENDS) for row in rows]
    write_whole(path, "".join([_HEADING, dump_yaml(data), "targets:\n", *rows]).encode())


def is_run_file(path: Path) -> bool:
    """Whether a file is a `run.yaml` that this program wrote, even if it has been damaged or changed since."""
    if not path.is_file():
        return False
    data = path.read_bytes()
    if data.startswith(_HEADING.splitlines()[0].encode()):
        return True
    try:
        _parse(data)
    except _UNREADABLE:
        return False
    return True


def read_run_file(path: Path) -> RunFile:
    """Read `run.yaml`.

    Raises:
        UserError: It is missing, or not what this program writes.
    """
    try:
        return _parse(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} holds no run: there is no {path.name} in it") from error
    except _UNREADABLE as error:
        if not is_run_file(path):
            raise UserError(f"{path.parent} holds no run: {path.name} was written by another program") from error
        raise UserError(
            f"{path} is damaged or was written by another version of neuron-atlas; render again with --restart"
        ) from error


def _parse(data: bytes) -> RunFile:
    return RunFile.model_validate_json(json.dumps(read_dumped(data)))


def _target_row(target: Target) -> dict[str, Any]:
    return {key: value for key, value in asdict(target).items() if value is not None}
