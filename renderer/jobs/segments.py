"""The film's segments: rounds are dreamed by a worker, and each segment is encoded beside it and then committed."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from types import TracebackType

import numpy as np

from renderer.dream.health import Health
from renderer.jobs.film_captions import caption_for
from renderer.jobs.live import Live
from renderer.jobs.plan import Plan, PlannedSegment
from renderer.jobs.progress import Amount, note_health
from renderer.jobs.session import Run
from renderer.jobs.stills import make_film_still
from renderer.jobs.worker import Frame, Picture, SegmentTask, Worker
from renderer.media.captions import templates_need_score
from renderer.media.codecs import SEGMENT_SUFFIX
from renderer.media.encoding import SegmentEncoder
from renderer.media.overlay import CaptionWriter, text_opacity
from renderer.media.pictures import load_picture, save_still
from renderer.store.records import SegmentRecord, describe, write_record
from renderer.store.tails import read_pictures, write_pictures

_LOG = logging.getLogger(__name__)
_COMMITS_AT_ONCE = 4
_GRACE_SECONDS = 5.0


def render_film(run: Run, plan: Plan, worker: Worker, live: Live) -> None:
    """Compute the planned rounds; everything that is finished is on the disk at once."""
    live.begin("frames", total=_everything(run), done=_done(run, plan))
    film = run.settings.film
    writer = CaptionWriter(run.settings.overlay, (film.width, film.height))
    missing = Counter(item.segment.position for items in plan.rounds for item in items if item.film)
    for items in plan.rounds:
        _render_round(run, items, worker, writer, _Shown(live, run, items, missing))
    live.end()


class _Shown:
    """Tells the progress of one round."""

    def __init__(self, live: Live, run: Run, items: Sequence[PlannedSegment], missing: Counter[int]) -> None:
        self._live, self._items, self._missing = live, items, missing
        self._records = [run.classes[item.segment.position] for item in items]
        self._titles = list(dict.fromkeys(record.title for record in self._records))
        self._health = [Health() for _ in items]

    def frame(self, frame: Frame) -> None:
        self._live.advance(Amount(1, 0), self._titles)
        if frame.task == 0:
            self._live.show(frame.picture, self._titles[0])
        self._health[frame.task] += frame.health
        if frame.number + 1 == self._items[frame.task].segment.frames:
            note_health(self._live, self._records[frame.task], self._health[frame.task])

    def segment(self, item: PlannedSegment) -> None:
        if item.film:
            self._missing[item.segment.position] -= 1
            finished = self._missing[item.segment.position] == 0
            self._live.advance(Amount(0, int(finished)), self._titles)


class SegmentSink:
    """Takes the frames of one segment and leaves its files; what is not committed at the end is removed."""

    def __init__(self, run: Run, item: PlannedSegment, writer: CaptionWriter) -> None:
        self._run, self._item, self._writer = run, item, writer
        self._tail: deque[Picture] = deque(maxlen=run.fade)
        self._last: Frame | None = None
        self._next_chain = read_pictures(run.paths.tail(item.seam.lead_in.name)) if item.seam and item.film else None
        self._encoder: SegmentEncoder | None = None

    def __enter__(self) -> SegmentSink:
        film, segment = self._run.settings.film, self._item.segment
        if self._item.film:
            path = self._run.paths.segment(segment.name, SEGMENT_SUFFIX[self._run.settings.video.codec])
            self._encoder = SegmentEncoder(path, (film.width, film.height), film.fps, self._run.settings.video)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is full is being committed in another thread, which is waited for.
        if not self.is_full:
            self.abort()

    @property
    def is_full(self) -> bool:
        """Whether all frames are there."""
        return self._last is not None and self._last.number + 1 == self._item.segment.frames

    def add(self, frame: Frame) -> None:
        """Take the next frame."""
        self._last = frame
        self._tail.append(frame.picture)
        if self._encoder:
            self._encoder.write(self._with_text(frame))

    def abort(self) -> None:
        """Stop encoding, if it goes on yet; a commit that waits for it fails then."""
        if self._encoder:
            self._encoder.abort()

    def commit(self, seconds: float) -> None:
        """Make everything last: the files, and at the very end the record."""
        run, item, name = self._run, self._item, self._item.segment.name
        if self._last is None or not self.is_full:
            raise RuntimeError(f"segment {name} is not complete")
        if self._encoder:
            self._encoder.finish()
        if item.picture:
            save_still(run.paths.picture(name), self._last.picture)
        if item.tail:
            write_pictures(run.paths.tail(name), list(self._tail))
        record = _describe_segment(run, item, self._last, seconds)
        write_record(run.paths.segment_record(name), record)
        _LOG.info("segment %s is whole: %d frames", name, item.segment.frames)
        if item.segment.ends_class and not item.segment.is_lead_in:
            make_film_still(run, item.segment.position, record)

    def _with_text(self, frame: Frame) -> Picture:
        settings, segment = self._run.settings, self._item.segment
        number = segment.first_frame + frame.number
        opacity = text_opacity(settings.overlay, settings.film.fps, number, segment.class_frames)
        return self._writer.write(self._mixed(frame), caption_for(self._run, segment.position, frame.score), opacity)

    def _mixed(self, frame: Frame) -> Picture:
        """The frame, mixed with the next chain's lead-in where the chains meet."""
        seam = self._item.seam
        if seam is None or self._next_chain is None or frame.number < seam.first:
            return frame.picture
        place = frame.number - seam.first
        return mix(frame.picture, self._next_chain[place], (place + 1) / (seam.frames + 1))


