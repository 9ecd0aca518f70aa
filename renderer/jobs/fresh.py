"""What stills follow from, as a digest that their records keep."""

from __future__ import annotations

from renderer.common.digests import data_digest
from renderer.media.presentation import presentation
from renderer.store.run import Run


def fresh_digest(run: Run) -> str:
    """Of all that the fresh stills of a run follow from."""
    return data_digest(["fresh", run.still_recipe.digest, text_digest(run)])


def text_digest(run: Run) -> str | None:
    """Of what the text on a still follows from; None where there is none."""
    if not run.settings.stills.overlay:
        return None
    return presentation(run.settings, run.targets, run.titles, run.file.font).text_digest
