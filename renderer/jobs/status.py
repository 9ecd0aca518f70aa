"""How far a run is, read from its directory; another process may be working in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from renderer.atlas.seen import SeenRun, look_at
from renderer.common.progress import project_seconds
from renderer.jobs.plan import Plan, make_plan
from renderer.jobs.stills import finished_stills, pending_batches
from renderer.store.lock import holder
from renderer.store.run_file import run_file_problem


@dataclass(frozen=True)
class Part:
    """How far the film is, or the fresh stills.

    Attributes:
        classes_done: Classes that are finished.
        classes: All classes.
        pictures_done: Frames, or stills, that are finished.
        pictures: All frames, or stills.
        seconds_left: Time that the rest will take if it goes on as so far; None if nothing has been timed yet.
    """

    classes_done: int
    classes: int
    pictures_done: int
    pictures: int
    seconds_left: float | None


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        name: Name of its configuration.
        film: How far the film is; None where stills alone were asked for.
        stills: How far the fresh stills are; None where stills are taken from the film.
        film_path: The assembled film, if there is one.
        worker: Number of the process that works in the directory now (0 if it cannot be told); None if none does.
        damaged: Names of segments that were finished and have been damaged since; they will be made again.
        problem: What is wrong with `run.yaml`; None if nothing is.
    """

    name: str
    film: Part | None
    stills: Part | None
    film_path: Path | None
    worker: int | None
    damaged: tuple[str, ...]
    problem: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        parts = [part for part in (self.film, self.stills) if part]
        complete = all(part.classes_done == part.classes for part in parts)
        return complete and (self.film is None or self.film_path is not None)


def run_status(directory: Path) -> Status:
    """How far the run in a directory is.

    Files are looked at by their size alone; a damaged one of the same size is found when the run is continued.

    Raises:
        UserError: The directory holds no run.
    """
    seen = look_at(directory)
    run = seen.run
    plan = make_plan(seen) if run.file.film else None
    problem = run_file_problem(run.paths)
    return Status(
        name=run.name,
        film=_film_part(seen, plan) if plan else None,
        stills=_stills_part(seen) if run.dreams_stills else None,
        film_path=run.paths.root / seen.film.film.path if seen.film else None,
        worker=holder(run.paths.lock),
        damaged=plan.damaged if plan else (),
        problem=f"{run.paths.settings} {problem}; its copy is used" if problem else None,
    )


def _film_part(seen: SeenRun, plan: Plan) -> Part:
    run = seen.run
    left = {item.segment for item in plan.items if item.is_missing}
    classes_left = {segment.position for segment in left if not segment.is_lead_in}
    again = sum(item.segment.frames for item in plan.items)
    timed = sum(record.frames for record in plan.records.values())
    seconds = sum(record.seconds for record in plan.records.values())
    return Part(
        classes_done=len(run.targets) - len(classes_left),
        classes=len(run.targets),
        pictures_done=sum(segment.frames for segment in run.timeline.segments if segment not in left),
        pictures=run.timeline.frames,
        seconds_left=project_seconds(again, timed, seconds),
    )


def _stills_part(seen: SeenRun) -> Part:
    again = sum(len(batch) for batch in pending_batches(seen))
    finished = finished_stills(seen)
    seconds = sum(record.seconds for record in finished)
    done, total = len(finished), len(seen.run.targets)
    return Part(done, total, done, total, seconds_left=project_seconds(again, done, seconds))
