"""The film from its segments: joined as they are where the codec allows, with chapters, titles and sound."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from jaxtyping import UInt8

from renderer.common import ffmpeg
from renderer.common.errors import UserError
from renderer.media import codecs
from renderer.media.chapters import Chapter, chapters_text, vtt_text
from renderer.media.encoding import SegmentEncoder
from renderer.media.quicktime import QUICKTIME_SUFFIXES, hide_subtitles
from renderer.media.sound import check_audio, cut_audio
from renderer.media.spherical import mark_as_panorama
from renderer.settings.sections import Video
from renderer.store.files import whole_file, work_folder

Picture = UInt8[np.ndarray, "height width 3"]

_GIF_FPS = 50  # players show faster ones ten times too slow
_LONGEST_ENTRY = 100_000  # bytes that a system takes as one argument of a program
_FULLWIDTH_BRACES = str.maketrans("{}", "\uff5b\uff5d")


@dataclass(frozen=True)
class Piece:
    """A finished segment: its file, and how many frames it has."""

    path: Path
    frames: int


def assemble_film(  # noqa: PLR0913
    path: Path,
    pieces: Sequence[Piece],
    chapters: Sequence[Chapter],
    fps: float,
    video: Video,
    *,
    repeats: bool = True,
    is_panorama: bool = False,
) -> None:
    """Join segments to the film, whole or not at all.

    Args:
        path: The file to be, with the suffix that `CODECS` has for the codec; for `png` a folder.
        pieces: At least one segment, in order, all encoded with the same settings.
        chapters: One for each class.
        fps: Frames per second.
        video: Codec; whether chapters and subtitles are wanted; title, comment and sound.
        repeats: Whether a sound that is too short is repeated; else there is silence after it.
        is_panorama: Whether the frames are equirectangular, which MP4 and QuickTime files can say.

    Raises:
        UserError: The sound cannot be used, or a text is too long for the film's metadata.
        EncodingError: ffmpeg failed.
        OSError: The film cannot be written.
    """
    check_audio(video)
    with whole_file(path) as temporary, work_folder(path) as work:
        film = _Assembly(work, f"film{path.suffix}", pieces, ffmpeg.frame_rate(fps), video, repeats)
        match video.codec:
            case "gif":
                film.make_gif()
            case "webp":
                film.make_webp()
            case "png":
                film.make_pictures()
            case codec:
                film.join(chapters, codecs.container_of(codec))
                if path.suffix in QUICKTIME_SUFFIXES:
                    hide_subtitles(work / film.output)
                    if is_panorama:
                        mark_as_panorama(work / film.output)
        (work / film.output).rename(temporary)


def write_film(
    path: Path, frames: Iterable[Picture], chapters: Sequence[Chapter], size: tuple[int, int], fps: float, video: Video
) -> None:
    """Make a film of frames as they come, whole or not at all; few of them are in memory.

    Args:
        path: The file to be, in a folder that is there; as for `assemble_film`, as also `chapters` and `video`.
        frames: One at least.
        chapters: One for each class.
        size: Width and height of the frames in pixels.
        fps: Frames per second.
        video: Codec, quality, and what else the film is to hold.

    Raises:
        UserError: As `assemble_film`.
        EncodingError: ffmpeg failed.
        OSError: The film cannot be written.
    """
    with work_folder(path.with_stem(f"{path.stem}-frames")) as work:
        segment, count = work / f"segment{codecs.CODECS[video.codec].segment_suffix}", 0
        encoder = SegmentEncoder(segment, size, fps, codecs.film_coding(video, fps))
        try:
            for frame in frames:
                encoder.write(frame)
                count += 1
            encoder.finish()
        finally:
            encoder.abort()
        assemble_film(path, [Piece(segment, count)], chapters, fps, video)


def probe_encoder(
    size: tuple[int, int], fps: float, video: Video, titles: Sequence[str] = ("probe",), folder: Path | None = None
) -> None:
    """Encode and assemble two frames, to find out before a render whether it can be done.

    Args:
        size: Width and height of the frames in pixels.
        fps: Frames per second.
        video: Everything that `assemble_film` is to be given.
        titles: The titles of the chapters.
        folder: Where the film will be; nothing is left there. Without it, a folder for temporary files.

    Raises:
        UserError: The sound cannot be used, or a text is too long for the film's metadata.
        EncodingError: ffmpeg cannot do it.
        OSError: The folder cannot be written to.
    """
    width, height = size
    facts = codecs.CODECS[video.codec]
    with work_folder((folder or Path(gettempdir())) / "probe") as work:
        # All titles, though there are not as many frames: it is the texts that may be refused.
        chapters = [Chapter(title, start, 1) for start, title in enumerate(titles)]
        frames = [np.full((height, width, 3), brightness, np.uint8) for brightness in (0, 255)]
        write_film(work / f"film{facts.film_suffix}", frames, chapters, size, fps, video)


@dataclass(frozen=True)
class _Assembly:
    """A film that is being assembled.

    ffmpeg works in the folder and is given names from there: it cannot read every path from a list.

    Attributes:
        work: Folder for lists, and for the film until it is whole.
        output: Name of the file to write there.
        pieces: The segments.
        rate: Exact frames per second.
        video: The settings.
        repeats: Whether a sound that is too short is repeated.
    """

    work: Path
    output: str
    pieces: Sequence[Piece]
    rate: Fraction
    video: Video
    repeats: bool

    def join(self, chapters: Sequence[Chapter], container: codecs.Container) -> None:
        """Copy the encoded frames into one file, with all that its container can hold."""
        inputs = [*self._pieces_input(), "-f", "ffmetadata", "-i", self._write_chapters(chapters)]
        outputs = ["-map", "0:v:0", "-c:v", "copy", "-bsf:v", self._uniform_timestamps()]
        if self.video.subtitles and chapters:
            inputs += ["-i", self._write_subtitles(chapters, container.subtitles)]
            outputs += ["-map", "2:s:0", "-c:s", container.subtitles, "-disposition:s", "0"]
        if self.video.audio is not None:
            outputs += ["-map", f"{inputs.count('-i')}:a:0", "-c:a", container.audio]
            inputs += ["-i", self._write_sound(self.video.audio)]
        options = ["-map_metadata:g", "-1", "-map_chapters", "1", *self._metadata(), *container.options]
        file = ["-fflags", "+bitexact", self.output]
        self._run([*inputs, *outputs, *options, *file])

    def make_gif(self) -> None:
        """Choose the colors from the whole film, then use them."""
        palette, colors = "palette.png", codecs.gif_colors(self.video.quality)
        # Dreams have nearly as many colors as pixels; counted in 15 bits that takes a fifth of the time.
        count = f"format=rgb555le,palettegen=max_colors={colors}"
        dither = "sierra2_4a" if colors == codecs.MOST_GIF_COLORS else "bayer:bayer_scale=3"  # which is packed smaller
        timing = f"{self._timing()},fps={_GIF_FPS}" if self.rate > _GIF_FPS else self._timing()
        self._run([*self._pieces_input(), "-vf", f"{timing},{count}", "-frames:v", "1", "-update", "1", palette])
        use = f"[0:v]{timing}[film];[film][1:v]paletteuse=dither={dither}"
        last = max(1, round(100 / min(float(self.rate), _GIF_FPS)))  # hundredths of a second
        looping = ["-fps_mode", "passthrough", "-loop", "0", "-final_delay", str(last)]
        self._run([*self._pieces_input(), "-i", palette, "-lavfi", use, *looping, self.output])

    def make_webp(self) -> None:
        """Encode an endless animation; the quality is turned into WebP's, 0 to 100."""
        quality = ["-quality", str(round(100 - self.video.quality * 100 / 63)), "-compression_level", "4"]
        encoder = ["-c:v", "libwebp_anim", *quality, "-loop", "0", "-fps_mode", "passthrough"]
        self._run([*self._pieces_input(), "-vf", self._timing(), *encoder, self.output])

    def make_pictures(self) -> None:
        """Write a folder of numbered pictures."""
        (self.work / self.output).mkdir()
        pattern = f"{self.output}/%06d.png"
        numbering = ["-start_number", "1", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "image2"]
        self._run([*self._pieces_input(), *numbering, pattern])

    def _run(self, arguments: Sequence[str]) -> None:
        """Run ffmpeg; without -xerror it would end the film, and report no error, at a segment that it cannot read."""
        ffmpeg.run(["-xerror", *arguments], f"assembling the film ({self.video.codec})", self.work)

    def _pieces_input(self) -> list[str]:
        """A list file, since a command line has no room for thousands of paths.

        The durations are those of the exact film in microseconds, so that rounding does not add up.
        """
        lines = ["ffconcat version 1.0"]
        start = 0
        for piece in self.pieces:
            end = start + piece.frames
            duration = round(end * 1_000_000 / self.rate) - round(start * 1_000_000 / self.rate)
            path = os.path.relpath(piece.path.absolute(), self.work.absolute())
            lines += ["file '" + path.replace("'", r"'\''") + "'", f"duration {duration}us"]
            start = end
        listing = self.work / "pieces.txt"
        listing.write_bytes(os.fsencode("\n".join([*lines, ""])))
        return ["-f", "concat", "-safe", "0", "-i", listing.name]

    def _write_chapters(self, chapters: Sequence[Chapter]) -> str:
        file = self.work / "chapters.txt"
        text = chapters_text(chapters if self.video.chapters else (), float(self.rate))
        file.write_text(text, encoding="utf-8", newline="\n")
        return file.name

    def _write_subtitles(self, chapters: Sequence[Chapter], codec: str) -> str:
        """WebVTT, from which ffmpeg makes what the container needs; for MP4 it does not convert braces correctly."""
        file = self.work / "titles.vtt"
        text = vtt_text(chapters, float(self.rate))
        file.write_text(text.translate(_FULLWIDTH_BRACES) if codec == "mov_text" else text, encoding="utf-8")
        return file.name

    def _write_sound(self, audio: Path) -> str:
        file = self.work / "sound.flac"
        frames = sum(piece.frames for piece in self.pieces)
        try:
            cut_audio(audio, file, frames / self.rate, repeats=self.repeats)
        except ffmpeg.EncodingError as error:
            raise UserError(
                f"video.audio: {error}\nGive a sound file that plays from its beginning to its end"
            ) from error
        return file.name

    def _metadata(self) -> list[str]:
        options = []
        for key, text in (("title", self.video.title), ("comment", self.video.comment)):
            if text and len(os.fsencode(text)) > _LONGEST_ENTRY:
                raise UserError(f"video.{key}: too long for the film's metadata; at most {_LONGEST_ENTRY} bytes")
            if text:
                options += ["-metadata", f"{key}=" + text.replace("\0", " ")]  # which would end it
        return options

    def _uniform_timestamps(self) -> str:
        """Number the frames again over the whole film.

        Where a codec stores pictures before they are shown, each segment begins with decoding times before its first
        frame, and these differ between short and long segments. Just put together, they would not always rise.
        """
        tick = f"(TB*{self.rate})"
        ahead = codecs.CODECS[self.video.codec].reordered
        return f"setts=pts=round(round(PTS*{tick})/{tick}):dts=round((N-{ahead})/{tick})"

    def _timing(self) -> str:
        return f"setpts=N/({self.rate})/TB"
