"""The commands that make something, from start to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path

from renderer.atlas.results import write_results
from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.progress import Progress, note_repairs
from renderer.common.wording import listed
from renderer.jobs.assembly import assemble_beside, assemble_segments, restore_subtitles, try_assembly
from renderer.jobs.changes import Agree, disagree
from renderer.jobs.choosing import chosen_targets, said_of_companions
from renderer.jobs.computing import Computer, Here, Means
from renderer.jobs.live import Live
from renderer.jobs.logits import keep_logits
from renderer.jobs.machine import begun_with
from renderer.jobs.notes import keep_failures, keep_similarity
from renderer.jobs.plan import Plan, make_plan
from renderer.jobs.presenting import check_text, keep_scores, lacking_scores
from renderer.jobs.repairs import note_damaged_results
from renderer.jobs.session import describe_run, opened, reopened
from renderer.jobs.status import what_is_there
from renderer.jobs.stills import (
    Failure,
    announced,
    pending_batches,
    unused_in_film_stills,
)
from renderer.jobs.worker import MakeWorker, local_worker
from renderer.jobs.written_stills import make_film_stills, write_text_anew
from renderer.media.overlay import CaptionWriter
from renderer.media.sound import check_audio
from renderer.settings.sections import Settings
from renderer.store.cleaning import refuse_foreign
from renderer.store.files import remove
from renderer.store.index_file import Index, IndexClass
from renderer.store.lock import holder
from renderer.store.paths import RunPaths
from renderer.store.run import Run, load_run
from renderer.store.run_file import RunFile, holds_run
from renderer.store.saved_file import read_saved_record


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        name: Name of the configuration.
        settings: Its settings.
        directory: The run's directory.
        restart: Remove what runs have written there before.
        agree: Is asked where something would be dreamed anew.
        means: By what it is computed, where that is not this process.
    """

    name: str
    settings: Settings
    directory: Path
    restart: bool = False
    agree: Agree = disagree
    means: Means | None = None


@dataclass(frozen=True)
class Outcome:
    """What has come of it.

    Attributes:
        paths: The run's directory.
        index: What is there now.
        failures: Classes that could not be rendered.
        judged: Whether the network was shown its stills as a viewer sees them; panoramas it is not.
        frames: How many frames the whole film has.
        dreams_stills: Whether stills are dreamed by themselves, not taken from the film.
    """

    paths: RunPaths
    index: Index
    failures: tuple[Failure, ...] = ()
    judged: bool = True
    frames: int = 0
    dreams_stills: bool = False

    @property
    def film(self) -> Path | None:
        """The film, if there is one."""
        return self.paths.root / self.index.film.path if self.index.film else None

    @property
    def unrecognized(self) -> tuple[IndexClass, ...]:
        """The classes that the network does not put first in their stills, where that tells something."""
        if not self.judged:
            return ()
        return tuple(entry for entry in self.index.classes if entry.rank not in (None, 1))


def render(request: Request, progress: Progress, make_worker: MakeWorker = local_worker) -> Outcome:
    """Render the film and its stills, or what is still missing of them.

    Raises:
        UserError: The settings are wrong, or the directory is not to be used with them.
        EncodingError: ffmpeg failed; everything that is finished is kept.
    """
    means = request.means or Here(make_worker)
    wanted = wanted_run(request, means, film=True)
    with (
        lazily(wanted, means, progress, at_once=begins(request)) as computer,
        opened(
            request.directory,
            wanted,
            progress,
            restart=request.restart,
            before=lambda run: try_assembly(run, run.paths.root),
            agree=_ready(request, computer),
        ) as run,
        Live(run.paths, progress) as live,
    ):
        return _render(run, live, computer, _plan(run, progress))


def render_stills(request: Request, progress: Progress, make_worker: MakeWorker = local_worker) -> Outcome:
    """Dream fresh stills, or what is still missing of them, and no film; raises as `render` does."""
    means = request.means or Here(make_worker)
    wanted = wanted_run(request, means, film=False)
    with (
        lazily(wanted, means, progress, at_once=begins(request)) as computer,
        opened(request.directory, wanted, progress, restart=request.restart, agree=_ready(request, computer)) as run,
        Live(run.paths, progress) as live,
    ):
        with _results_kept(run, live, film=False):
            note_damaged_results(run, live)
            write_text_anew(run)
            failures = _dream_stills(run, live, computer)
            keep_failures(run, failures, live)
            _restore(run, live)
            keep_logits(run, lambda: computer().observer, live)
        return _conclude(run, failures, live)


