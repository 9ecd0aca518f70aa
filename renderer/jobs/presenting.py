"""Clean frames to the parts of the film: text over them, and encoded; again whenever either changes."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from os.path import lexists
from pathlib import Path
from threading import Event

from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.common.ffmpeg import EncodingError
from renderer.common.progress import Amount, Progress, note_repairs
from renderer.film.tasks import Picture
from renderer.film.timeline import Seam, Segment
from renderer.jobs.commits import Commits
from renderer.jobs.worker import Observer
from renderer.media.captions import caption_at, check_templates, fill_templates, templates_need_score
from renderer.media.clean_frames import read_pieces
from renderer.media.codecs import CODECS, PASSING_QUALITY, SEGMENT_SUFFIXES, clean_coding, film_coding
from renderer.media.encoding import SegmentEncoder
from renderer.media.overlay import CaptionWriter, text_opacity
from renderer.media.pictures import mix
from renderer.settings.sections import Settings
from renderer.store.files import remove
from renderer.store.records import PartRecord, SegmentRecord, describe, write_record
from renderer.store.run import Run
from renderer.targets.storyboard import Card, OwnValues
from renderer.targets.target import Score

_LOG = logging.getLogger(__name__)


def clean_encoder(run: Run, path: Path) -> SegmentEncoder:
    """What keeps frames as they are dreamed."""
    film = run.settings.film
    quality = PASSING_QUALITY if film.clean_frames == "drop" else film.clean_frames
    return SegmentEncoder(path, (film.width, film.height), film.fps, clean_coding(quality))


def clean_frames(run: Run, record: SegmentRecord, first: int = 0) -> Iterator[Picture]:
    """The frames of a segment without text, from the given one on; raises EncodingError where they cannot be read."""
    film, pieces = run.settings.film, [(run.paths.root / piece.path, piece.frames) for piece in record.clean]
    return read_pieces(pieces, (film.width, film.height), first)


def check_text(settings: Settings) -> None:
    """Find what is wrong with the templates of all text over frames; raises UserError as `check_templates` does."""
    check_templates(settings.overlay.lines)
    for number, entry in enumerate(settings.classes.select):
        match entry:
            case OwnValues(overlay={"lines": lines}):
                check_templates(lines, f"classes.select[{number}].overlay.lines")
            case Card(card=lines):
                check_templates(lines, f"classes.select[{number}].card")
            case _:
                pass


class Presenter:
    """Shows the frames of a run as its film does: chains faded into each other, and text over them."""

    def __init__(self, run: Run, size: tuple[int, int] | None = None) -> None:
        """Prepare.

        Args:
            run: The run.
            size: Width and height of the pictures that are written on, in pixels, which are flat; by default they are
                the frames of the film.

        Raises:
            UserError: The font cannot be read.
        """
        film = run.settings.film
        self.run, self.size = run, size or (film.width, film.height)
        self.writer = CaptionWriter(run.settings.overlay, self.size, "flat" if size else film.projection)
        self.suffix = CODECS[run.settings.video.codec].segment_suffix
        self._needs_scores = templates_need_score(run.lines)

    def is_current(self, seen: SeenRun, segment: Segment, record: SegmentRecord | None) -> bool:
        """Whether a segment, of which the record is there, has a part that is whole and looks as the settings say."""
        return self.current_part(seen, segment, record) is not None

    def current_part(self, seen: SeenRun, segment: Segment, record: SegmentRecord | None) -> PartRecord | None:
        """Record of the part of a segment, if it is there and whole, and looks as the settings say."""
        part = seen.part(segment)
        if part is None or record is None:
            return None
        seam, lead_in = self.seam(segment, seen)
        return part if part.made_from == self.fingerprint(segment, record, seam, lead_in) else None

    def is_outdated(self, seen: SeenRun, segment: Segment, record: SegmentRecord) -> bool:
        """Whether a segment whose clean frames are gone is to look otherwise than its part, which is there.

        A lead-in whose frames are lost is counted as there, for it will be dreamed again as it was.
        """
        part = seen.part(segment)
        seam = self.run.timeline.seam(segment, self.run.fade)
        lead_in = seen.segment(seam.lead_in) if seam else None
        if part is None:
            return False  # Lost, and not changed.
        if self.lacks_scores(record) or (seam and lead_in is None):
            return True
        return part.made_from != self.fingerprint(segment, record, seam, lead_in)

    def is_torn(self, seen: SeenRun, segment: Segment) -> bool:
        """Whether the lead-in is lost that a segment is to fade into."""
        return self.run.timeline.seam(segment, self.run.fade) is not None and self.seam(segment, seen)[0] is None

    def lacks_scores(self, record: SegmentRecord) -> bool:
        """Whether the text is to say what the network sees in each frame, and that is not known yet."""
        return self._needs_scores and record.scores is None

    def seam(self, segment: Segment, seen: SeenRun) -> tuple[Seam | None, SegmentRecord | None]:
        """How a segment fades into the next chain, and the record of that one's lead-in; a lost one is done without."""
        seam = self.run.timeline.seam(segment, self.run.fade)
        record = seen.segment(seam.lead_in) if seam else None
        return (seam, record) if record and seen.has_frames(record) else (None, None)

    def texts(
        self, segment: Segment, record: SegmentRecord, shown: Sequence[int] | None = None
    ) -> list[tuple[str, ...]]:
        """The lines over a segment: of each frame where they are not the same over all, else once for all.

        Args:
            segment: The segment.
            record: Its record.
            shown: As for `caption_at`.
        """
        scores: Sequence[Score | None] = record.scores if self._needs_scores and record.scores else (None,)
        run, has_one = self.run, len(self.run.letterings(segment)) == 1
        position, loops = segment.position, run.settings.film.loop
        captions = [caption_at(run.targets, position, run.titles, score, shown, loops=loops) for score in scores]
        numbers = range(max(len(scores), 1 if has_one else segment.frames))
        return [
            fill_templates(run.lettering(segment, number).overlay.lines, captions[min(number, len(captions) - 1)])
            for number in numbers
        ]

    def mixed(
        self, record: SegmentRecord, seam: Seam | None, lead_in: SegmentRecord | None, first: int = 0
    ) -> Generator[Picture, None, None]:
        """Clean frames from the given one on, mixed with the next chain's lead-in where the chains meet; see `seam`."""
        own = clean_frames(self.run, record, first)
        if seam is None or lead_in is None:
            yield from own
            return
        kept = lead_in.frames - seam.frames
        following = clean_frames(self.run, lead_in, kept + max(first, seam.first) - seam.first)
        for number, picture in enumerate(own, first):
            place = number - seam.first
            yield picture if place < 0 else mix(picture, next(following), (place + 1) / (seam.frames + 1))

    def write(self, picture: Picture, segment: Segment, number: int, texts: Sequence[tuple[str, ...]]) -> Picture:
        """A picture of the presenter's size with the text of a segment's frame over it; `texts` gives the texts."""
        shown, overlay = self.run.lettering(segment, number), self.run.overlay_at(segment, number)
        fps, frame = self.run.settings.film.fps, segment.first_frame + number - shown.first
        opacity = text_opacity(overlay, fps, frame, shown.frames)
        return self.writer.write(picture, texts[min(number, len(texts) - 1)], opacity, overlay)

    def fingerprint(
        self, segment: Segment, record: SegmentRecord, seam: Seam | None, lead_in: SegmentRecord | None
    ) -> str:
        """Of all that a part follows from; the lead-in is the one that it fades into."""
        settings = self.run.settings
        shown = self.run.letterings(segment)
        looks = [one.overlay.model_dump(mode="json", exclude={"lines", "font"}) for one in shown]
        following = [piece.digest for piece in lead_in.clean] if lead_in else None
        text: list[object] = [self.texts(segment, record), looks[0]]
        text += [self.run.file.font, segment.first_frame, segment.class_frames]
        if len(shown) > 1 or shown[0].frames < segment.class_frames:
            text += [looks, [(one.first, one.frames) for one in shown]]
        text += self.run.text_follows(segment)
        return data_digest(
            {
                "frames": [piece.digest for piece in record.clean],
                "text": text if any(one.overlay.lines for one in shown) else None,
                "video": [settings.video.codec, settings.video.quality, settings.film.fps],
                "seam": [following, seam.first, seam.frames] if seam else None,
            }
        )


