"""What may be given as CONFIG: a file of the user's, a shipped configuration, or the settings that a run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from renderer.common.errors import UserError
from renderer.settings.loading import load_settings, parse_settings
from renderer.settings.overrides import parse_overrides
from renderer.settings.sections import Settings
from renderer.settings.shipped import shipped_configs
from renderer.settings.yaml_source import dump_yaml
from renderer.store.paths import RUNS, RunPaths
from renderer.store.run_file import holds_run, is_headed, read_run_file
from renderer.store.sealing import read_sealed


@dataclass(frozen=True)
class FoundConfig:
    """Checked settings and where they belong.

    Attributes:
        name: What the run is called.
        settings: What the file and `--set` say.
        home: The directory of the run whose settings these are; None for a configuration.
    """

    name: str
    settings: Settings
    home: Path | None = None


def load_config(config: str, overrides: Sequence[str] = ()) -> FoundConfig:
    """Read and check a configuration, or a `run.yaml`.

    Args:
        config: Path of a YAML file, or the name of a shipped configuration, which comes first: `./name` is a path.
        overrides: Settings from the command line, each `KEY=VALUE`; of two for one key the last holds.

    Raises:
        UserError: There is no such file, or some settings are wrong; the message names them all.
    """
    path = Path(config)
    if config not in shipped_configs():
        if is_headed(path):
            return _of_run(path, overrides)
        if _is_run(path):
            settings = RunPaths(path).settings
            raise UserError(f"{config} is the directory of a run; give {settings} for the settings in it")
    loaded = load_settings(config, overrides)
    return FoundConfig(loaded.name, loaded.settings)


def _is_run(path: Path) -> bool:
    try:
        return path.is_dir() and holds_run(RunPaths(path))
    except OSError:  # No file can have this name.
        return False


def run_directory(config: FoundConfig, output: Path | None, overrides: Sequence[str]) -> Path:
    """Where what is asked for lies: in `output`, else in the run's own directory, else in one named after it.

    Args:
        config: The configuration.
        output: What the command line says.
        overrides: As above.

    Raises:
        UserError: The settings of a run are changed, and nobody says where the changed run is to be.
    """
    if output is None and config.home and overrides:
        raise UserError(
            f"--set changes the settings of the run in {config.home}; say with --output where the changed run is to be"
        )
    return output or config.home or RUNS / config.name


def _of_run(path: Path, overrides: Sequence[str]) -> FoundConfig:
    if read_sealed(path) is None:
        raise UserError(
            f"{path} was changed or damaged since a run wrote it, and is no configuration any more; put it back (the "
            "run has a copy in state/run.yaml), and give changes with --set"
        )
    run = read_run_file(path)
    _refuse_preset(path, run.settings, overrides)
    # All that the run was made with is said there, so nothing that lies below settings makes a difference.
    settings = parse_settings(dump_yaml(run.settings.model_dump(mode="json")), str(path), overrides)
    paths = RunPaths(path.parent)
    is_home = path.name == paths.settings.name and paths.state.is_dir()
    return FoundConfig(run.name, settings, paths.root if is_home else None)


def _refuse_preset(path: Path, settings: Settings, overrides: Sequence[str]) -> None:
    """A preset would change nothing, for every key that it sets is set already."""
    said = parse_overrides(overrides).plain().get("dream")
    if isinstance(said, dict) and said.get("preset") not in (None, settings.dream.preset):
        raise UserError(
            f"--set dream.preset: {path} holds every value under dream, before which a preset would come to nothing; "
            "set the keys themselves, or render the configuration again with the preset"
        )