def mix(old: Picture, new: Picture, share: float) -> Picture:
    """Mix two pictures; `share` in [0, 1] is that of the new one."""
    mixed = old.astype(np.float32) * np.float32(1 - share) + new.astype(np.float32) * np.float32(share)
    return np.rint(mixed).astype(np.uint8)


def _render_round(
    run: Run, items: Sequence[PlannedSegment], worker: Worker, writer: CaptionWriter, shown: _Shown
) -> None:
    began = time.monotonic()
    names = ", ".join(item.segment.name for item in items)
    _LOG.info("round begins: %s", names)
    tasks = [SegmentTask(item.segment, _start(run, item)) for item in items]
    score_all = templates_need_score(run.settings.overlay.lines)
    commits: list[Future[None]] = []
    sinks = {place: SegmentSink(run, item, writer) for place, item in enumerate(items) if item.is_missing}
    with ThreadPoolExecutor(_COMMITS_AT_ONCE) as pool, _ended_soon(commits, sinks), ExitStack() as stack:
        for sink in sinks.values():
            stack.enter_context(sink)
        for given, frame in enumerate(worker.segments(tasks, score_all=score_all), 1):
            shown.frame(frame)
            if frame.task not in sinks:
                continue
            sink = sinks[frame.task]
            sink.add(frame)
            if sink.is_full:
                share = items[frame.task].segment.frames / given
                commits.append(pool.submit(sink.commit, (time.monotonic() - began) * share))
                shown.segment(items[frame.task])
        for commit in commits:
            commit.result()
    if len(commits) < len(sinks):
        raise RuntimeError("the worker ended before all segments were complete")
    _LOG.info("round ends after %.1f s: %s", time.monotonic() - began, names)


@contextmanager
def _ended_soon(commits: Sequence[Future[None]], sinks: Mapping[int, SegmentSink]) -> Iterator[None]:
    """Where a round ends early, wait for what is being committed, but not for an ffmpeg that is stuck."""
    try:
        yield
    except BaseException:
        wait(commits, _GRACE_SECONDS)
        for sink in sinks.values():
            sink.abort()
        raise


def _start(run: Run, item: PlannedSegment) -> Picture | None:
    return load_picture(run.paths.picture(item.before.name)) if item.before else None


def _describe_segment(run: Run, item: PlannedSegment, last: Frame, seconds: float) -> SegmentRecord:
    paths, segment = run.paths, item.segment
    film = paths.segment(segment.name, SEGMENT_SUFFIX[run.settings.video.codec])
    return SegmentRecord(
        frames=segment.frames,
        film=None if segment.is_lead_in else describe(paths, film),
        picture=describe(paths, paths.picture(segment.name)),
        tail=describe(paths, paths.tail(segment.name)) if segment.is_lead_in and run.fade else None,
        score=last.score,
        seconds=seconds,
    )


def _everything(run: Run) -> Amount:
    frames = sum(segment.frames for chain in run.timeline.chains for segment in chain)
    return Amount(frames, len(run.classes))


def _done(run: Run, plan: Plan) -> Amount:
    total = _everything(run)
    frames = sum(item.segment.frames for items in plan.rounds for item in items)
    classes = {item.segment.position for items in plan.rounds for item in items if item.film}
    return Amount(total.pictures - frames, total.classes - len(classes))
