"""Write `docs/settings.md` from the settings' models. Run it after every change of `renderer/config/models.py`."""

from __future__ import annotations

from pathlib import Path

from renderer.config.reference import settings_reference

REFERENCE = Path(__file__).parents[1] / "docs" / "settings.md"


def main() -> None:
    """Write the file."""
    REFERENCE.write_text(settings_reference(), encoding="utf-8")
    print(f"wrote {REFERENCE}")


if __name__ == "__main__":
    main()
