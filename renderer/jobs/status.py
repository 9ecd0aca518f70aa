"""How far a run is, read from its directory; another process may be working in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from renderer.atlas.seen import SeenRun, look_at
from renderer.common.progress import Amount, project_seconds
from renderer.jobs.amounts import amount_of, fresh_stills, left_of, saved_of_film, saved_of_stills, whole_of
from renderer.jobs.plan import Plan, make_plan, of_shard, segments_of, still_batches, strands_of
from renderer.jobs.stills import finished_stills, pending_batches
from renderer.store.live_file import LiveProgress, Working, read_progress, working_shards
from renderer.store.lock import holder
from renderer.store.log_file import last_command
from renderer.store.run_file import run_file_problem


@dataclass(frozen=True)
class Part:
    """How far the film is, or the fresh stills.

    Attributes:
        classes_done: Classes that are finished.
        classes: All classes.
        pictures_done: Frames, or stills, that are finished.
        pictures: All frames, or stills.
        share: How much of the work is done, from 0 to 1, with what is dreamed and not shown.
        seconds_left: Time that the rest will take if it goes on as so far; None if nothing has been timed yet.
    """

    classes_done: int
    classes: int
    pictures_done: int
    pictures: int
    share: float
    seconds_left: float | None


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        name: Name of its configuration.
        film: How far the film is; None where stills alone were asked for.
        stills: How far the fresh stills are; None where stills are taken from the film.
        film_path: The assembled film, if there is one.
        film_frames: How many frames it has.
        command: The command that works on it, or did last; None if that is not known.
        worker: Number of the process that works in the directory now (0 if it cannot be told); None if none does. What
            it has told of itself goes before what the finished files tell.
        is_finished: Whether there is nothing left to do.
        damaged: Names of segments that were finished and have been damaged since; they will be made again.
        problem: What is wrong with `run.yaml`; None if nothing is.
        shards: The shards that tell of themselves.
        stopped: Shards that have begun and do not work now, with how many segments and stills of theirs are missing, by
            name.
        is_dreamed: Whether all that is to be dreamed is there.
    """

    name: str
    film: Part | None
    stills: Part | None
    film_path: Path | None
    film_frames: int | None
    command: str | None
    worker: int | None
    is_finished: bool
    damaged: tuple[str, ...]
    problem: str | None = None
    shards: tuple[Working, ...] = ()
    stopped: Mapping[str, int] = field(default_factory=dict)
    is_dreamed: bool = False


def run_status(directory: Path) -> Status:
    """How far the run in a directory is.

    Files are looked at by their size alone; a damaged one of the same size is found when the run is continued.

    Raises:
        UserError: The directory holds no run.
    """
    seen = look_at(directory)
    run = seen.run
    plan = make_plan(seen) if run.file.film else None
    film, stills = _parts(seen, plan)
    complete = all(part.classes_done == part.classes for part in (film, stills) if part)
    problem, worker = run_file_problem(run.paths), holder(run.paths.lock)
    told = read_progress(run.paths.progress) if worker is not None else None
    working = tuple(working_shards(run.paths))
    return Status(
        name=run.name,
        film=_as_told(film, "frames", told),
        stills=_as_told(stills, "stills", told),
        film_path=run.paths.root / seen.film.film.path if seen.film else None,
        film_frames=seen.film.frames if seen.film else None,
        command=last_command(run.paths),
        worker=worker,
        is_finished=complete and (film is None or (seen.film is not None and seen.film.frames == run.timeline.frames)),
        damaged=plan.damaged if plan else (),
        problem=f"{run.paths.settings} {problem}; its copy is used" if problem else None,
        shards=working,
        stopped=_stopped(seen, plan, working),
        is_dreamed=complete,
    )