def assemble(directory: Path, progress: Progress) -> Outcome:
    """Make the film from the segments that are there; the run may be unfinished, and another process at work on it.

    Raises:
        UserError: The directory holds no run or no finished segment.
        EncodingError: ffmpeg failed.
    """
    if worker := _at_work(directory):
        run = load_run(directory)
        progress.note(f"process {worker} is at work on it: the film has what is encoded so far")
        assemble_beside(run, make_plan(SeenRun(run)).records)
        return _conclude(run, _kept_failures(run), None)
    with reopened(directory, progress) as run:
        note_damaged_results(run, progress)
        plan = _plan(run, progress)
        if not any(segment.name in plan.records for segment in run.timeline.segments):
            raise UserError(f"{directory} holds no finished segment of a film yet; render some with `render`")
        make_film_stills(run, plan.records, progress)
        assemble_segments(run, plan.records, progress)
        return _conclude(run, _kept_failures(run), progress)


def make_page(directory: Path, progress: Progress | None = None) -> Outcome:
    """Write the index and the page anew from what is there; the run may be unfinished.

    What can be made again without dreaming is: stills from the film's frames, small copies and subtitles.

    Args:
        directory: The run's directory.
        progress: Is told what was damaged.

    Where another process is at work on it, that is left to it.

    Raises:
        UserError: The directory holds no run.
    """
    if _at_work(directory):
        run = load_run(directory)
        return _conclude(run, _kept_failures(run), None)
    with reopened(directory, progress) as run:
        note_damaged_results(run, progress)
        _restore(run, progress)
        return _conclude(run, _kept_failures(run), progress)


def _at_work(directory: Path) -> int | str | None:
    """The number of another process that holds a run's directory; None if there is none."""
    whole = RunPaths(directory)
    found = [number for one in (whole, *whole.shards()) if (number := holder(one.lock)) is not None]
    return (found[0] or "of an unknown number") if found else None


def wanted_run(request: Request, means: Means, *, film: bool) -> RunFile:
    """Check what can be checked before anything is done."""
    settings = request.settings
    check_text(settings)
    CaptionWriter(settings.overlay, (settings.film.width, settings.film.height))
    if film:
        check_audio(settings.video)
    targets = chosen_targets(settings)
    chosen = means.choose(settings, None if request.restart else begun_with(request.directory))
    return describe_run(request.name, settings, targets, film=film, chosen=chosen)


def begins(request: Request) -> bool:
    """Whether nothing of a run will be there yet, so that all of it has to be dreamed; raises UserError."""
    paths = RunPaths(request.directory)
    refuse_foreign(paths)
    return request.restart or not holds_run(paths)


def _ready(request: Request, computer: Callable[[], Computer]) -> Agree:
    """Agree as is asked for; what is wrong with the network is then known before anything is forgotten."""

    def agree(text: str) -> bool:
        agreed = request.agree(text)
        if agreed:
            computer()
        return agreed

    return agree


def _plan(run: Run, progress: Progress) -> Plan:
    plan = make_plan(SeenRun(run, thorough=True))
    note_repairs(progress, "segments", plan.damaged, "to be computed again")
    return plan


def _render(run: Run, live: Live, computer: Callable[[], Computer], plan: Plan) -> Outcome:
    failures: list[Failure] = []
    with _results_kept(run, live, film=True):
        note_damaged_results(run, live)
        for text in unused_in_film_stills(run):
            live.note(text)
        if plan.rounds:
            keep_similarity(run, computer().observer, live)
            computer().film(run, plan, live)
            plan = make_plan(SeenRun(run))
            refuse_gaps(plan)
        if lacking := lacking_scores(run, plan.records):
            keep_scores(run, lacking, plan.records, computer().observer, live)
            plan = make_plan(SeenRun(run))
        write_text_anew(run)
        make_film_stills(run, plan.records, live)
        assemble_segments(run, plan.records, live)
        if run.settings.stills.fresh:
            failures = _dream_stills(run, live, computer)
        keep_failures(run, failures, live)
        keep_logits(run, lambda: computer().observer, live)
    _forget_saved(run)
    return _conclude(run, failures, live)


