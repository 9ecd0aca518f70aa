"""The film's segments: batches are dreamed by a worker, and each segment is encoded beside it and then committed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType

from renderer.atlas.seen import SeenRun
from renderer.common.progress import Amount
from renderer.dream.health import Health
from renderer.film.tasks import Frame, Picture, SegmentTask
from renderer.film.timeline import Segment
from renderer.jobs.amounts import done_of_film, whole_film
from renderer.jobs.commits import Commits
from renderer.jobs.live import Live
from renderer.jobs.plan import Batch, Plan, PlannedSegment
from renderer.jobs.presenting import PartMaker, Presenter, clean_encoder
from renderer.jobs.stills import make_film_still
from renderer.jobs.worker import Worker, closed, note_health
from renderer.media.captions import templates_need_score
from renderer.media.encoding import SegmentEncoder
from renderer.media.pictures import load_picture, save_still
from renderer.store.records import SegmentRecord, describe, write_record
from renderer.store.run import Run
from renderer.targets.target import Score

_LOG = logging.getLogger(__name__)
_SETTLED_SHARE = 4  # After this part of its frames a round waits until the one before is on the disk.


def render_film(run: Run, plan: Plan, worker: Worker, live: Live) -> None:
    """Compute the planned batches; everything that is finished is on the disk at once, and soon encoded."""
    live.begin("frames", total=whole_film(run), done=done_of_film(run, plan))
    missing = Counter(item.segment.position for item in plan.items if not item.segment.is_lead_in and item.is_missing)
    ends: Mapping[Segment, Picture] = {}
    # What is not encoded at an early end is encoded in the end.
    with Commits(grace_seconds=0) as encoded, Commits() as commits:
        presenter = Presenter(run)
        for batches in plan.rounds:
            items = [item for batch in batches for item in batch]
            tasks = [[_task(run, item.segment, ends) for item in batch] for batch in batches]
            sinks = {item.segment: SegmentSink(run, item, presenter, encoded) for item in items if item.is_missing}
            current = _Round(tasks, sinks, _Shown(live, run, batches, missing), commits)
            _render_round(run, current, worker)
            ends = current.ends
    live.end()


class _Round:
    """What is dreamed together: takes its frames to where they go, and tells of them."""

    def __init__(
        self,
        tasks: Sequence[Sequence[SegmentTask]],
        sinks: Mapping[Segment, SegmentSink],
        shown: _Shown,
        commits: Commits,
    ) -> None:
        self.tasks, self.sinks, self.shown, self._commits = tasks, sinks, shown, commits
        segments = [task.segment for batch in tasks for task in batch]
        self.names = ", ".join(segment.name for segment in segments)
        self._began, self._given = time.monotonic(), 0
        self._settles = -(-sum(segment.frames for segment in segments) // _SETTLED_SHARE)

    def take(self, frame: Frame) -> None:
        """Take the next frame."""
        self._given += 1
        self.shown.frame(frame)
        if frame.segment in self.sinks:
            sink = self.sinks[frame.segment]
            sink.add(frame)
            if sink.is_full:
                sink.submit(self._commits, self.seconds * frame.segment.frames / self._given)
                self.shown.finished(sink.item)
        if self._given == self._settles:
            self._commits.settle_before()

    def end(self) -> None:
        """All frames should be there."""
        if not all(sink.is_full for sink in self.sinks.values()):
            raise RuntimeError("the worker ended before all segments were complete")
        self._commits.end_round()

    @property
    def seconds(self) -> float:
        """How long it has been dreamed."""
        return time.monotonic() - self._began

    @property
    def ends(self) -> dict[Segment, Picture]:
        """The last frames that are not on the disk yet.

        Those of segments that were whole are left out: dreamed again elsewhere, they may differ from the film's.
        """
        return {segment: sink.end for segment, sink in self.sinks.items() if sink.item.lacks.picture}


class _Shown:
    """Tells the progress of one round."""

    def __init__(self, live: Live, run: Run, batches: Sequence[Batch], missing: Counter[int]) -> None:
        self._live, self._missing, self._targets = live, missing, run.targets
        items = [item for batch in batches for item in batch]
        self._first = items[0].segment
        self._titles = list(dict.fromkeys(run.targets[item.segment.position].title for item in items))
        self._health = {item.segment: Health() for item in items}

    def stepped(self, pictures: int) -> None:
        self._live.advance(Amount(0, 0, pictures), self._titles)

    def frame(self, frame: Frame) -> None:
        segment = frame.segment
        self._live.advance(Amount(int(not segment.is_lead_in), 0), self._titles)
        if segment == self._first:
            self._live.show(frame.picture)
        self._health[segment] += frame.health
        if frame.ends_segment:
            note_health(self._live, self._targets[segment.position], self._health[segment])

    def finished(self, item: PlannedSegment) -> None:
        if not item.segment.is_lead_in:
            self._missing[item.segment.position] -= 1
            finished = self._missing[item.segment.position] == 0
            self._live.advance(Amount(0, int(finished)), self._titles)


class SegmentSink:
    """Takes the frames of one segment and leaves its files; what is not committed at the end is removed."""

    def __init__(self, run: Run, item: PlannedSegment, presenter: Presenter, encoded: Commits) -> None:
        self.item, self._run, self._presenter, self._encoded = item, run, presenter, encoded
        self._segment, self._lacks = item.segment, item.lacks
        self._last: Frame | None = None
        self._scores: list[Score] = []
        self._encoder: SegmentEncoder | None = None
        self._is_submitted = False

    def __enter__(self) -> SegmentSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is submitted is being committed in another thread, which is waited for.
        if not self._is_submitted:
            self.abort()

    @property
    def is_full(self) -> bool:
        """Whether all frames are there."""
        return self._last is not None and self._last.ends_segment

    @property
    def end(self) -> Picture:
        """The last frame, once all are there."""
        return self._whole().picture

    def add(self, frame: Frame) -> None:
        """Take the next frame."""
        self._last = frame
        if frame.score:
            self._scores.append(frame.score)
        if self._encoder is None and self._lacks.frames:
            # Not before: where not all are dreamed at the same time, encoders without work would take memory.
            self._encoder = clean_encoder(self._run, self._segment)
        if self._encoder:
            self._encoder.write(frame.picture)

    def submit(self, commits: Commits, seconds: float) -> None:
        """Have everything made lasting in another thread; `seconds` is how long the segment was dreamed."""
        commits.submit(partial(self.commit, seconds), self.abort)
        self._is_submitted = True

    def abort(self) -> None:
        """Stop encoding, if it goes on yet; a commit that waits for it fails then."""
        if self._encoder:
            self._encoder.abort()

    def commit(self, seconds: float) -> None:
        """Make everything last: the files, and at the very end the record."""
        run, segment, last = self._run, self._segment, self._whole()
        if self._encoder:
            self._encoder.finish()
        if self._lacks.picture:
            save_still(run.paths.picture(segment.name), last.picture)
        record = SegmentRecord(
            frames=segment.frames,
            clean=describe(run.paths, run.paths.clean(segment.name)),
            picture=describe(run.paths, run.paths.picture(segment.name)),
            score=last.score,
            seconds=seconds,
            scores=tuple(self._scores) if len(self._scores) == segment.frames else None,
        )
        write_record(run.paths.segment_record(segment.name), record)
        _LOG.info("segment %s is whole: %d frames", segment.name, segment.frames)
        if segment.ends_class and not segment.is_lead_in:
            make_film_still(SeenRun(run, thorough=True), segment.position, record)
        if not segment.is_lead_in:
            maker = PartMaker(self._presenter, segment, record)
            self._encoded.submit(maker.make, maker.abort)

    def _whole(self) -> Frame:
        if self._last is None or not self.is_full:
            raise RuntimeError(f"segment {self._segment.name} is not complete")
        return self._last


def _render_round(run: Run, current: _Round, worker: Worker) -> None:
    _LOG.info("round begins: %s", current.names)
    score_all = templates_need_score(run.settings.overlay.lines)
    with ExitStack() as stack:
        for sink in current.sinks.values():
            stack.enter_context(sink)
        given = worker.segments(run.film_recipe, current.tasks, current.shown.stepped, score_all=score_all)
        for frame in stack.enter_context(closed(given)):
            current.take(frame)
        current.end()
    _LOG.info("round ends after %.1f s: %s", current.seconds, current.names)


def _task(run: Run, segment: Segment, ends: Mapping[Segment, Picture]) -> SegmentTask:
    before = run.timeline.before(segment)
    if before is None:
        return SegmentTask(segment, None)
    # What the round before has made may not be on the disk yet.
    return SegmentTask(segment, ends[before] if before in ends else load_picture(run.paths.picture(before.name)))
