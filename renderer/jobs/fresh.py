"""What stills follow from, as a digest that their records keep."""

from __future__ import annotations

from dataclasses import asdict

from renderer.common.digests import data_digest
from renderer.media.captions import caption_at, fill_templates
from renderer.store.run import Run


def fresh_digest(run: Run, position: int) -> str:
    """Of all that the fresh stills of a target follow from, but text; `position` is its place, from 0."""
    recipe, aim = run.still_recipe, run.targets[position].aim
    return data_digest(["fresh", recipe.common_digest, asdict(aim), *recipe.told_of(aim)])


def text_digest(run: Run, position: int) -> str | None:
    """Of what the text on a target's still follows from, besides the picture; None where there is none."""
    if not run.settings.stills.overlay:
        return None
    overlay = run.overlay_of_still(position)
    caption = caption_at(run.targets, position, run.titles, loops=run.settings.film.loop)
    lines = fill_templates(overlay.lines, caption)
    looks = overlay.model_dump(mode="json", exclude={"font"})
    return data_digest([lines, looks, run.file.font])
