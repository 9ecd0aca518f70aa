"""What of a run is still to be dreamed, with the settings that are asked for now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from renderer.atlas.seen import Lacks, SeenRun
from renderer.common.wording import format_duration, together
from renderer.jobs.amounts import film_left, whole_of
from renderer.jobs.assembly import is_film_current
from renderer.jobs.plan import Plan, PlannedSegment, make_plan
from renderer.jobs.presenting import lacking_scores
from renderer.jobs.projection import Projection
from renderer.jobs.stills import pending_batches
from renderer.store.run import Run


@dataclass(frozen=True)
class Portion:
    """What of a film's frames, or of the fresh stills, is to be dreamed.

    Attributes:
        unit: What they are: `frames` or `stills`.
        left: How many are to be dreamed.
        total: How many there are to be.
        share: How much of the work is left, from 0 to 1.
    """

    unit: str
    left: int
    total: int
    share: float

    def describe(self, seconds: float | None) -> str:
        """In words; `seconds` is how long all of it would take, None if that is not known."""
        if not self.share:
            return f"all {self.total} {self.unit} are there"
        about = "" if seconds is None else f"about {format_duration(seconds * self.share)}"
        if self.share == 1 and about:
            return f"the {'film' if self.unit == 'frames' else 'fresh stills'} {about}"
        # Where all are there that are shown, what leads up to a chain is not.
        counted = f"{self.left} of {self.total} {self.unit}" if self.left else "frames that nobody sees"
        return ", ".join(filter(None, [f"{counted} to dream", about]))


@dataclass(frozen=True)
class Remainder:
    """What of a run is to be made.

    Attributes:
        film: Its frames; None where stills alone are made.
        stills: Its fresh stills; None where they are taken from the film.
        has_film: Whether the film itself is there as the settings say.
        looked_at: How many frames that are there the network is to look at, for the text over them.
    """

    film: Portion | None
    stills: Portion | None
    has_film: bool
    looked_at: int = 0

    @property
    def portions(self) -> list[Portion]:
        """What there is to dream, or was."""
        return [portion for portion in (self.film, self.stills) if portion]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is there yet."""
        return all(portion.share == 1 for portion in self.portions)

    @property
    def is_dreamed(self) -> bool:
        """Whether there is nothing to dream."""
        return not any(portion.share for portion in self.portions)

    @property
    def needs_network(self) -> bool:
        """Whether the network is asked for anything."""
        return not self.is_dreamed or self.looked_at > 0

    def describe(self, projection: Projection | None = None) -> str:
        """In words, with the time that it will take where it is known how long all would take."""
        if self.is_dreamed:
            there = together([f"all {portion.total} {portion.unit}" for portion in self.portions])
            anew = "" if self.film is None or self.has_film else ", the film is made anew from what is there"
            looked = f", the network looks at {self.looked_at} frames for the text" if self.looked_at else ""
            return f"{there} are there; nothing to dream{looked}{anew}"
        seconds = {"frames": projection.film, "stills": projection.stills} if projection else {}
        return ", ".join(portion.describe(seconds.get(portion.unit)) for portion in self.portions)


def what_is_left(run: Run, stale: Collection[str] = ()) -> Remainder:
    """Compare a run as it is asked for with what is there of it.

    Args:
        run: The run.
        stale: Names of segments that are there, and will be dreamed anew; see `Changes`.

    Raises:
        UserError: The font cannot be read.
    """
    seen = SeenRun(run)
    stills = _stills(seen) if run.dreams_stills else None
    if not run.file.film:
        return Remainder(None, stills, has_film=False)
    plan = plan_without(seen, stale)
    left, whole = film_left(run, plan), whole_of(run.film_recipe, plan)
    film = Portion("frames", left.pictures, whole.pictures, left.work / whole.work)
    looked_at = sum(segment.frames for segment in lacking_scores(run, plan.records))
    has_film = not left.work and is_film_current(seen, plan.records)
    return Remainder(film, stills, has_film, looked_at)


def all_of(run: Run) -> Remainder:
    """What is to be made of a run of which nothing is there."""
    frames = run.timeline.frames if run.file.film else 0
    stills = len(run.targets) * run.settings.stills.variants
    film = Portion("frames", frames, frames, 1.0) if run.file.film else None
    return Remainder(film, Portion("stills", stills, stills, 1.0) if run.dreams_stills else None, has_film=False)


def plan_without(seen: SeenRun, stale: Collection[str]) -> Plan:
    """The plan for a film of which some segments that are there are dreamed anew, by their names."""
    plan = make_plan(seen)
    known = {item.segment for item in plan.items if item.is_missing}
    named = [one for one in seen.run.timeline.segments if one.name in set(stale) and one not in known]
    if not named:
        return plan
    again = tuple(PlannedSegment(segment, Lacks(frames=True, picture=True)) for segment in named)
    records = {name: record for name, record in plan.records.items() if name not in stale}
    return replace(plan, rounds=(*plan.rounds, (again,)), records=records)


def _stills(seen: SeenRun) -> Portion:
    total = len(seen.run.targets)
    left = sum(len(batch) for batch in pending_batches(seen, with_text=False))  # A batch is dreamed again whole.
    each = seen.run.still_recipe.stills.variants
    return Portion("stills", left * each, total * each, left / total)
