"""How much room a run takes: measured on dreams full of detail, so that it is rather too much than too little."""

from __future__ import annotations

from renderer.atlas.thumbnails import THUMBNAIL_SIDE
from renderer.media.codecs import CODECS, PASSING_QUALITY, clean_density
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
    film, stills, video = run.settings.film, run.settings.stills, run.settings.video
    size = (stills.width, stills.height) if run.dreams_stills else (film.width, film.height)
    classes, each = len(run.targets), stills.variants if run.dreams_stills else 1
    still = _still_bytes(size, 4 if run.dreams_stills and stills.alpha else 3)
    room = _BYTES_PER_RUN + _FILES_PER_RUN * _BLOCK + classes * (_BYTES_PER_CLASS + still * each)
    if not run.file.film:
        return room
    pixels = film.width * film.height
    parts = [segment for chain in run.timeline.chains for segment in chain]
    # Each has its last frame, its clean frames, what is encoded of them if it is shown, and two records.
    state = len(parts) * (pixels * _PNG_BYTES + 5 * _BLOCK)
    return room + state + (_clean_bytes(run) + _video_bytes(run, video)) * pixels + _sound_bytes(run, video)


def _clean_bytes(run: Run) -> float:
    """Clean frames, in bytes for each pixel of a frame; where they are dropped, those of lead-ins stay."""
    kept = run.settings.film.clean_frames
    frames = sum(one.frames for chain in run.timeline.chains for one in chain if kept != "drop" or one.is_lead_in)
    density, quality = clean_density(PASSING_QUALITY if kept == "drop" else kept)
    return density.bytes(frames, 0, quality)


def _still_bytes(size: tuple[int, int], channels: int) -> float:
    """A still, its small copy and its record."""
    pixels = size[0] * size[1] * channels / 3
    shrunk = pixels * min(1.0, THUMBNAIL_SIDE / max(size)) ** 2
    return pixels * _PNG_BYTES + shrunk * _THUMBNAIL_BYTES + 3 * _BLOCK


def _video_bytes(run: Run, video: Video) -> float:
    """Segments and film, in bytes for each pixel of a frame."""
    shown, second = run.timeline.segments, max(1, round(run.settings.film.fps))
    keys = sum(-(-segment.frames // second) for segment in shown)
    facts = CODECS[video.codec]
    densities = (facts.segment_bytes, facts.film_bytes)
    return sum(density.bytes(run.timeline.frames, keys, video.quality) for density in densities)


def _sound_bytes(run: Run, video: Video) -> float:
    container = CODECS[video.codec].container
    if video.audio is None or container is None:
        return 0.0
    return run.timeline.frames / run.settings.film.fps * container.audio_bytes
