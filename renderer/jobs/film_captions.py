"""What is known of a class, for the text over its pictures."""

from __future__ import annotations

from renderer.jobs.session import Run
from renderer.media.captions import Caption
from renderer.targets.target import Score


def caption_for(run: Run, position: int, score: Score | None) -> Caption:
    """What is known of the class at a place of the film, and of one of its pictures."""
    last = len(run.classes) - 1
    return Caption(
        record=run.classes[position],
        previous=run.classes[position - 1] if position > 0 else None,
        next=run.classes[position + 1] if position < last else None,
        position=position + 1,
        count=len(run.classes),
        score=score,
        top_titles=tuple(run.titles.get(guess.index, str(guess.index)) for guess in score.top) if score else (),
    )
