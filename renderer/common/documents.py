"""The documents that come with the program: `docs/*.md`, and the files that they speak of."""

from __future__ import annotations

from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest


def documents() -> dict[str, Path]:
    """Files of the documents by name, in alphabetical order."""
    return dict(sorted((path.stem, path) for path in _found("*.md")))


def templates() -> dict[str, Path]:
    """Files for clusters and render farms, to be saved and changed, by their names."""
    return {path.name: path for path in _found("farm/*.*")}


def _found(pattern: str) -> list[Path]:
    package = Path(__file__).parents[1]
    # A wheel holds the folder inside the package, a checkout beside it.
    folders = [folder for folder in (package / "docs", package.parent / "docs") if folder.is_dir()]
    return sorted(folders[0].glob(pattern)) if folders else []


def heading(document: Path) -> str:
    """What a document or template is about: its first line of words."""
    with document.open(encoding="utf-8") as file:
        lines = (line.strip('#/" \n') for line in file if not line.startswith("#!"))
        return next(filter(None, lines), "")


def find_document(name: str) -> Path:
    """The document or template of a name; raises UserError where there is none."""
    known = documents() | templates()
    if name not in known:
        near = nearest(name, known) or [other for other in known if other.startswith(name)]
        raise UserError(f"{name}: no such document{did_you_mean(near)} (there are {', '.join(known)})")
    return known[name]