def _forget_saved(run: Run) -> None:
    """The film is whole, so that there is nothing of it to go on with; stills or another film may be gone on with."""
    names = {segment.name for chain in run.timeline.chains for segment in chain}
    for path in run.paths.all_saved():
        record = read_saved_record(path)
        if record is None or names.issuperset(record.names):
            remove(path)


def refuse_gaps(plan: Plan) -> None:
    """Raise UserError where parts of a film that has just been dreamed are gone: it would be a shorter one."""
    gone = [segment.name for segment in plan.segments if segment.name not in plan.records and not segment.is_lead_in]
    if gone:
        raise UserError(
            f"{listed(gone)}: removed or damaged while the film was rendered; run the same command again, which makes "
            "what is missing"
        )


def _dream_stills(run: Run, live: Live, computer: Callable[[], Computer]) -> list[Failure]:
    seen = SeenRun(run, thorough=True)
    note_repairs(live, "stills", seen.damaged_stills, "dreamed again")
    return failed_stills(run, pending_batches(seen), live, computer, len(run.targets))


def failed_stills(
    run: Run, batches: Sequence[Sequence[int]], live: Live, computer: Callable[[], Computer], total: int
) -> list[Failure]:
    """Dream fresh stills, and give those that failed.

    Args:
        run: The run.
        batches: Places of the targets whose stills are dreamed together.
        live: Is told how far it is.
        computer: Gives what dreams; asked for only if there is anything to dream.
        total: How many targets there are, with those that are there already.
    """
    if not batches:
        return []
    seen = SeenRun(run)
    for text in announced(seen, batches):
        live.note(text)
    if run.paths.is_first:
        keep_similarity(run, computer().observer, live)
    return computer().stills(run, batches, live, total)


def _restore(run: Run, progress: Progress | None) -> None:
    """Make again what was damaged and needs no network; name what needs one."""
    if not run.dreams_stills:
        make_film_stills(run, make_plan(SeenRun(run)).records, progress)
    seen = SeenRun(run, thorough=True)
    how = "`render` or `stills`" if run.dreams_stills else "`stills`, with the settings that made them,"
    note_repairs(progress, "stills", seen.damaged_stills, f"{how} makes them again")
    if seen.film:
        restore_subtitles(run, seen.film, progress)
    elif lexists(run.paths.film_record):
        name = run.paths.relative(run.paths.film_record)
        note_repairs(progress, "the film or", [name], "`assemble` or `render` makes it again")


def _kept_failures(run: Run) -> list[Failure]:
    """The classes that those who dreamed could not render, shards among them."""
    kept = SeenRun(run).failures
    return [Failure(target, kept[target.key]) for target in run.targets if target.key in kept]


def _conclude(run: Run, failures: list[Failure], progress: Progress | None) -> Outcome:
    judged = run.dreams_stills or run.settings.film.projection == "flat"
    frames = run.timeline.frames if run.file.film else 0
    return Outcome(run.paths, write_results(run, progress), tuple(failures), judged, frames, run.dreams_stills)


@contextmanager
def _results_kept(run: Run, progress: Progress, *, film: bool) -> Iterator[None]:
    """Whatever ends the work early, the index and the page tell what is there, and an interruption says it.

    `film` tells that a film was being made, not stills alone.
    """
    with kept_at_an_end(run, progress, film=film):
        try:
            yield
        except BaseException:
            with suppress(OSError, UserError):
                write_results(run)
            raise


@contextmanager
def kept_at_an_end(run: Run, progress: Progress, *, film: bool) -> Iterator[None]:
    """An interruption says what is there."""
    of_whom = " of the whole run" if run.paths.shard else ""
    try:
        yield
    except BaseException as error:
        with suppress(OSError, UserError):
            if not isinstance(error, Exception):
                progress.note(f"kept{of_whom}: {what_is_there(SeenRun(run), film=film)}")
        raise


@contextmanager
def lazily(wanted: RunFile, means: Means, progress: Progress, *, at_once: bool) -> Iterator[Callable[[], Computer]]:
    """Give a function that gives what computes, which is made when it is first asked for.

    Where it will be needed in any case it is made at once: what is wrong with the network is then known before
    anything is written or removed.
    """
    made: list[Computer] = []

    def computer() -> Computer:
        if not made:
            made.append(means.computer(wanted, progress))
            for text in said_of_companions(wanted.settings.network, wanted.targets):
                progress.note(text)
        return made[0]

    try:
        if at_once:
            computer()
        yield computer
    finally:
        for one in made:
            one.close()
