"""The codecs: which container holds them, and the options of ffmpeg for what this program needs.

Each makes the same file from the same frames (so the number of threads is fixed), with a keyframe every second at
least, no frame that refers to frames beyond a keyframe, and colors as in ITU-R BT.709.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from renderer.media.ffmpeg import has_encoder
from renderer.settings.sections import Video

Codec = Literal["h264", "h265", "av1", "vp9", "prores", "ffv1", "gif", "webp", "png"]

FILM_SUFFIX: dict[Codec, str] = {
    "h264": ".mp4",
    "h265": ".mp4",
    "av1": ".mp4",
    "vp9": ".webm",
    "prores": ".mov",
    "ffv1": ".mkv",
    "gif": ".gif",
    "webp": ".webp",
    "png": "",  # a folder
}
"""By codec: suffix of the film's file."""

SEGMENT_SUFFIX: dict[Codec, str] = {
    "h264": ".mp4",
    "h265": ".mp4",
    "av1": ".mp4",
    "vp9": ".mp4",  # has finer timestamps than .webm
    "prores": ".mov",
    "ffv1": ".mkv",
    "gif": ".mkv",  # segments of these three are ffv1, from which the film is made at the end
    "webp": ".mkv",
    "png": ".mkv",
}
"""By codec: suffix of a segment's file."""


@dataclass(frozen=True)
class Container:
    """What a film's container can hold besides the picture.

    Attributes:
        options: Options for writing it.
        subtitles: ffmpeg's name of the subtitle codec.
        audio: ffmpeg's name of the audio codec.
    """

    options: tuple[str, ...]
    subtitles: str
    audio: str


CONTAINERS: dict[str, Container] = {
    # QuickTime's chapter track holds any number; the older list beside it only 255, which some players then prefer.
    ".mp4": Container(("-movflags", "+faststart+disable_chpl"), "mov_text", "aac"),
    ".mov": Container(("-movflags", "+faststart+disable_chpl"), "mov_text", "pcm_s16le"),
    ".webm": Container(("-cues_to_front", "1"), "copy", "libopus"),
    ".mkv": Container(("-cues_to_front", "1"), "copy", "flac"),
}


def pixel_format(codec: Codec) -> str:
    """The pixel format in which a segment is stored, by ffmpeg's name."""
    match codec:
        case "h264" | "h265" | "av1" | "vp9":
            return "yuv420p"
        case "prores":
            return "yuv422p10le"
        case "ffv1" | "gif" | "webp" | "png":
            return "bgr0"


def needs_even_size(codec: Codec) -> bool:
    """Whether width and height must be even, because two pixels share their color."""
    return pixel_format(codec) != "bgr0"


def encoded_size(codec: Codec, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in the file: one more pixel where an even number is needed."""
    width, height = size
    return (width + width % 2, height + height % 2) if needs_even_size(codec) else size


def reordered_frames(codec: Codec) -> int:
    """How many frames earlier than it is shown a picture may be stored."""
    return 2 if codec in {"h264", "h265"} else 0


def encoder_options(video: Video, rate: Fraction) -> list[str]:
    """Options of ffmpeg for encoding a segment."""
    second = max(1, round(rate))
    options = [*_color_options(pixel_format(video.codec)), *_codec_options(video), "-fflags", "+bitexact"]
    return [*options, "-g", "1" if pixel_format(video.codec) == "bgr0" else str(second)]


def _color_options(pixels: str) -> list[str]:
    if pixels == "bgr0":
        return ["-pix_fmt", pixels]
    convert = f"scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format={pixels}"
    tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    return ["-vf", convert, *tags]


def _codec_options(video: Video) -> list[str]:
    match video.codec:
        case "h264":  # rate factor 0 would be the lossless profile, which few players can play
            rate_factor = str(min(max(video.quality, 1), 51))
            return ["-c:v", "libx264", "-preset", "medium", "-crf", rate_factor, "-bf", "3", "-threads", "2"]
        case "h265":
            quality = ["-crf", str(min(video.quality, 51)), "-bf", "3", "-tag:v", "hvc1"]
            settings = "log-level=error:open-gop=0:pools=none:frame-threads=1"  # it has crashed with more threads
            return ["-c:v", "libx265", "-preset", "medium", *quality, "-x265-params", settings]
        case "av1":
            return _av1_options(video.quality)
        case "vp9":
            quality = ["-crf", str(video.quality), "-b:v", "0", "-deadline", "good", "-cpu-used", "4"]
            return ["-c:v", "libvpx-vp9", *quality, "-row-mt", "0", "-tile-columns", "1", "-threads", "2"]
        case "prores":
            return ["-c:v", "prores_ks", "-profile:v", "hq", "-vendor", "apl0"]
        case "ffv1" | "gif" | "webp" | "png":
            return ["-c:v", "ffv1", "-level", "3", "-slices", "4", "-slicecrc", "1", "-threads", "2"]


def _av1_options(quality: int) -> list[str]:
    """SVT-AV1 is quicker; older builds of ffmpeg have only the reference encoder."""
    if has_encoder("libsvtav1"):  # with rate factor 0, it would choose one itself
        return ["-c:v", "libsvtav1", "-preset", "7", "-crf", str(max(quality, 1)), "-svtav1-params", "lp=2"]
    speed = ["-cpu-used", "6", "-row-mt", "0", "-threads", "2"]
    return ["-c:v", "libaom-av1", "-crf", str(quality), "-b:v", "0", *speed]
