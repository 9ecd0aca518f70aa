"""The configurations that come with the program."""

from __future__ import annotations

from pathlib import Path


def shipped_configs() -> dict[str, Path]:
    """Files of the shipped configurations by name, in alphabetical order."""
    package = Path(__file__).parents[1]
    # A wheel holds the folder inside the package, a checkout beside it.
    folders = [folder for folder in (package / "configs", package.parent / "configs") if folder.is_dir()]
    return {path.stem: path for folder in folders[:1] for path in sorted(folder.glob("*.yaml"))}