def _stopped(seen: SeenRun, plan: Plan | None, working: Sequence[Working]) -> dict[str, int]:
    """The shards at which nobody works, and of which segments or stills are missing."""
    run, at_work = seen.run, {one.paths.shard for one in working}
    idle = [one for one in run.paths.shards() if one.shard not in at_work and holder(one.lock) is None]
    if not idle:
        return {}
    segments = {item.segment for item in plan.items if item.is_missing} if plan else set()
    stills = {place for batch in pending_batches(seen) for place in batch} if run.dreams_stills else set()
    strands, batches, found = strands_of(run) if plan else [], still_batches(run.still_recipe), {}
    for one in idle:
        number, count = one.shard_number, one.shard_count
        left = len(segments.intersection(segments_of(of_shard(strands, number, count))))
        left += len(stills.intersection(place for batch in of_shard(batches, number, count) for place in batch))
        if left:
            found[one.shard] = left
    return found


def what_is_there(seen: SeenRun, *, film: bool) -> str:
    """How much is finished of a film (and saved of it) and its stills, or of stills alone, in words."""
    frames, stills = _parts(seen, make_plan(seen)) if film else (None, _stills_part(seen))
    told = [_describe_done("frames", frames)] if frames else []
    return ", ".join([*told, *([_describe_done("stills", stills)] if stills else [])])


def _describe_done(unit: str, part: Part) -> str:
    return f"{part.pictures_done} of {part.pictures} {unit} ({100 * part.share:.0f} % of the work)"


def _parts(seen: SeenRun, plan: Plan | None) -> tuple[Part | None, Part | None]:
    """How far film and fresh stills are by what is on the disk."""
    return _film_part(seen, plan) if plan else None, _stills_part(seen) if seen.run.dreams_stills else None


def status_data(found: Status, directory: Path) -> dict[str, Any]:
    """All of it as plain data, under names that stay; `docs/performance.md` says what they mean.

    Args:
        found: How far the run is.
        directory: Its directory.
    """
    return {
        "version": 1,
        "directory": str(directory),
        "name": found.name,
        "film": asdict(found.film) if found.film else None,
        "stills": asdict(found.stills) if found.stills else None,
        "film_path": str(found.film_path) if found.film_path else None,
        "film_frames": found.film_frames,
        "worker": found.worker,
        "is_finished": found.is_finished,
        "damaged": list(found.damaged),
        "problem": found.problem,
        "shards": [_shard_data(shard) for shard in found.shards],
        "stopped": dict(found.stopped),
    }


def _shard_data(shard: Working) -> dict[str, Any]:
    return {"name": shard.paths.shard, "seconds_silent": shard.seconds_silent, **shard.told.model_dump()}


def _as_told(part: Part | None, unit: str, told: LiveProgress | None) -> Part | None:
    """What the process that works on a part says of it; files tell only of segments and stills that are whole."""
    if part is None or told is None or told.unit != unit:
        return part
    return Part(told.classes_done, told.classes, told.done, told.total, told.share, told.seconds_left)


def _film_part(seen: SeenRun, plan: Plan) -> Part:
    run, recipe = seen.run, seen.run.film_recipe
    left = {item.segment for item in plan.items if item.is_missing}
    classes_left = {segment.position for segment in left if not segment.is_lead_in}
    timed = [one for chain in run.timeline.chains for one in chain if one.name in plan.records]
    saved = sum(saved_of_film(run, plan).values(), Amount(0, 0))
    again, made = (left_of(recipe, plan.items) - saved).work, amount_of(recipe, timed).work
    seconds = sum(record.seconds for record in plan.records.values())
    return Part(
        classes_done=len(run.targets) - len(classes_left),
        classes=len(run.targets),
        pictures_done=sum(segment.frames for segment in run.timeline.segments if segment not in left) + saved.pictures,
        pictures=run.timeline.frames,
        share=1 - again / whole_of(recipe, plan).work,
        seconds_left=project_seconds(again, made, seconds),
    )


def _stills_part(seen: SeenRun) -> Part:
    again = [seen.run.targets[place].key for batch in pending_batches(seen) for place in batch]
    finished = finished_stills(seen)
    seconds = sum(record.seconds for record in finished)
    done, total, each = len(finished), len(seen.run.targets), seen.run.still_recipe.stills.variants
    left = project_seconds(len(again), done, seconds)
    saved = saved_of_stills(seen.run, again).steps / fresh_stills(seen.run, total).steps
    return Part(done, total, done * each, total * each, share=min(1.0, done / total + saved), seconds_left=left)
