"""The documents that come with the program: `docs/*.md`."""

from __future__ import annotations

from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest


def documents() -> dict[str, Path]:
    """Files of the documents by name, in alphabetical order."""
    package = Path(__file__).parents[1]
    # A wheel holds the folder inside the package, a checkout beside it.
    folders = [folder for folder in (package / "docs", package.parent / "docs") if folder.is_dir()]
    return {path.stem: path for folder in folders[:1] for path in sorted(folder.glob("*.md"))}


def heading(document: Path) -> str:
    """What a document is about: its first line."""
    with document.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()


def find_document(name: str) -> Path:
    """The document of a name; raises UserError where there is none."""
    known = documents()
    if name not in known:
        near = nearest(name, known) or [other for other in known if other.startswith(name)]
        raise UserError(f"{name}: no such document{did_you_mean(near)} (there are {', '.join(known)})")
    return known[name]