class PartMaker:
    """Makes the part of one segment; may be aborted by another thread."""

    def __init__(self, presenter: Presenter, segment: Segment, record: SegmentRecord) -> None:
        self._presenter, self._run, self._segment, self._record = presenter, presenter.run, segment, record
        self._aborted = Event()
        self._encoder: SegmentEncoder | None = None

    def abort(self) -> None:
        """Stop; `make` fails then."""
        self._aborted.set()
        if self._encoder:
            self._encoder.abort()

    def make(self) -> None:
        """Read the clean frames, write the text on them and encode them; then they may be dropped.

        Raises:
            EncodingError: ffmpeg failed, or it was aborted.
            OSError: The file cannot be written.
        """
        presenter, segment, paths = self._presenter, self._segment, self._run.paths
        seen = SeenRun(self._run)
        seam, lead_in = presenter.seam(segment, seen)
        path = paths.part(segment.name, presenter.suffix)
        try:
            self._encode(path, self._shown(seam, lead_in))
        except EncodingError:
            if SeenRun(self._run).has_frames(self._record):
                raise
            return  # They were removed in the meantime, which whoever makes the film finds.
        made_from = presenter.fingerprint(segment, self._record, seam, lead_in)
        write_record(paths.part_record(segment.name), PartRecord(part=describe(paths, path), made_from=made_from))
        for other in {paths.part(segment.name, suffix) for suffix in SEGMENT_SUFFIXES} - {path}:
            remove(other)
        _drop_if_asked(presenter, seen, segment, self._record)

    def _encode(self, path: Path, frames: Iterator[Picture]) -> None:
        film, video = self._run.settings.film, self._run.settings.video
        encoder = self._encoder = SegmentEncoder(path, self._presenter.size, film.fps, film_coding(video, film.fps))
        try:
            for frame in frames:
                if self._aborted.is_set():
                    raise EncodingError(f"encoding {path.name} was aborted")
                encoder.write(frame)
            encoder.finish()
        finally:
            encoder.abort()

    def _shown(self, seam: Seam | None, lead_in: SegmentRecord | None) -> Iterator[Picture]:
        """The frames as the film has them."""
        presenter, texts = self._presenter, self._presenter.texts(self._segment, self._record)
        for number, picture in enumerate(presenter.mixed(self._record, seam, lead_in)):
            yield presenter.write(picture, self._segment, number, texts)


