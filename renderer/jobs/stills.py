"""One picture a class: taken from the film, or dreamed for itself."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from renderer.atlas.thumbnails import make_thumbnail
from renderer.jobs.film_captions import caption_for
from renderer.jobs.progress import Amount, Progress, note_health
from renderer.jobs.session import Run
from renderer.jobs.worker import Picture, Still, StillTask, Worker
from renderer.media.overlay import CaptionWriter
from renderer.media.pictures import load_picture, save_still
from renderer.store.fingerprint import by_contents, fingerprint, relevant
from renderer.store.records import SegmentRecord, StillRecord, describe, is_intact, read_record, write_record
from renderer.targets.slugs import still_name
from renderer.targets.target import ClassRecord, Score

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A class that could not be rendered, and why."""

    record: ClassRecord
    reason: str


@dataclass(frozen=True)
class _Made:
    """A picture that is to be a still, and what its record says of it."""

    picture: Picture
    score: Score
    seed: int
    fresh: bool
    made_from: str
    seconds: float


def still_record(run: Run, record: ClassRecord, made_from: str | None = None) -> StillRecord | None:
    """Record of a class's still; None if it is not there, or not made from what is said."""
    found = read_record(run.paths.still_record(record.index), StillRecord)
    return found if found and made_from in (None, found.made_from) else None


def make_film_still(run: Run, position: int, segment: SegmentRecord) -> None:
    """Take a class's still from the last frame of its last segment, unless it is there, or one was dreamed fresh."""
    record = run.classes[position]
    if segment.score is None:
        raise RuntimeError(f"the last frame of {record.title} came without a score")
    made_from = fingerprint(["film", segment.picture.digest, _text_fingerprint(run)])
    found = still_record(run, record)
    if found and (found.fresh or found.made_from == made_from) and is_intact(run.paths, found.still):
        return
    picture = load_picture(run.paths.root / segment.picture.path)
    seed = run.settings.run.seed
    _write_still(run, position, _Made(picture, segment.score, seed, fresh=False, made_from=made_from, seconds=0.0))


def make_film_stills(run: Run, segments: Mapping[str, SegmentRecord]) -> None:
    """Take the stills of all classes that are finished in the film."""
    for segment in run.timeline.segments:
        if segment.ends_class and segment.name in segments:
            make_film_still(run, segment.position, segments[segment.name])


def pending_groups(run: Run, *, thorough: bool = True) -> list[list[int]]:
    """Places of the classes whose fresh stills are to be dreamed, in the groups that are dreamed together.

    A group is dreamed again whole if any of its stills is missing or damaged.
    """
    size, made_from = run.settings.run.batch, _fresh_fingerprint(run)
    places = list(range(len(run.classes)))
    groups = [places[first : first + size] for first in range(0, len(places), size)]
    return [
        group
        for group in groups
        if not all(_is_there(run, run.classes[place], made_from, thorough=thorough) for place in group)
    ]


def finished_stills(run: Run) -> list[StillRecord]:
    """Records of the fresh stills that are there, by the look of their sizes."""
    made_from = _fresh_fingerprint(run)
    found = [still_record(run, record, made_from) for record in run.classes]
    return [record for record in found if record and is_intact(run.paths, record.still, thorough=False)]


def dream_stills(run: Run, groups: Sequence[Sequence[int]], worker: Worker, progress: Progress) -> list[Failure]:
    """Dream the fresh stills of the given groups; a group that fails does not stop the others."""
    total, left = len(run.classes), sum(len(group) for group in groups)
    progress.begin("stills", total=Amount(total, total), done=Amount(total - left, total - left))
    failures: list[Failure] = []
    for group in groups:
        titles = [run.classes[place].title for place in group]
        _LOG.info("stills begin: %s", ", ".join(titles))
        try:
            _dream_group(run, group, worker, progress)
        except RuntimeError as error:
            _LOG.exception("stills failed: %s", ", ".join(titles))
            # torch's errors; what is wrong with one group need not be with the next.
            failures += [Failure(run.classes[place], str(error)) for place in group]
        progress.advance(Amount(len(group), len(group)), titles)
    progress.end()
    return failures


def attempt_seed(seed: int, attempt: int) -> int:
    """Seed of an attempt at a still: the run's own for the first, for each further one another."""
    if attempt == 0:
        return seed
    data = hashlib.blake2b(f"{seed}:{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(data, "big") >> 1


def _dream_group(run: Run, group: Sequence[int], worker: Worker, progress: Progress) -> None:
    began = time.monotonic()
    best = _best_stills(run, group, worker, progress)
    seconds = (time.monotonic() - began) / len(group)
    made_from = _fresh_fingerprint(run)
    for place in group:
        record = run.classes[place]
        if not _is_there(run, record, made_from, thorough=True):
            still = best[record.index]
            made = _Made(still.picture, still.score, still.task.seed, fresh=True, made_from=made_from, seconds=seconds)
            _write_still(run, place, made)


def _best_stills(run: Run, group: Sequence[int], worker: Worker, progress: Progress) -> dict[int, Still]:
    """The best of all attempts by class index; only classes that are not recognized are tried again."""
    best: dict[int, Still] = {}
    records = {run.classes[place].index: run.classes[place] for place in group}
    indices, retries = list(records), run.settings.stills.retries
    for attempt in range(retries + 1):
        seed = attempt_seed(run.settings.run.seed, attempt)
        for still in worker.stills([StillTask(index, seed) for index in indices]):
            index = still.task.class_index
            best[index] = min(best.get(index, still), still, key=_quality)
            again = ", and tried again with another seed" if still.health.is_dead and attempt < retries else ""
            note_health(progress, records[index], still.health, then=again)
        indices = [index for index in indices if not best[index].is_recognized]
        if not indices:
            break
    return best


def _quality(still: Still) -> tuple[bool, int, float]:
    """Orders stills, better ones first."""
    return still.health.is_dead, still.score.rank, -still.score.probability


def _is_there(run: Run, record: ClassRecord, made_from: str, *, thorough: bool) -> bool:
    found = still_record(run, record, made_from)
    return found is not None and is_intact(run.paths, found.still, thorough=thorough)


def _write_still(run: Run, position: int, made: _Made) -> None:
    record = run.classes[position]
    path = run.paths.still(still_name(record))
    save_still(path, _with_text(run, position, made))
    make_thumbnail(run.paths, path)
    write_record(
        run.paths.still_record(record.index),
        StillRecord(
            still=describe(run.paths, path),
            score=made.score,
            seed=made.seed,
            fresh=made.fresh,
            made_from=made.made_from,
            seconds=made.seconds,
        ),
    )
    _LOG.info("still %s is whole: rank %d, seed %d", path.name, made.score.rank, made.seed)


def _with_text(run: Run, position: int, made: _Made) -> Picture:
    if not run.settings.stills.overlay:
        return made.picture
    height, width, _ = made.picture.shape
    caption = caption_for(run, position, made.score)
    return CaptionWriter(run.settings.overlay, (width, height)).write(made.picture, caption)


def _fresh_fingerprint(run: Run) -> str:
    selected = [record.index for record in run.classes]
    return fingerprint(["fresh", relevant(by_contents(run.settings, run.contents), "stills"), selected])


def _text_fingerprint(run: Run) -> str | None:
    """What the text on a still follows from; None where there is none."""
    if not run.settings.stills.overlay:
        return None
    titles = [record.title for record in run.classes]
    return fingerprint([run.settings.overlay.model_dump(mode="json"), titles])
