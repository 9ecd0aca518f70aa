"""How much room a run takes: measured on dreams full of detail, so that it is rather too much than too little."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.jobs.session import Run
from renderer.media.codecs import FILM_SUFFIX, Codec
from renderer.settings.sections import Video

_BLOCK = 4096  # bytes by which a file grows on most disks
_PNG_BYTES = 2.7  # a pixel
_THUMBNAIL_BYTES = 0.4  # a pixel
_THUMBNAIL_SIDE = 320
_BYTES_PER_CLASS = 3000  # in run.yaml, index, page and subtitles together
_BYTES_PER_RUN = 200_000
_FILES_PER_RUN = 16
_SOUND_BYTES = {".mp4": 20_000, ".webm": 20_000, ".mov": 200_000, ".mkv": 200_000}  # a second


@dataclass(frozen=True)
class _Density:
    """Bytes a pixel of a codec.

    Attributes:
        frame: Of any frame, at quality 18.
        key: More, of a frame that stands for itself, at quality 18.
        halving: By how much quality must rise to halve these; None where it makes no difference.
        most: What no frame exceeds.
    """

    frame: float
    key: float = 0.0
    halving: float | None = None
    most: float = 3.0

    def bytes(self, frames: int, keys: int, quality: int) -> float:
        """Bytes for each pixel of so many frames, of which so many stand for themselves."""
        factor = 2 ** ((18 - quality) / self.halving) if self.halving else 1.0
        return min((frames * self.frame + keys * self.key) * factor, frames * self.most)


_LOSSLESS = _Density(2.7)
_SEGMENTS: dict[Codec, _Density] = {
    "h264": _Density(0.25, 0.5, halving=6, most=1.6),
    "h265": _Density(0.28, 0.6, halving=6, most=1.6),
    "av1": _Density(0.3, 0.6, halving=12, most=1.6),
    "vp9": _Density(0.4, 0.9, halving=12, most=1.6),
    "prores": _Density(1.0),
    **dict.fromkeys(("ffv1", "gif", "webp", "png"), _LOSSLESS),
}
_FILMS: dict[Codec, _Density] = {
    **_SEGMENTS,
    "gif": _Density(1.1),
    "webp": _Density(0.45, halving=12),
    "png": _Density(_PNG_BYTES),
}


def estimate_bytes(run: Run) -> float:
    """What a run will take on the disk, in bytes: hardly ever less, and seldom twice as much as it comes to be."""
    film, stills, video = run.settings.film, run.settings.stills, run.settings.video
    fresh = stills.fresh or not run.film
    size = (stills.width, stills.height) if fresh else (film.width, film.height)
    classes = len(run.classes)
    room = _BYTES_PER_RUN + _FILES_PER_RUN * _BLOCK + classes * (_BYTES_PER_CLASS + _still_bytes(size))
    if not run.film:
        return room
    pixels = film.width * film.height
    parts = [segment for chain in run.timeline.chains for segment in chain]
    tails = (len(run.timeline.chains) - 1) * (run.fade * pixels * 3 + _BLOCK)
    # Each has its last frame, its record and, if it is shown, its film.
    state = len(parts) * (pixels * _PNG_BYTES + 3 * _BLOCK)
    return room + tails + state + _video_bytes(run, video) * pixels + _sound_bytes(run, video)


def _still_bytes(size: tuple[int, int]) -> float:
    """A still, its small copy and its record."""
    pixels = size[0] * size[1]
    shrunk = pixels * min(1.0, _THUMBNAIL_SIDE / max(size)) ** 2
    return pixels * _PNG_BYTES + shrunk * _THUMBNAIL_BYTES + 3 * _BLOCK


def _video_bytes(run: Run, video: Video) -> float:
    """Segments and film, in bytes for each pixel of a frame."""
    shown, second = run.timeline.segments, max(1, round(run.settings.film.fps))
    keys = sum(-(-segment.frames // second) for segment in shown)
    densities = (_SEGMENTS[video.codec], _FILMS[video.codec])
    return sum(density.bytes(run.timeline.frames, keys, video.quality) for density in densities)


def _sound_bytes(run: Run, video: Video) -> float:
    if video.audio is None:
        return 0.0
    return run.timeline.frames / run.settings.film.fps * _SOUND_BYTES.get(FILM_SUFFIX[video.codec], 0)
