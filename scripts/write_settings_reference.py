"""Write what is made from the settings' models and the presets: `docs/settings.md`, `docs/presets.md` and the schema.

Run it after every change of them.
"""

from __future__ import annotations

from pathlib import Path

from renderer.settings.editor_schema import SCHEMA_FILE, schema_text
from renderer.settings.preset_reference import preset_reference
from renderer.settings.reference import settings_reference

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write the files."""
    files = {
        DOCS / "settings.md": settings_reference(),
        DOCS / "presets.md": preset_reference(),
        SCHEMA_FILE: schema_text(),
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
