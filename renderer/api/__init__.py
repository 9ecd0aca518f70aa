"""From Python what the commands do, and single pictures; `import renderer` gives it. `docs/python.md` has examples."""

from renderer.api.configuring import load
from renderer.api.dreams import dream_of, unload
from renderer.api.gallery import DreamPicture, Gallery
from renderer.api.runs import Atlas, open_run, render, stills
from renderer.common.errors import UserError

__all__ = [
    "Atlas",
    "DreamPicture",
    "Gallery",
    "UserError",
    "dream_of",
    "load",
    "open_run",
    "render",
    "stills",
    "unload",
]
