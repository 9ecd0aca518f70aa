"""The film's segments: batches are dreamed by a worker, and each segment is encoded beside it and then committed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from threading import Lock
from types import TracebackType

from renderer.atlas.seen import SeenRun, are_own
from renderer.common.progress import Amount
from renderer.dream.health import Health
from renderer.film.tasks import Frame, Picture, Saved, Saving, SegmentTask
from renderer.film.timeline import Segment
from renderer.jobs.amounts import done_of, saved_of_film, whole_of
from renderer.jobs.commits import Commits
from renderer.jobs.live import Live
from renderer.jobs.plan import Batch, Plan, PlannedSegment
from renderer.jobs.presenting import PartMaker, Presenter, clean_encoder
from renderer.jobs.worker import SAVED_SHARE, Worker, closed, note_health
from renderer.jobs.written_stills import make_film_still
from renderer.media.captions import templates_need_score
from renderer.media.codecs import CLEAN_GROUP
from renderer.media.pictures import load_picture, save_still
from renderer.store.files import remove
from renderer.store.records import CleanRecord, SegmentRecord, describe, describe_clean, write_record
from renderer.store.run import Run
from renderer.store.saved_file import SavedSegment, read_saved, write_saved

_LOG = logging.getLogger(__name__)
_SETTLED_SHARE = 4  # After this part of its frames a round waits until the one before is on the disk.


def render_film(run: Run, plan: Plan, worker: Worker, live: Live) -> None:
    """Compute the planned batches; everything that is finished is on the disk at once, and soon encoded."""
    counted = saved_of_film(run, plan)
    whole, done = whole_of(run.film_recipe, plan), done_of(run.film_recipe, plan)
    live.begin("frames", total=whole, done=sum(counted.values(), done))
    missing = Counter(item.segment.position for item in plan.items if not item.segment.is_lead_in and item.is_missing)
    ends: Mapping[Segment, Picture] = {}
    superseded: Collection[str] = ()
    # What is not encoded at an early end is encoded in the end.
    with Commits(grace_seconds=0) as encoded, Commits() as commits:
        presenter = Presenter(run)
        for batches in plan.rounds:
            items = [item for batch in batches for item in batch]
            tasks = [[_task(run, item, ends) for item in batch] for batch in batches]
            sinks = {item.segment: SegmentSink(run, item, presenter, encoded) for item in items if item.is_missing}
            current = _Round(run, tasks, sinks, _Shown(live, run, batches, missing, counted), commits, superseded)
            _render_round(run, current, worker)
            ends, superseded = current.ends, current.saved
    if counted:  # of groups that were formed otherwise
        live.advance(Amount(0, 0) - sum(counted.values(), Amount(0, 0)), [run.targets[-1].title])
    live.end()


class _Round:
    """What is dreamed together: takes its frames to where they go, and tells of them."""

    def __init__(
        self,
        run: Run,
        tasks: Sequence[Sequence[SegmentTask]],
        sinks: Mapping[Segment, SegmentSink],
        shown: _Shown,
        commits: Commits,
        superseded: Collection[str],
    ) -> None:
        self.tasks, self.sinks, self.shown, self.saved = tasks, sinks, shown, set[str]()
        self._run, self._commits, self._superseded = run, commits, superseded
        self._newest, self._writing = dict[str, Hashable](), Lock()
        self._named = {segment.name: sink for segment, sink in sinks.items()}
        segments = [task.segment for batch in tasks for task in batch]
        self.names = ", ".join(segment.name for segment in segments)
        self._began, self._given = time.monotonic(), 0
        dreamed = sum(task.frames for batch in tasks for task in batch if task.is_wanted)
        self._settles, self._is_settled = -(-dreamed // _SETTLED_SHARE), False

    @property
    def saving(self) -> Saving:
        """How often groups save, and what they saved."""
        return Saving(SAVED_SHARE * self._run.settings.run.lose_at_most, CLEAN_GROUP, self._take_up)

    def take(self, given: Frame | Saved) -> None:
        """Take the next frame, or where a group stands."""
        if isinstance(given, Saved):
            self._save(given)
        else:
            self._take(given)

    def _take_up(self, key: str) -> Saved | None:
        """What was saved of a group, if the files with its frames are whole; its sinks go on from there."""
        found = read_saved(self._run.paths.saved(key), key)
        self.saved.add(key)
        saved, segments = found or (None, ())
        sinks = [(self._named[one.name], one) for one in segments if one.name in self._named]
        # What was whole when this was saved, and is not any more, is not in it.
        listed = saved is not None and {name for name in saved.names if name in self._named} <= {
            one.name for _, one in sinks
        }
        can_go_on = saved is not None and listed and all(sink.can_take_up(one, saved.frames) for sink, one in sinks)
        self.shown.looked_for(key, is_there=can_go_on)
        if not can_go_on:
            return None
        for sink, one in sinks:
            sink.take_up(one)
            self.shown.taken_up(sink.item, one)
        return saved

    def _save(self, saved: Saved) -> None:
        """Write down where a group stands, once the frames up to there are whole."""
        self.saved.add(saved.key)
        sinks = [self._named[name] for name in saved.names if name in self._named]
        begun = [sink for sink in sinks if not sink.is_full]
        if not all(sink.is_at(saved.frames) for sink in begun):
            return  # A device that began anew, with fewer pictures at a time, is behind what it has given.
        pending = [sink.cut(self.shown.health(sink.item)) for sink in begun]
        self._newest[saved.key] = saved.place

        def commit() -> None:
            segments = [finish() for finish in pending]
            with self._writing:
                if self._newest[saved.key] != saved.place:
                    return  # The next one is under way already.
                write_saved(self._run.paths.saved(saved.key), saved, segments)
            _LOG.info("saved after %d frames and %d fresh steps: %s", saved.frames, saved.steps, ", ".join(saved.names))

        def abort() -> None:
            for sink in sinks:
                sink.abort()

        self._commits.submit(commit, abort)

    def _take(self, frame: Frame) -> None:
        self._given += 1
        self.shown.frame(frame)
        if frame.segment in self.sinks:
            sink = self.sinks[frame.segment]
            sink.add(frame)
            if sink.is_full:
                sink.submit(self._commits, self.seconds * frame.segment.frames / self._given)
                self.shown.finished(sink.item)
        if self._given >= self._settles:
            self._settle_before()

    def _settle_before(self) -> None:
        """Wait until the round before is on the disk; then nobody goes on from what was saved in it."""
        if not self._is_settled:
            self._is_settled = True
            self._commits.settle_before()
            for key in self._superseded:
                remove(self._run.paths.saved(key))

    def end(self) -> None:
        """All frames should be there."""
        if not all(sink.is_full for sink in self.sinks.values()):
            raise RuntimeError("the worker ended before all segments were complete")
        self._settle_before()
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

    def __init__(
        self, live: Live, run: Run, batches: Sequence[Batch], missing: Counter[int], counted: dict[str, Amount]
    ) -> None:
        self._counted = counted
        self._live, self._missing, self._targets = live, missing, run.targets
        items = [item for batch in batches for item in batch]
        self._first = items[0].segment
        self._titles = list(dict.fromkeys(run.targets[item.segment.position].title for item in items))
        self._health = {item.segment: Health() for item in items}
        self._wanted = {item.segment for item in items if item.is_missing}

    def stepped(self, pictures: int) -> None:
        self._live.advance(Amount(0, 0, pictures), self._titles)

    def looked_for(self, key: str, *, is_there: bool) -> None:
        """Whether a group can go on from what was saved of it, as was counted on."""
        amount = self._counted.pop(key, Amount(0, 0))
        if not is_there:
            self._live.advance(Amount(0, 0) - amount, self._titles)

    def taken_up(self, item: PlannedSegment, there: SavedSegment) -> None:
        """So much of a segment was done before, and is told of already."""
        self._health[item.segment] += there.health

    def health(self, item: PlannedSegment) -> Health:
        """How the gradients of a segment were so far."""
        return self._health[item.segment]

    def frame(self, frame: Frame) -> None:
        segment = frame.segment
        shown = segment in self._wanted and not segment.is_lead_in
        self._live.advance(Amount(int(shown), 0), self._titles)
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
        self._there, self._begun = (item.begun.clean, item.begun.frames) if item.begun else ((), 0)
        self._scores = list((item.begun and item.begun.scores) or ())
        self._pieces: list[_Piece] = []
        self._is_cut = True
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
        if self._lacks.frames:
            if self._is_cut:
                # Not before: where not all are dreamed at the same time, encoders without work would take memory.
                self._pieces.append(_Piece(self._run, self._segment, frame.number))
                self._is_cut = False
            self._pieces[-1].write(frame.picture)

    def is_at(self, frames: int) -> bool:
        """Whether so many frames have been taken since the segment was begun."""
        if not self._lacks.frames:
            return True
        there = sum(piece.frames for piece in self._there) + sum(piece.frames for piece in self._pieces)
        return there == self._begun + frames

    def can_take_up(self, saved: SavedSegment, frames: int) -> bool:
        """Whether the files are whole that a segment is to go on from, with so many frames since it was begun."""
        if not self._lacks.frames:
            return True
        seen = SeenRun(self._run, thorough=True)
        own = are_own(self._run.paths, self._segment.name, self._begun + frames, saved.clean)
        return not self._pieces and own and all(seen.is_whole(piece) for piece in saved.clean)

    def take_up(self, saved: SavedSegment) -> None:
        """Go on from what was saved."""
        self._there, self._scores = saved.clean, list(saved.scores)

    def cut(self, health: Health) -> Callable[[], SavedSegment]:
        """End a file here; gives what waits until it is whole, and then describes what there is."""
        self._is_cut = True
        there, pieces, scores = self._there, tuple(self._pieces), tuple(self._scores)

        def finish() -> SavedSegment:
            clean = (*there, *(piece.finish() for piece in pieces))
            frames = sum(one.frames for one in clean)
            return SavedSegment(name=self._segment.name, frames=frames, clean=clean, health=health, scores=scores)

        return finish

    def submit(self, commits: Commits, seconds: float) -> None:
        """Have everything made lasting in another thread; `seconds` is how long the segment was dreamed."""
        commits.submit(partial(self.commit, seconds), self.abort)
        self._is_submitted = True

    def abort(self) -> None:
        """Stop encoding, if it goes on yet; a commit that waits for it fails then."""
        for piece in self._pieces:
            piece.abort()

    def commit(self, seconds: float) -> None:
        """Make everything last: the files, and at the very end the record."""
        run, segment, last = self._run, self._segment, self._whole()
        clean = (*self._there, *(piece.finish() for piece in self._pieces))
        if self._lacks.picture:
            save_still(run.paths.picture(segment.name), last.picture)
        record = SegmentRecord(
            frames=segment.frames,
            clean=clean if self._lacks.frames else self._whole_clean(),
            picture=describe(run.paths, run.paths.picture(segment.name)),
            score=last.score,
            seconds=seconds,
            scores=tuple(self._scores) if len(self._scores) == segment.frames else None,
        )
        write_record(run.paths.segment_record(segment.name), record)
        _LOG.info("segment %s is whole: %d frames", segment.name, segment.frames)
        if not segment.is_lead_in:
            self._present(record)

    def _present(self, record: SegmentRecord) -> None:
        """Make a still of it, and its part of the film; what cannot be made yet is made in the end."""
        run, segment = self._run, self._segment
        # Another shard may be about to write a fresh one.
        if segment.ends_class and not (run.paths.shard and run.dreams_stills):
            make_film_still(SeenRun(run, thorough=True), segment.position, record)
        if not self._presenter.is_torn(SeenRun(run), segment):
            maker = PartMaker(self._presenter, segment, record)
            self._encoded.submit(maker.make, maker.abort)

    def _whole_clean(self) -> tuple[CleanRecord, ...]:
        """The files with clean frames where it was not they that were missing."""
        record = SeenRun(self._run).segment(self._segment)
        return record.clean if record else ()

    def _whole(self) -> Frame:
        if self._last is None or not self.is_full:
            raise RuntimeError(f"segment {self._segment.name} is not complete")
        return self._last


class _Piece:
    """A file with clean frames of a segment that is being written."""

    def __init__(self, run: Run, segment: Segment, first: int) -> None:
        self._paths, self._path, self.frames = run.paths, run.paths.clean(segment.name, first), 0
        self._encoder, self._finishing = clean_encoder(run, self._path), Lock()
        self._record: CleanRecord | None = None

    def write(self, frame: Picture) -> None:
        self._encoder.write(frame)
        self.frames += 1

    def finish(self) -> CleanRecord:
        """Wait until it is whole; may be called again, by any thread."""
        with self._finishing:
            if self._record is None:
                self._encoder.finish()
                self._record = describe_clean(self._paths, self._path, self.frames)
            return self._record

    def abort(self) -> None:
        self._encoder.abort()


def _render_round(run: Run, current: _Round, worker: Worker) -> None:
    _LOG.info("round begins: %s", current.names)
    score_all = templates_need_score(run.lines)
    with ExitStack() as stack:
        for sink in current.sinks.values():
            stack.enter_context(sink)
        given = worker.segments(
            run.film_recipe, current.tasks, current.shown.stepped, current.saving, score_all=score_all
        )
        for frame in stack.enter_context(closed(given)):
            current.take(frame)
        current.end()
    _LOG.info("round ends after %.1f s: %s", current.seconds, current.names)


def _task(run: Run, item: PlannedSegment, ends: Mapping[Segment, Picture]) -> SegmentTask:
    segment, before = item.segment, run.timeline.before(item.segment)
    if item.begun:
        start = load_picture(run.paths.picture(segment.name))
        return SegmentTask(segment, start, item.is_missing, item.begun.frames)
    if before is None:
        return SegmentTask(segment, None, item.is_missing)
    # What the round before has made may not be on the disk yet.
    start = ends[before] if before in ends else load_picture(run.paths.picture(before.name))
    return SegmentTask(segment, start, item.is_missing)
