"""The codecs: which container holds them, and the options of ffmpeg for what this program needs.

Each makes the same file from the same frames (so the number of threads is fixed), with a keyframe every second at
least, no frame that refers to frames beyond a keyframe, and colors as in ITU-R BT.709.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from renderer.common import ffmpeg
from renderer.settings.sections import Codec, Video


@dataclass(frozen=True)
class Container:
    """What a film's container can hold besides the picture.

    Attributes:
        options: Options for writing it.
        subtitles: ffmpeg's name of the subtitle codec.
        audio: ffmpeg's name of the audio codec.
        audio_bytes: Bytes a second of sound.
    """

    options: tuple[str, ...]
    subtitles: str
    audio: str
    audio_bytes: int


# QuickTime's chapter track holds any number; the older list beside it only 255, which some players then prefer.
_MP4 = Container(("-movflags", "+faststart+disable_chpl"), "mov_text", "aac", 20_000)
_MOV = Container(("-movflags", "+faststart+disable_chpl"), "mov_text", "pcm_s16le", 200_000)
_WEBM = Container(("-cues_to_front", "1"), "copy", "libopus", 20_000)
_MKV = Container(("-cues_to_front", "1"), "copy", "flac", 200_000)


@dataclass(frozen=True)
class Density:
    """Bytes a pixel of a codec, measured on dreams full of detail.

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


@dataclass(frozen=True)
class CodecFacts:
    """What is to be known of a codec.

    Attributes:
        film_suffix: Suffix of the film's file; empty for a folder of pictures.
        segment_suffix: Suffix of a segment's file.
        pixels: The pixel format in which a segment is stored, by ffmpeg's name.
        container: What the film can hold besides the picture; None for nothing.
        reordered: By how many frames a picture may be stored before its turn.
        segment_bytes: What segments take on the disk.
        film_bytes: What the film takes.
    """

    film_suffix: str
    segment_suffix: str
    pixels: str
    container: Container | None
    reordered: int
    segment_bytes: Density
    film_bytes: Density

    @property
    def is_lossless(self) -> bool:
        """Whether segments keep every color of every pixel, so that each frame stands alone."""
        return self.pixels == "bgr0"

    def stored_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of a film, of frames of the given ones."""
        return size if self.is_lossless else _even(size)


_H264 = Density(0.25, 0.5, halving=6, most=1.6)
_H265 = Density(0.28, 0.6, halving=6, most=1.6)
_AV1 = Density(0.3, 0.6, halving=12, most=1.6)
_VP9 = Density(0.4, 0.9, halving=12, most=1.6)
_PRORES = Density(1.0)
_LOSSLESS = Density(2.7)

CODECS: Mapping[Codec, CodecFacts] = {
    "h264": CodecFacts(".mp4", ".mp4", "yuv420p", _MP4, 2, _H264, _H264),
    "h265": CodecFacts(".mp4", ".mp4", "yuv420p", _MP4, 2, _H265, _H265),
    "av1": CodecFacts(".mp4", ".mp4", "yuv420p", _MP4, 0, _AV1, _AV1),
    "vp9": CodecFacts(".webm", ".mp4", "yuv420p", _WEBM, 0, _VP9, _VP9),  # .mp4 has finer timestamps than .webm
    "prores": CodecFacts(".mov", ".mov", "yuv422p10le", _MOV, 0, _PRORES, _PRORES),
    "ffv1": CodecFacts(".mkv", ".mkv", "bgr0", _MKV, 0, _LOSSLESS, _LOSSLESS),
    # These three are kept as ffv1, and made of it at the end.
    "gif": CodecFacts(".gif", ".mkv", "bgr0", None, 0, _LOSSLESS, Density(1.1)),
    "webp": CodecFacts(".webp", ".mkv", "bgr0", None, 0, _LOSSLESS, Density(0.45, halving=12)),
    "png": CodecFacts("", ".mkv", "bgr0", None, 0, _LOSSLESS, Density(2.7)),
}
"""All codecs, by the name that the settings give them."""

FILM_SUFFIXES = frozenset(facts.film_suffix for facts in CODECS.values())
"""Suffixes that a film may have; without one it is a folder of pictures."""

SEGMENT_SUFFIXES = frozenset(facts.segment_suffix for facts in CODECS.values())
"""Suffixes that a segment may have."""

PASSING_QUALITY = 4
"""Of clean frames that are dropped after a while."""

CLEAN_GROUP = 8
"""Clean frames that refer to one another, and to no others."""

_CLEAN = Density(0.5, halving=10, most=2.7)


def clean_density(quality: int | Literal["lossless"]) -> tuple[Density, int]:
    """What clean frames take on the disk: a density, and the quality to ask it for."""
    return (_LOSSLESS, 0) if quality == "lossless" else (_CLEAN, quality)


MOST_GIF_COLORS = 256


def gif_colors(quality: int) -> int:
    """How many colors a GIF has: 256 to quality 18, from there ever fewer, and 32 at 63."""
    return round(MOST_GIF_COLORS * 2 ** (-max(0, quality - 18) / 15))


def container_of(codec: Codec) -> Container:
    """What a film of this codec can hold besides the picture; raises ValueError where that is nothing."""
    container = CODECS[codec].container
    if container is None:
        raise ValueError(f"{codec} has no container for sound and titles")
    return container


@dataclass(frozen=True)
class Coding:
    """How frames become the file of a segment.

    Attributes:
        options: Options of ffmpeg.
        is_even: Whether width and height must be even, because two pixels share their color.
    """

    options: tuple[str, ...]
    is_even: bool

    def stored_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height in the file, of frames of the given ones."""
        return _even(size) if self.is_even else size


