"""How much work a run is, in frames, stills, classes and ascent steps; what tells progress and time counts the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from renderer.common.progress import Amount
from renderer.film.film_recipe import FilmRecipe
from renderer.film.timeline import Segment
from renderer.jobs.plan import Plan, PlannedSegment
from renderer.store.run import Run
from renderer.store.saved_file import SavedRecord, read_saved_record


def amount_of(recipe: FilmRecipe, segments: Iterable[Segment]) -> Amount:
    """The frames of segments, those of lead-ins as steps alone; no classes, since several segments make one."""
    amounts = (Amount(0 if one.is_lead_in else one.frames, 0, recipe.steps(one)) for one in segments)
    return sum(amounts, Amount(0, 0))


def left_of(recipe: FilmRecipe, items: Iterable[PlannedSegment]) -> Amount:
    """What is to be dreamed of segments that are planned; where one was begun, what is left of it.

    What is whole, and only computed beside others of its batch, is no work that anybody waits for.
    """
    planned = [item for item in items if item.is_missing]
    begun = sum((dreamed(recipe, item, item.begun.frames) for item in planned if item.begun), Amount(0, 0))
    return amount_of(recipe, (item.segment for item in planned)) - begun


def saved_of_film(run: Run, plan: Plan) -> dict[str, Amount]:
    """What of it is there all the same, by the keys of groups: saved of pictures that were being dreamed."""
    items = {item.segment.name: item for item in plan.items if item.is_missing}
    records = filter(None, map(read_saved_record, run.paths.all_saved()))
    return {record.key: _saved(run.film_recipe, items, record) for record in records}


def saved_of_stills(run: Run, keys: Collection[str]) -> Amount:
    """What was saved of fresh stills that were being dreamed, of the targets with these keys."""
    records, known = filter(None, map(read_saved_record, run.paths.all_saved())), set(keys)
    own = [record for record in records if record.frames == 0 and record.names and known.issuperset(record.names)]
    return sum((Amount(0, 0, record.steps * len(record.names)) for record in own), Amount(0, 0))


def film_left(run: Run, plan: Plan) -> Amount:
    """What is to be dreamed of a film, without what was saved of it; its classes are not counted."""
    return left_of(run.film_recipe, plan.items) - sum(saved_of_film(run, plan).values(), Amount(0, 0))


def _saved(recipe: FilmRecipe, items: Mapping[str, PlannedSegment], record: SavedRecord) -> Amount:
    if record.frames == 0:
        fresh = min(len(record.health), sum(name in items for name in record.names))
        return Amount(0, 0, record.steps * fresh)
    amount = Amount(0, 0)
    for item, frames in [(items[one.name], one.frames) for one in record.segments if one.name in items]:
        begun = dreamed(recipe, item, item.begun.frames) if item.begun else Amount(0, 0)
        amount += dreamed(recipe, item, frames) - begun
    return amount


def dreamed(recipe: FilmRecipe, item: PlannedSegment, frames: int) -> Amount:
    """What is done of a segment of which so many frames are there."""
    whole = recipe.steps(item.segment)
    steps = whole - (item.segment.frames - frames) * recipe.dream.steps_per_frame
    return Amount(0 if item.segment.is_lead_in else frames, 0, steps)


def whole_of(recipe: FilmRecipe, plan: Plan) -> Amount:
    """A film, or the part of it that a plan is of, with all that is dreamed for it."""
    classes = {segment.position for segment in plan.segments if not segment.is_lead_in}
    return amount_of(recipe, plan.segments) + Amount(0, len(classes))


def done_of(recipe: FilmRecipe, plan: Plan) -> Amount:
    """What will not be computed, since it is there."""
    classes = {item.segment.position for item in plan.items if item.is_missing and not item.segment.is_lead_in}
    left = left_of(recipe, plan.items) + Amount(0, len(classes))
    return whole_of(recipe, plan) - left


def fresh_stills(run: Run, classes: int) -> Amount:
    """The fresh stills of so many classes, each dreamed once; how many will be tried again is not known beforehand."""
    format_ = run.still_recipe.stills
    pictures = classes * format_.variants
    return Amount(pictures, classes, pictures * format_.steps)
