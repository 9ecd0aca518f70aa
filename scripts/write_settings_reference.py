"""Write `docs/settings.md` and `docs/presets.md`. Run it after every change of the settings' models or the presets."""

from __future__ import annotations

from pathlib import Path

from renderer.settings.preset_reference import preset_reference
from renderer.settings.reference import settings_reference

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write the files."""
    for name, text in {"settings.md": settings_reference(), "presets.md": preset_reference()}.items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"wrote {DOCS / name}")


if __name__ == "__main__":
    main()
