"""What tests of damage share: changing what a record says, with a digest that fits; and breaking files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from renderer.common.digests import data_digest as fingerprint


def forge(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record and give it the digest that goes with it; the digest is no secret."""
    data = json.loads(path.read_bytes())["record"]
    change(data)
    path.write_text(json.dumps({"digest": fingerprint(data), "record": data}))


def nest(path: Path) -> None:
    """Put JSON there that is nested deeper than Python reads."""
    path.write_text("[" * 100_000 + "]" * 100_000)


def into_folder(path: Path) -> None:
    """Put a folder there."""
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
