"""The titles along the film: as chapters, and as subtitles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from renderer.common.ffmpeg import frame_rate
from renderer.store.files import write_whole


@dataclass(frozen=True)
class Chapter:
    """The frames of one class.

    Attributes:
        title: What it is called.
        start_frame: Number of its first frame within the film, from 0.
        frames: How many frames it has.
    """

    title: str
    start_frame: int
    frames: int

    @property
    def end_frame(self) -> int:
        """Number of the frame after its last one."""
        return self.start_frame + self.frames


def write_vtt(path: Path, chapters: Sequence[Chapter], fps: float) -> None:
    """Write the titles as a WebVTT file, whole or not at all."""
    write_whole(path, vtt_text(chapters, fps).encode())


def vtt_text(chapters: Sequence[Chapter], fps: float) -> str:
    """The titles as WebVTT."""
    rate = frame_rate(fps)
    cues = []
    for chapter in chapters:
        times = f"{_timestamp(chapter.start_frame / rate)} --> {_timestamp(chapter.end_frame / rate)}"
        cues.append(f"{times}\n{_vtt_escape(chapter.title)}\n")
    return "\n".join(["WEBVTT\n", *cues])


def chapters_text(chapters: Sequence[Chapter], fps: float) -> str:
    """The chapters in ffmpeg's format for metadata."""
    rate = frame_rate(fps)
    lines = [";FFMETADATA1"]
    for chapter in chapters:
        lines += [
            "[CHAPTER]",
            f"TIMEBASE={rate.denominator}/{rate.numerator}",
            f"START={chapter.start_frame}",
            f"END={chapter.end_frame}",
            f"title={_metadata_escape(chapter.title)}",
        ]
    return "\n".join([*lines, ""])


def _timestamp(seconds: Fraction) -> str:
    """Hours, minutes, seconds and milliseconds, rounded down so that the last cue does not end after the film."""
    milliseconds = int(seconds * 1000)
    whole = milliseconds // 1000
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds % 1000:03d}"


def _vtt_escape(title: str) -> str:
    """A cue ends at an empty line, and takes `&` and `<` for markup."""
    lines = (line.strip() for line in _plain(title).split("\n"))
    text = "\n".join(line for line in lines if line)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _metadata_escape(title: str) -> str:
    """A backslash at the end, even an escaped one, would join the next line to this one; so a space follows it."""
    text = re.sub(r"([=;#\\\n])", r"\\\1", _plain(title))
    return f"{text} " if text.endswith("\\") else text


def _plain(title: str) -> str:
    """With one kind of line break, and without other control characters, at which some programs end a text."""
    text = re.sub(r"\r\n?|[\v\f\x85\u2028\u2029]", "\n", title)
    return re.sub(r"[\x00-\x09\x0e-\x1f\x7f]", " ", text)