def make_parts(
    run: Run, segments: Sequence[Segment], records: Mapping[str, SegmentRecord], progress: Progress | None
) -> None:
    """Make the parts of segments that are missing, damaged, or look otherwise than the settings say.

    Args:
        run: The run.
        segments: The segments.
        records: Their records, by name.
        progress: Is told how far it is.

    Raises:
        EncodingError: ffmpeg failed.
        OSError: A file cannot be written.
    """
    presenter, seen = Presenter(run), SeenRun(run, thorough=True)
    current = {one for one in segments if presenter.is_current(seen, one, records[one.name])}
    pending = [one for one in segments if one not in current]
    lost = [one.name for one in pending if lexists(run.paths.part_record(one.name)) and seen.part(one) is None]
    note_repairs(progress, "encoded parts", lost, "made again")
    if pending:
        _make_pending(presenter, pending, segments, records, progress)
    for segment in current:  # Also of those that were made before this was asked for.
        _drop_if_asked(presenter, seen, segment, records[segment.name])


def _make_pending(
    presenter: Presenter,
    pending: Sequence[Segment],
    segments: Sequence[Segment],
    records: Mapping[str, SegmentRecord],
    progress: Progress | None,
) -> None:
    total, left = (
        Amount(sum(one.frames for one in some), sum(one.ends_class for one in some)) for some in (segments, pending)
    )
    if progress:
        progress.begin("encoded frames", total=total, done=total - left)
    with Commits(grace_seconds=0) as commits:
        for segment in pending:
            maker = PartMaker(presenter, segment, records[segment.name])
            commits.submit(maker.make, maker.abort)
        for segment in pending:
            commits.settle_next()
            if progress:
                title = presenter.run.targets[segment.position].title
                progress.advance(Amount(segment.frames, int(segment.ends_class)), [title])
    if progress:
        progress.end()


def _drop_if_asked(presenter: Presenter, seen: SeenRun, segment: Segment, record: SegmentRecord) -> None:
    """Forget the clean frames of a segment whose part is made, if none are to be kept."""
    run = presenter.run
    if run.settings.film.clean_frames != "drop" or presenter.lacks_scores(record):
        return
    if presenter.is_torn(seen, segment):
        return  # It will be made again.
    if not record.dropped:
        write_record(run.paths.segment_record(segment.name), record.model_copy(update={"dropped": True}))
    for piece in record.clean:
        remove(run.paths.root / piece.path)


def lacking_scores(run: Run, records: Mapping[str, SegmentRecord]) -> list[Segment]:
    """The segments over which the text is to say what the network sees in each frame, and that is not known yet."""
    presenter = Presenter(run)
    found = ((segment, records.get(segment.name)) for segment in run.timeline.segments)
    return [segment for segment, record in found if record and presenter.lacks_scores(record)]


def keep_scores(
    run: Run, segments: Sequence[Segment], records: Mapping[str, SegmentRecord], observer: Observer, progress: Progress
) -> None:
    """Have the network look at the frames of segments, and keep what it says.

    Args:
        run: The run.
        segments: The segments; see `lacking_scores`.
        records: Their records, by name.
        observer: Asks the network.
        progress: Is told how far it is.
    """
    total = Amount(sum(segment.frames for segment in segments), len(segments))
    progress.begin("frames looked at", total=total, done=Amount(0, 0))
    for segment in segments:
        frames = clean_frames(run, records[segment.name])
        scores = tuple(observer.score(run.targets[segment.position].aim, frame) for frame in frames)
        told = records[segment.name].model_copy(update={"scores": scores})
        write_record(run.paths.segment_record(segment.name), told)
        _LOG.info("segment %s was looked at", segment.name)
        progress.advance(Amount(segment.frames, 1), [run.targets[segment.position].title])
    progress.end()
