"""The film from the segments that are there, with its titles as chapters and subtitles."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from renderer.atlas.index import network_name, stretches
from renderer.film.timeline import Segment
from renderer.jobs.session import Run
from renderer.media.chapters import Chapter, write_vtt
from renderer.media.codecs import FILM_SUFFIX, SEGMENT_SUFFIX
from renderer.media.joining import Piece, assemble_film, probe_encoder
from renderer.settings.sections import Video
from renderer.store.files import digest
from renderer.store.fingerprint import fingerprint
from renderer.store.records import (
    FilmRecord,
    SegmentRecord,
    describe,
    is_intact,
    read_record,
    write_record,
)
from renderer.store.run_file import current_versions

_LOG = logging.getLogger(__name__)


def assemble_segments(run: Run, records: Mapping[str, SegmentRecord]) -> FilmRecord:
    """Join the segments that have a record, at least one, to the film; a film that is up to date is kept.

    Raises:
        UserError: The sound cannot be used.
        EncodingError: ffmpeg failed.
        OSError: The film cannot be written.
    """
    segments = [segment for segment in run.timeline.segments if segment.name in records]
    chapters = [
        Chapter(run.classes[stretch.position].title, stretch.start_frame, stretch.frames)
        for stretch in stretches(segments)
    ]
    video = _titled(run)
    if video.subtitles:
        write_vtt(run.paths.subtitles, chapters, run.settings.film.fps)
    else:
        run.paths.subtitles.unlink(missing_ok=True)
    made_from = _fingerprint(run, segments, records, video)
    found = read_record(run.paths.film_record, FilmRecord)
    if found and found.made_from == made_from and is_intact(run.paths, found.film):
        return found
    return _assemble(run, segments, chapters, video, made_from)


def try_assembly(run: Run, folder: Path) -> None:
    """Assemble two frames as the film will be, with its titles and its sound; better now than after a night.

    Args:
        run: The run.
        folder: Where to try it; nothing is left there.

    Raises:
        UserError: The sound, or a text for the metadata, cannot be used.
        EncodingError: ffmpeg cannot do it.
        OSError: The folder cannot be written to.
    """
    film, titles = run.settings.film, [record.title for record in run.classes]
    probe_encoder((film.width, film.height), film.fps, _titled(run), titles, folder)


def _assemble(
    run: Run, segments: Sequence[Segment], chapters: Sequence[Chapter], video: Video, made_from: str
) -> FilmRecord:
    path = run.paths.film(FILM_SUFFIX[video.codec])
    pieces = [
        Piece(run.paths.segment(segment.name, SEGMENT_SUFFIX[video.codec]), segment.frames) for segment in segments
    ]
    _LOG.info("the film begins: %d segments", len(pieces))
    assemble_film(path, pieces, chapters, run.settings.film.fps, video)
    _LOG.info("the film is whole: %s", path.name)
    record = FilmRecord(
        film=describe(run.paths, path),
        segments=tuple(segment.name for segment in segments),
        frames=sum(segment.frames for segment in segments),
        made_from=made_from,
    )
    write_record(run.paths.film_record, record)
    return record


def _titled(run: Run) -> Video:
    """The video's settings with a title and a comment for all who ask nothing else."""
    video, settings = run.settings.video, run.settings
    program = f"neuron-atlas {current_versions()['neuron-atlas']}"
    comment = f"Dreams of {network_name(settings.network)}, made with {program}, seed {settings.run.seed}"
    return video.model_copy(update={"title": video.title or run.name, "comment": video.comment or comment})


def _fingerprint(run: Run, segments: Sequence[Segment], records: Mapping[str, SegmentRecord], video: Video) -> str:
    files = [record.film.digest for segment in segments if (record := records[segment.name]).film]
    titles = [record.title for record in run.classes]
    audio = digest(video.audio) if video.audio and video.audio.is_file() else None
    return fingerprint([files, titles, video.model_dump(mode="json"), audio])
