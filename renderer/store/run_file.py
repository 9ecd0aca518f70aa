"""`run.yaml`: what a run was asked for and made with; all that `status` and `assemble` need."""

from __future__ import annotations

import json
import os
import platform
import re
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from renderer.common.errors import UserError
from renderer.film.scenes import Scene
from renderer.film.times import Times
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.settings.yaml_source import dump_yaml, read_dumped
from renderer.sound.hearing import SoundFile
from renderer.starts.start import StartFile
from renderer.store.files import write_first, write_whole
from renderer.store.paths import RunPaths
from renderer.store.plain_files import is_plain_file, read_plain
from renderer.store.sealing import read_sealed, sealed
from renderer.targets.target import Target

_EXTRAS = ("timm", "opencv-python-headless")
_PACKAGES = ("neuron-atlas", "torch", "torchvision", "numpy", "pillow", "imageio-ffmpeg")
_YAML_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
_HEADING = (
    "# Written by neuron-atlas: the settings of the run in this folder, and what it was made with.\n"
    "# Changes made here have no effect; change the configuration and render again.\n"
)
_UNREADABLE = (yaml.YAMLError, TypeError, ValueError, RecursionError)


def _named_safely(target: Target) -> Target:
    """Refuse a key that is no part of a file's name: files are written, and removed, by it."""
    if not _KEY.fullmatch(target.key):
        raise ValueError(f"{target.key[:40]!r} is no key of a target")
    return target


_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,250}")
StoredTarget = Annotated[Target, AfterValidator(_named_safely)]


