"""How much work a run is, in frames, stills, classes and ascent steps; what tells progress and time counts the same."""

from __future__ import annotations

from collections.abc import Iterable

from renderer.common.progress import Amount
from renderer.film.recipe import FilmRecipe
from renderer.film.timeline import Segment
from renderer.jobs.plan import Plan
from renderer.store.run import Run


def amount_of(recipe: FilmRecipe, segments: Iterable[Segment]) -> Amount:
    """The frames of segments, those of lead-ins as steps alone; no classes, since several segments make one."""
    amounts = (Amount(0 if one.is_lead_in else one.frames, 0, recipe.steps(one)) for one in segments)
    return sum(amounts, Amount(0, 0))


def whole_film(run: Run) -> Amount:
    """A film with all that is dreamed for it."""
    segments = (segment for chain in run.timeline.chains for segment in chain)
    return amount_of(run.film_recipe, segments) + Amount(0, len(run.targets))


def done_of_film(run: Run, plan: Plan) -> Amount:
    """What will not be computed, since it is there."""
    classes = {item.segment.position for item in plan.items if item.is_missing and not item.segment.is_lead_in}
    left = amount_of(run.film_recipe, (item.segment for item in plan.items)) + Amount(0, len(classes))
    return whole_film(run) - left


def fresh_stills(run: Run, classes: int) -> Amount:
    """The fresh stills of so many classes, each dreamed once; how many will be tried again is not known beforehand."""
    format_ = run.still_recipe.stills
    pictures = classes * format_.variants
    return Amount(pictures, classes, pictures * format_.steps)
