"""What is heard: curves of loudness, onsets and beats, from sound files or tables."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

MUSIC = Path(str(files("renderer.common") / "data" / "music.ogg"))
"""The music that comes along: 32 beats, made by scripts/make_music.py."""
