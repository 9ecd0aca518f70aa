"""The film from the segments that are there, with its titles as chapters and subtitles."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from renderer.atlas.index import stretches
from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.progress import Progress, note_repairs
from renderer.film.timeline import Segment
from renderer.jobs.presenting import Presenter, make_parts
from renderer.media.chapters import Chapter, vtt_text, write_vtt
from renderer.media.codecs import CODECS, FILM_SUFFIXES
from renderer.media.joining import Piece, assemble_film, probe_encoder
from renderer.settings.sections import Video
from renderer.store.absent import fetch_absent
from renderer.store.files import digest, remove
from renderer.store.plain_files import is_plain_file
from renderer.store.records import (
    FileRecord,
    FilmRecord,
    SegmentRecord,
    describe,
    is_intact,
    read_record,
    speaks_of,
    write_record,
)
from renderer.store.run import Run
from renderer.store.run_file import current_versions

_LOG = logging.getLogger(__name__)


def assemble_segments(run: Run, records: Mapping[str, SegmentRecord], progress: Progress | None = None) -> FilmRecord:
    """Join the segments that have a record, at least one, to the film; a film that is up to date is kept.

    Args:
        run: The run.
        records: Records of the segments that are whole, by name.
        progress: Is told what was damaged.

    Raises:
        UserError: The sound cannot be used.
        EncodingError: ffmpeg failed.
        OSError: The film cannot be written.
    """
    segments = [segment for segment in run.timeline.segments if segment.name in records]
    make_parts(run, segments, records, progress)
    return _join(run, segments, records, progress)


def assemble_beside(run: Run, records: Mapping[str, SegmentRecord]) -> FilmRecord:
    """Join what is encoded already, while another process is at work on the run; raises as `assemble_segments`."""
    seen, presenter = SeenRun(run), Presenter(run)
    found = [(segment, records[segment.name]) for segment in run.timeline.segments if segment.name in records]
    segments = [segment for segment, record in found if presenter.is_current(seen, segment, record)]
    if not segments:
        raise UserError(f"{run.paths.root}: no segment of the film is encoded yet; wait for the process that is at it")
    return _join(run, segments, records, None)


def _join(
    run: Run, segments: Sequence[Segment], records: Mapping[str, SegmentRecord], progress: Progress | None
) -> FilmRecord:
    seen, presenter = SeenRun(run, thorough=True), Presenter(run)
    pieces = [_piece(seen, presenter, segment, records[segment.name]) for segment in segments]
    chapters = _chapters(run, segments)
    video = _titled(run)
    made_from = _fingerprint(run, [part.digest for _, part in pieces], video)
    found = seen.film
    if found and found.made_from == made_from:
        _write_subtitles(run, chapters, progress)
        return found
    if found is None and seen.lost_film:
        film = run.paths.film(CODECS[video.codec].film_suffix)
        note_repairs(progress, "the film", [film.name], "assembled again")
    _write_subtitles(run, chapters, None)
    return _assemble(run, segments, [piece for piece, _ in pieces], chapters, video, made_from)


def is_film_current(seen: SeenRun, records: Mapping[str, SegmentRecord]) -> bool:
    """Whether the film is there, has all that is shown, and looks and sounds as the settings say.

    Args:
        seen: The run.
        records: Records of the segments that are whole, by name.

    Raises:
        UserError: The font cannot be read.
    """
    run, presenter = seen.run, Presenter(seen.run)
    made = [presenter.current_part(seen, one, records.get(one.name)) for one in run.timeline.segments]
    parts = [part.part.digest for part in made if part]
    return bool(seen.film and len(parts) == len(made) and seen.film.made_from == _fingerprint(run, parts, _titled(run)))


def restore_subtitles(run: Run, film: FilmRecord, progress: Progress | None) -> None:
    """Write the subtitles of a film that is there again, if they are missing or damaged."""
    segments = [segment for segment in run.timeline.segments if segment.name in set(film.segments)]
    _write_subtitles(run, _chapters(run, segments), progress)


def _chapters(run: Run, segments: Sequence[Segment]) -> list[Chapter]:
    return [
        Chapter(run.targets[stretch.position].title, stretch.start_frame, stretch.frames)
        for stretch in stretches(segments)
    ]


def _write_subtitles(run: Run, chapters: Sequence[Chapter], progress: Progress | None) -> None:
    path, fps = run.paths.subtitles, run.settings.film.fps
    if not run.settings.video.subtitles:
        if is_plain_file(path):
            remove(path)
    elif not is_plain_file(path) or path.read_bytes() != vtt_text(chapters, fps).encode():
        note_repairs(progress, "subtitles", [path.name], "written again")
        write_vtt(path, chapters, fps)


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
    film, titles = run.settings.film, [target.title for target in run.targets]
    probe_encoder((film.width, film.height), film.fps, _titled(run), titles, folder)


def _piece(seen: SeenRun, presenter: Presenter, segment: Segment, record: SegmentRecord) -> tuple[Piece, FileRecord]:
    """What the film is joined from, as it was recorded."""
    part = presenter.current_part(seen, segment, record)
    if part is None:
        raise UserError(f"{segment.name}: removed or damaged; `render` makes it again")
    return Piece(seen.paths.root / part.part.path, segment.frames), part.part


def _assemble(
    run: Run,
    segments: Sequence[Segment],
    pieces: Sequence[Piece],
    chapters: Sequence[Chapter],
    video: Video,
    made_from: str,
) -> FilmRecord:
    path = run.paths.film(CODECS[video.codec].film_suffix)
    _LOG.info("the film begins: %d segments", len(pieces))
    fetch_absent(*(piece.path for piece in pieces))
    film, repeats = run.settings.film, run.source_sound is None
    is_panorama = film.projection == "equirectangular"
    assemble_film(path, pieces, chapters, film.fps, video, repeats=repeats, is_panorama=is_panorama)
    _LOG.info("the film is whole: %s", path.name)
    record = FilmRecord(
        film=describe(run.paths, path),
        segments=tuple(segment.name for segment in segments),
        frames=sum(segment.frames for segment in segments),
        made_from=made_from,
    )
    _remove_other(run, path)
    write_record(run.paths.film_record, record)
    return record


def _remove_other(run: Run, path: Path) -> None:
    """Remove the film that there was, if it has another suffix; it shows what the settings no longer say."""
    old = read_record(run.paths.film_record, FilmRecord)
    films = [run.paths.film(suffix) for suffix in FILM_SUFFIXES]
    for film in films:
        if old and film != path and speaks_of(run.paths, old.film, film) and is_intact(run.paths, old.film):
            remove(film)


def _titled(run: Run) -> Video:
    """The video's settings with a title, a comment and a sound for all who ask nothing else."""
    video, settings = run.settings.video, run.settings
    audio = run.source_sound if CODECS[video.codec].container else None
    program = f"neuron-atlas {current_versions()['neuron-atlas']}"
    comment = f"Dreams of {settings.network.names}, made with {program}, seed {settings.run.seed}"
    return video.model_copy(
        update={"title": video.title or run.name, "comment": video.comment or comment, "audio": video.audio or audio}
    )


def _fingerprint(run: Run, parts: Sequence[str], video: Video) -> str:
    """Of all that a film follows from; `parts` are the digests of what it is joined from."""
    titles = [target.title for target in run.targets]
    audio = digest(video.audio) if video.audio and video.audio.is_file() else None
    return data_digest([parts, titles, video.model_dump(mode="json"), audio])