def film_coding(video: Video, fps: float) -> Coding:
    """How the segments of a film are encoded."""
    second = max(1, round(ffmpeg.frame_rate(fps)))
    facts = CODECS[video.codec]
    options = [*_color_options(facts.pixels), *_codec_options(video), "-fflags", "+bitexact"]
    keys = ["-g", "1" if facts.is_lossless else str(second)]
    return Coding((*options, *keys), is_even=not facts.is_lossless)


def clean_coding(quality: int | Literal["lossless"]) -> Coding:
    """How frames are kept before text and final encoding.

    All with the same steps and in groups of `CLEAN_GROUP` frames that refer to no others: so the file may end, and
    another begin, between any two groups, and the frames are the same.

    Args:
        quality: As `Video.quality`, or no loss at all.
    """
    if quality == "lossless":
        return Coding((*_color_options("bgr0"), *_codec_options(Video(codec="ffv1")), "-g", "1"), is_even=False)
    # The quickest of the presets, but for what makes files much smaller in hardly more time. In 10 bits, the conversion
    # of colors loses next to nothing; there the scale begins 12 higher.
    speed = ["-preset", "ultrafast", "-x264-params", "8x8dct=1:subme=1:partitions=i8x8,i4x4", "-threads", "2"]
    groups = ["-g", str(CLEAN_GROUP), "-bf", "0", "-sc_threshold", "0"]
    coded = ["-c:v", "libx264", *speed, "-qp", str(quality + 12), *groups, "-fflags", "+bitexact"]
    return Coding((*_color_options("yuv444p10le"), *coded), is_even=False)


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """One more pixel where an even number is needed, because two share their color."""
    width, height = size
    return width + width % 2, height + height % 2


def _color_options(pixels: str) -> list[str]:
    if pixels == "bgr0":
        return ["-pix_fmt", pixels]
    convert = "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
    tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    return ["-vf", f"{convert},format={pixels}", *tags]


def _codec_options(video: Video) -> list[str]:
    match video.codec:
        case "h264":  # rate factor 0 would be the lossless profile, which few players can play
            rate_factor = str(min(max(video.quality, 1), 51))
            return ["-c:v", "libx264", "-preset", "veryfast", "-crf", rate_factor, "-bf", "3", "-threads", "2"]
        case "h265":
            quality = ["-crf", str(min(video.quality, 51)), "-bf", "3", "-tag:v", "hvc1"]
            settings = "log-level=error:open-gop=0:pools=none:frame-threads=1"  # it has crashed with more threads
            return ["-c:v", "libx265", "-preset", "ultrafast", *quality, "-x265-params", settings]
        case "av1":
            return _av1_options(video.quality)
        case "vp9":
            quality = ["-crf", str(video.quality), "-b:v", "0", "-deadline", "realtime", "-cpu-used", "7"]
            return ["-c:v", "libvpx-vp9", *quality, "-row-mt", "0", "-tile-columns", "1", "-threads", "2"]
        case "prores":
            return ["-c:v", "prores_ks", "-profile:v", "hq", "-vendor", "apl0"]
        case "ffv1" | "gif" | "webp" | "png":
            return ["-c:v", "ffv1", "-level", "3", "-slices", "4", "-slicecrc", "1", "-threads", "2"]


def _av1_options(quality: int) -> list[str]:
    """SVT-AV1 is quicker; older builds of ffmpeg have only the reference encoder."""
    if ffmpeg.has_encoder("libsvtav1"):  # with rate factor 0, it would choose one itself
        return ["-c:v", "libsvtav1", "-preset", "7", "-crf", str(max(quality, 1)), "-svtav1-params", "lp=2"]
    speed = ["-cpu-used", "6", "-row-mt", "0", "-threads", "2"]
    return ["-c:v", "libaom-av1", "-crf", str(quality), "-b:v", "0", *speed]
