"""How much room a run takes: measured on dreams full of detail, so that it is rather too much than too little."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from renderer.atlas.seen import SeenRun
from renderer.atlas.thumbnails import THUMBNAIL_SIDE
from renderer.film.timeline import Segment
from renderer.jobs.amounts import amount_of, film_left
from renderer.jobs.assembly import is_film_current
from renderer.jobs.plan import Plan
from renderer.jobs.presenting import Presenter
from renderer.jobs.remainder import plan_without
from renderer.jobs.stills import finished_stills
from renderer.media.codecs import CODECS, PASSING_QUALITY, Density, clean_density
from renderer.settings.sections import Video
from renderer.store.run import Run

_BLOCK = 4096  # bytes by which a file grows on most disks
_PNG_BYTES = 2.7  # a pixel
_THUMBNAIL_BYTES = 0.4  # a pixel
_BYTES_PER_CLASS = 3000  # in run.yaml, index, page and subtitles together
_BYTES_PER_RUN = 200_000
_FILES_PER_RUN = 16


def estimate_bytes(run: Run) -> float:
    """What a run will take on the disk, in bytes: hardly ever less, and seldom twice as much as it comes to be."""
    room = _common_bytes(run) + _stills_bytes(run, len(run.targets))
    if not run.file.film:
        return room
    segments = [segment for chain in run.timeline.chains for segment in chain]
    return room + segments_bytes(run, segments) + _film_bytes(run)


def segments_bytes(run: Run, segments: Sequence[Segment]) -> float:
    """What the files of segments take: frames, last pictures, records, and what they are encoded to for the film."""
    return _state_bytes(run, segments) + _clean_bytes(run, segments) + _parts_bytes(run, segments)


def estimate_bytes_left(run: Run, stale: Collection[str] = ()) -> float:
    """What is still to be written of a run that was begun, in bytes; a film is written anew if a part of it is.

    Args:
        run: The run, with the settings that are asked for now.
        stale: Names of segments that are there, and will be dreamed anew; see `Changes`.

    Raises:
        UserError: The font cannot be read.
    """
    seen = SeenRun(run)
    there = len(finished_stills(seen)) if run.dreams_stills else len(seen.stills)
    room = _stills_bytes(run, len(run.targets) - there)
    if run.file.film:
        plan = plan_without(seen, stale)
        room += _dreamed_bytes_left(run, plan) + _parts_bytes(run, _parts_left(seen, plan))
        room += 0.0 if is_film_current(seen, plan.records) else _film_bytes(run)
    return room + (_common_bytes(run) if room else 0.0)


def _dreamed_bytes_left(run: Run, plan: Plan) -> float:
    """Of what is dreamed; of segments that were begun, the frames that are there are not written again."""
    segments = [item.segment for item in plan.items if item.is_missing]
    frames = amount_of(run.film_recipe, segments).pictures
    share = film_left(run, plan).pictures / frames if frames else 1.0
    return _state_bytes(run, segments) + share * _clean_bytes(run, segments)


def _parts_left(seen: SeenRun, plan: Plan) -> list[Segment]:
    presenter, segments = Presenter(seen.run), seen.run.timeline.segments
    return [one for one in segments if not presenter.is_current(seen, one, plan.records.get(one.name))]


def _common_bytes(run: Run) -> float:
    """Settings, index, page, the log and the like, and the outputs for the stills where they are asked for."""
    classes, stills = len(run.targets), run.settings.stills
    outputs = len(run.titles) * classes * (stills.variants if run.dreams_stills else 1) if stills.logits else 0
    return _BYTES_PER_RUN + _FILES_PER_RUN * _BLOCK + classes * _BYTES_PER_CLASS + outputs * 4


def _stills_bytes(run: Run, classes: int) -> float:
    film, stills = run.settings.film, run.settings.stills
    size = (stills.width, stills.height) if run.dreams_stills else (film.width, film.height)
    still = _still_bytes(size, 4 if run.dreams_stills and stills.alpha else 3)
    return classes * still * (stills.variants if run.dreams_stills else 1)


def _state_bytes(run: Run, segments: Sequence[Segment]) -> float:
    """Each segment has its last frame and two records."""
    return len(segments) * (run.settings.film.width * run.settings.film.height * _PNG_BYTES + 5 * _BLOCK)


def _parts_bytes(run: Run, segments: Sequence[Segment]) -> float:
    return _encoded(run, segments, CODECS[run.settings.video.codec].segment_bytes)


def _clean_bytes(run: Run, segments: Sequence[Segment]) -> float:
    """Clean frames; where they are dropped, those of lead-ins stay."""
    kept = run.settings.film.clean_frames
    frames = sum(one.frames for one in segments if kept != "drop" or one.is_lead_in)
    density, quality = clean_density(PASSING_QUALITY if kept == "drop" else kept)
    return density.bytes(frames, 0, quality) * run.settings.film.width * run.settings.film.height


def _film_bytes(run: Run) -> float:
    video = run.settings.video
    return _encoded(run, run.timeline.segments, CODECS[video.codec].film_bytes) + _sound_bytes(run, video)


def _still_bytes(size: tuple[int, int], channels: int) -> float:
    """A still, its small copy and its record."""
    pixels = size[0] * size[1] * channels / 3
    shrunk = pixels * min(1.0, THUMBNAIL_SIDE / max(size)) ** 2
    return pixels * _PNG_BYTES + shrunk * _THUMBNAIL_BYTES + 3 * _BLOCK


def _encoded(run: Run, segments: Sequence[Segment], density: Density) -> float:
    film, shown = run.settings.film, [segment for segment in segments if not segment.is_lead_in]
    second, frames = max(1, round(film.fps)), sum(segment.frames for segment in shown)
    keys = sum(-(-segment.frames // second) for segment in shown)
    return density.bytes(frames, keys, run.settings.video.quality) * film.width * film.height


def _sound_bytes(run: Run, video: Video) -> float:
    container = CODECS[video.codec].container
    if container is None or (video.audio is None and run.source_sound is None):
        return 0.0
    return run.timeline.frames / run.settings.film.fps * container.audio_bytes
