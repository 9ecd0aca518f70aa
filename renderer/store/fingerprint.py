"""Which settings make the pixels: a run may only be continued with the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from renderer.settings.loading import flatten
from renderer.settings.sections import Settings

Product = Literal["film", "stills"]

_SHARED = ("network.", "start.", "dream.", "run.seed", "run.precision", "run.batch")
_FILM_ALONE = ("dream.steps_per_frame", "dream.fresh_steps", "dream.level.")
_MATTERS: dict[Product, tuple[str, ...]] = {
    "film": (*_SHARED, "film.", "motion.", "overlay.", "video.codec", "video.quality", "run.segment_seconds"),
    "stills": (*_SHARED, "stills.width", "stills.height", "stills.steps", "stills.retries", "stills.overlay"),
}
_IGNORED: dict[Product, tuple[str, ...]] = {
    # The classes themselves count, not where their list lies, and what a preset stands for, not its name.
    "film": ("network.classes", "dream.preset"),
    "stills": ("network.classes", "dream.preset", *_FILM_ALONE),
}


@dataclass(frozen=True)
class Difference:
    """A setting that is not what it was: its key, what it was, and what it is now."""

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.key}: was {_show(self.old)}, is {_show(self.new)}"


def fingerprint(data: Any) -> str:
    """Digest of JSON-like data, which does not depend on the order of keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def by_contents(settings: Settings, contents: Mapping[str, str]) -> dict[str, Any]:
    """All settings by their full keys, with what is in a file in the place of its path.

    Args:
        settings: The settings.
        contents: What stands for the contents of files, by key.
    """
    return flatten(settings) | dict(contents)


def relevant(settings: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """The settings that make the pixels of the film, or of fresh stills.

    Args:
        settings: All settings by their full keys, such as `film.width`; see `by_contents`.
        product: What is made of them.
    """
    prefixes = _MATTERS[product]
    if product == "stills" and settings.get("stills.overlay"):
        prefixes = (*prefixes, "overlay.")
    ignored = _IGNORED[product]
    return {key: value for key, value in settings.items() if key.startswith(prefixes) and not key.startswith(ignored)}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], product: Product) -> list[Difference]:
    """The settings that make the pixels of a product and are not what they were, by key."""
    before, after = relevant(old, product), relevant(new, product)
    keys = sorted(before.keys() | after.keys())
    return [Difference(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