class RunFile(BaseModel):
    """The contents of `run.yaml`.

    Attributes:
        name: Name of the configuration.
        film: Whether a film was asked for, not stills alone.
        fingerprints: Digests, by what they are of: that of the film's recipe.
        network: What tells the network from others; see `NetworkSource.identity`.
        start: The files that pictures start from, by target; see `StartKind.files`.
        decoder: What tells the decoder from others; see `ParameterizationKind.identity`.
        font: Digest of the font's file, where there is one.
        versions: Versions of what the pixels may depend on.
        settings: All settings.
        chosen: What the run computes with where the settings say `auto`; None in files of earlier versions.
        targets: The selected targets in the order of the film.
        times: When each of them begins, and when the film ends, in seconds; None in files of earlier versions, and
            where all are as long as `film.seconds_per_class` says.
        scenes: What some of them have of their own, by their keys.
        sound: What is heard, where values follow it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    film: bool
    fingerprints: dict[str, str] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    start: dict[str, StartFile] = Field(default_factory=dict)
    decoder: str | None = None
    font: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    settings: Settings
    chosen: Chosen | None = None
    targets: tuple[StoredTarget, ...]
    times: Times | None = None
    scenes: dict[str, Scene] = Field(default_factory=dict)
    sound: SoundFile | None = None

    @model_validator(mode="after")
    def _refuse_times_of_others(self) -> Self:
        """The plan is made by them."""
        if self.times is not None and len(self.times) != len(self.targets) + 1:
            raise ValueError("times are not those of the targets")
        return self

    @property
    def decided(self) -> Settings:
        """The settings with what `auto` stands for."""
        return (self.chosen or Chosen()).fill_in(self.settings)


def current_versions() -> dict[str, str]:
    """Versions of this program, of Python and of the packages that pixels may depend on, without importing them."""
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    return versions | _versions_of_extras()


def _versions_of_extras() -> dict[str, str]:
    """Of what is not always installed."""
    found = {}
    for package in _EXTRAS:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def write_run_file(path: Path, run: RunFile) -> None:
    """Write `run.yaml`."""
    write_whole(path, _written(run))


def _written(run: RunFile) -> bytes:
    """The file, with one target a line."""
    data = run.model_dump(mode="json", exclude={"targets"})
    # JSON is YAML, once the line ends are escaped that only YAML knows.
    rows = [f"- {json.dumps(_target_row(target), ensure_ascii=False)}\n" for target in run.targets]
    rows = [row.translate(_YAML_LINE_ENDS) for row in rows]
    return sealed(_HEADING, "".join([dump_yaml(data), "targets:\n", *rows]))


def begin_run_file(paths: RunPaths, run: RunFile) -> RunFile:
    """Write `run.yaml` and its copy unless another process has; of several, on whatever machines, one comes first.

    Returns:
        What it says.

    Raises:
        UserError: It is there, and damaged.
    """
    if not os.path.lexists(paths.settings):
        write_first(paths.settings, _written(run))
    found = read_run_file(paths.settings)
    if not os.path.lexists(paths.settings_copy):
        write_first(paths.settings_copy, _written(found))
    return found


def keep_run_file(paths: RunPaths, run: RunFile) -> None:
    """Write `run.yaml`, and its copy."""
    write_run_file(paths.settings, run)
    write_run_file(paths.settings_copy, run)


def holds_run(paths: RunPaths) -> bool:
    """Whether a directory has a `run.yaml`, whatever its state, or the copy of one."""
    return os.path.lexists(paths.settings) or read_sealed(paths.settings_copy) is not None


def run_file_problem(paths: RunPaths) -> str | None:
    """What is wrong with `run.yaml`, where its copy can take its place; None if nothing is, or there is no copy."""
    if read_sealed(paths.settings) is not None or read_sealed(paths.settings_copy) is None:
        return None
    try:
        data = read_plain(paths.settings)
        if not data.strip():
            return "is empty"
        _parse(data)
    except FileNotFoundError:
        return "is gone"
    except (OSError, *_UNREADABLE):
        return "is damaged"
    return "was changed by hand; changes there have no effect"


def mend_run_file(paths: RunPaths) -> str | None:
    """Make `run.yaml` and its copy good again, each from the other; only while the lock is held.

    Returns:
        What was wrong with `run.yaml`; None if nothing was.
    """
    problem, settings, copy = run_file_problem(paths), read_sealed(paths.settings), read_sealed(paths.settings_copy)
    if problem and copy is not None:
        write_whole(paths.settings, copy)
    elif settings is not None and copy is None:
        write_whole(paths.settings_copy, settings)
    return problem


def is_run_file(path: Path) -> bool:
    """Whether a file is a `run.yaml` that this program wrote, even if it has been damaged or changed since."""
    if not is_plain_file(path):
        return False
    if is_headed(path):
        return True
    try:
        _parse(read_plain(path))
    except _UNREADABLE:
        return False
    return True


def is_headed(path: Path) -> bool:
    """Whether a file begins as a `run.yaml` does; no more of it is read."""
    heading = _HEADING.splitlines()[0].encode()
    if not is_plain_file(path):
        return False
    with path.open("rb") as file:
        return file.read(len(heading)) == heading


def read_run_file(path: Path) -> RunFile:
    """Read `run.yaml`, or its copy where it is damaged, lost, or was changed by hand.

    Raises:
        UserError: It is missing, or not what this program writes, and there is no copy.
    """
    copy = RunPaths(path.parent).settings_copy
    data = read_sealed(path)
    data = read_sealed(copy) if data is None else data
    if data is None:
        raise UserError(_why_not(path, copy))
    try:
        return _parse(data)
    except _UNREADABLE as error:
        raise UserError(
            f"{path} was written by another version of neuron-atlas; continue it with that one, or render again with "
            "--restart"
        ) from error


def _why_not(path: Path, copy: Path) -> str:
    if not path.parent.exists():
        looked = "" if path.is_absolute() else f"; relative paths are taken from {Path.cwd()}"
        return f"{path.parent} holds no run: there is no such directory{looked}"
    if not os.path.lexists(path):
        return f"{path.parent} holds no run: there is no {path.name} in it, and no copy at {copy}"
    if not is_run_file(path):
        return f"{path.parent} holds no run: {path.name} was written by another program, and there is no copy at {copy}"
    return (
        f"{path} is damaged, was changed by hand, or was written by another version of neuron-atlas, and its copy "
        f"{copy} is gone or damaged too; put one of them back from a backup, render again with --restart, or choose "
        "another directory with --output"
    )


def _parse(data: bytes) -> RunFile:
    return RunFile.model_validate_json(json.dumps(read_dumped(data)))


def _target_row(target: Target) -> dict[str, Any]:
    return {key: value for key, value in asdict(target).items() if value is not None}
