"""Stills as files: taken from the film, with text on them or without."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from renderer.atlas.seen import SeenRun
from renderer.atlas.thumbnails import make_thumbnail
from renderer.common.digests import data_digest
from renderer.common.progress import Progress, note_repairs
from renderer.film.tasks import Opacity, Picture
from renderer.jobs.fresh import fresh_digest, text_digest
from renderer.media.captions import caption_at, fill_templates
from renderer.media.overlay import CaptionWriter
from renderer.media.pictures import load_picture, open_still, save_still
from renderer.settings.sections import Projection
from renderer.store.cleaning import remove_facets
from renderer.store.records import FacetRecord, SegmentRecord, StillRecord, describe, write_record
from renderer.store.run import Run
from renderer.targets.slugs import still_name
from renderer.targets.target import Score

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StillPicture:
    """A picture that is to be a still, and what its record says of it."""

    picture: Picture
    score: Score
    seed: int
    opacity: Opacity | None = None


@dataclass(frozen=True)
class MadeStills:
    """The stills of a target, best first, and what their record says of all of them."""

    pictures: Sequence[StillPicture]
    fresh: bool
    made_from: str
    seconds: float
    tried: str | None = None


def make_film_still(seen: SeenRun, position: int, segment: SegmentRecord) -> bool:
    """Take a target's still from the last frame of its last segment, unless it is there, or one was dreamed fresh.

    Args:
        seen: The run as it is now, seen thoroughly.
        position: Place of the target in the film, from 0.
        segment: Record of that segment.

    Returns:
        Whether it was taken now.
    """
    run, target = seen.run, seen.run.targets[position]
    if segment.score is None:
        raise RuntimeError(f"the last frame of {target.title} came without a score")
    made_from = data_digest(["film", segment.picture.digest, text_digest(run, position)])
    found = seen.still(target)
    if found and not _is_taken(run, position, found, segment.score, made_from):
        return False
    if not seen.is_whole(segment.picture):
        # Damaged since the plan was made, or in a way that a quick look does not see; `render` makes it again.
        return False
    picture = load_picture(run.paths.root / segment.picture.path)
    taken = StillPicture(picture, segment.score, run.settings.run.seed)
    # A fresh one that was no better is no better beneath another text.
    tried = found.tried if found and found.score == segment.score else None
    tried = found.made_from if found and found.fresh else tried
    write_stills(run, position, MadeStills([taken], fresh=False, made_from=made_from, seconds=0.0, tried=tried))
    return True


def _is_taken(run: Run, position: int, found: StillRecord, score: Score, made_from: str) -> bool:
    """Whether a still from the film takes the place of what is there.

    A fresh one that stands worse with the network gives way, as it would have if the film had been there before it.
    """
    if not found.fresh:
        return found.made_from != made_from
    is_current = run.dreams_stills and found.made_from == fresh_digest(run, position)
    return is_current and is_better_in_film(run, score, found.score)


def is_better_in_film(run: Run, film: Score, fresh: Score) -> bool:
    """Whether the network puts the class higher in the film's last frame than in a fresh still.

    Where stills are to be what no frame is, transparent or several a class, no frame is better.
    """
    stills = run.still_recipe.stills
    return not stills.alpha and stills.variants == 1 and (film.rank or 1) < (fresh.rank or 1)


def make_film_stills(run: Run, segments: Mapping[str, SegmentRecord], progress: Progress | None = None) -> None:
    """Take the stills of all targets that are finished in the film.

    Args:
        run: The run.
        segments: Records of the segments that are whole, by name.
        progress: Is told which stills were missing or damaged.
    """
    seen, repaired = SeenRun(run, thorough=True), []
    for segment in run.timeline.segments:
        if segment.ends_class and segment.name in segments:
            target = run.targets[segment.position]
            # A still that is whole may be taken anew because other text is wanted on it.
            damaged = seen.still(target) is None
            if make_film_still(seen, segment.position, segments[segment.name]) and damaged:
                repaired.append(still_name(target))
    note_repairs(progress, "stills", repaired, "taken from the film again")


def write_text_anew(run: Run) -> None:
    """Write the text on fresh stills that are to have another one, or take it away; also where that was cut short."""
    seen = SeenRun(run, thorough=True)
    for position, target in enumerate(run.targets):
        record = seen.recorded_still(target)
        # One that does not fit any more is dreamed anew, or kept by a film; either way its text is in order.
        if record is None or not record.fresh:
            continue
        facets = [FacetRecord(still=record.still, score=record.score, seed=record.seed), *record.facets]
        is_written = record.text == text_digest(run, position) and all(seen.is_whole(one.still) for one in facets)
        if is_written or any(_is_transparent(run.paths.root / one.still.path) for one in facets):
            continue
        with suppress(OSError):  # A picture that is lost is dreamed again.
            made = [StillPicture(_before_text(seen, record, one), one.score, one.seed) for one in facets]
            again = MadeStills(made, fresh=True, made_from=record.made_from, seconds=record.seconds)
            write_stills(run, position, again)


def _before_text(seen: SeenRun, record: StillRecord, one: FacetRecord) -> Picture:
    """A still as it was dreamed; raises OSError where that is lost."""
    path = seen.paths.root / one.still.path
    if record.text is None and seen.is_whole(one.still):
        return load_picture(path)
    clean = seen.paths.clean_still(path.name)
    if record.text is None and describe(seen.paths, clean).digest != one.still.digest:
        raise FileNotFoundError(clean)
    return load_picture(clean)


def _is_transparent(path: Path) -> bool:
    """Whether a still is there on which there is no text in any case."""
    with suppress(OSError):
        return open_still(path).mode == "RGBA"
    return False


def write_stills(run: Run, position: int, made: MadeStills) -> None:
    """Write the stills of a target and their record; facets of before that are no more are removed."""
    target = run.targets[position]
    shown: Projection = "flat" if made.fresh else run.settings.film.projection
    written = [_write_still(run, position, place, one, shown) for place, one in enumerate(made.pictures, start=1)]
    best, *facets = written
    record = StillRecord(
        still=best.still,
        score=best.score,
        seed=best.seed,
        fresh=made.fresh,
        made_from=made.made_from,
        seconds=made.seconds,
        facets=tuple(facets),
        text=text_digest(run, position),
        tried=made.tried,
    )
    remove_facets(run.paths, target, len(written))
    write_record(run.paths.still_record(target.key), record)
    for one in written:
        _LOG.info("still %s is whole: rank %s, seed %d", Path(one.still.path).name, one.score.rank, one.seed)


def _write_still(run: Run, position: int, place: int, made: StillPicture, shown: Projection) -> FacetRecord:
    path = run.paths.still(still_name(run.targets[position], place))
    if run.settings.stills.overlay:
        save_still(run.paths.clean_still(path.name), made.picture)
    save_still(path, _with_text(run, position, made, shown), made.opacity)
    make_thumbnail(run.paths, path)
    return FacetRecord(still=describe(run.paths, path), score=made.score, seed=made.seed)


def _with_text(run: Run, position: int, made: StillPicture, shown: Projection) -> Picture:
    if not run.settings.stills.overlay:
        return made.picture
    height, width, _ = made.picture.shape
    overlay = run.overlay_of_still(position)
    caption = caption_at(run.targets, position, run.titles, made.score, loops=run.settings.film.loop)
    texts = fill_templates(overlay.lines, caption)
    return CaptionWriter(overlay, (width, height), shown).write(made.picture, texts)
