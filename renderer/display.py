"""How the commands say things: progress as a bar on a terminal, and lines elsewhere; tables, lists, states."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from renderer.atlas.compare import Compared
from renderer.atlas.dataset import Dataset
from renderer.atlas.sheet import Sheet
from renderer.common.printable import printable
from renderer.common.progress import Amount, Course, Progress
from renderer.common.wording import format_bytes, format_duration, together
from renderer.jobs.commands import Outcome
from renderer.jobs.footage import Clip
from renderer.jobs.photo import DreamedPhoto
from renderer.jobs.preflight import Finding
from renderer.jobs.sharding import ShardOutcome
from renderer.jobs.status import Part, Status
from renderer.store.evaluation_file import Evaluation, Figures, PictureScore, View, failed, judge_names
from renderer.store.index_file import Index, IndexClass
from renderer.store.live_file import SILENT_SECONDS, Working
from renderer.targets.target import Score, Target

Cell = int | str | list[str] | None

_MOST_TITLES = 20
_SECONDS_TO_FIRST_LINE = 1.0
_SECONDS_BETWEEN_LINES = 5.0
_LONGEST_TITLES = 40
_VIEWS: dict[tuple[View, ...], str] = {("still",): "still", ("film",): "film", ("still", "film"): "still = film"}


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """Give what suits the console, and leave the console in order whatever happens."""
    if not console.is_terminal:
        yield LineProgress(console)
        return
    bar = BarProgress(console)
    try:
        yield bar
    finally:
        bar.end()


def classes_text(course: Course) -> str:
    """How many classes are done, of how many."""
    return f"{course.done.classes}/{course.total.classes} classes"


def _worked(share: float) -> str:
    """Never 100 % before the end; more than that of the frames where fresh pictures or lead-ins are done."""
    return f"{math.floor(1000 * share + 1e-6) / 10:.1f} % of the work"


def pace_text(course: Course) -> str:
    """Speed and time left, once there is something to tell it from."""
    speed, left = course.pace, course.seconds_left
    if left is None:
        return "time left not known yet"
    if speed is None:
        return f"{format_duration(left)} left"
    shown = f"{speed:.1f} {course.unit}/s" if speed >= 1 else f"{1 / speed:.1f} s/{course.unit.removesuffix('s')}"
    return f"{shown}, {format_duration(left)} left"


def shorten(titles: Sequence[str]) -> str:
    """As many titles as there is room for, and how many more there are."""
    shown = [titles[0]] if titles else []
    for title in titles[1:]:
        if len(", ".join([*shown, title])) > _LONGEST_TITLES:
            break
        shown.append(title)
    more = len(titles) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


class BarProgress:
    """A bar with classes, speed, time left and what is being dreamed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = [TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f} %")]
        details = [TextColumn("{task.fields[classes]}"), TextColumn("{task.fields[pace]}")]
        titles = TextColumn("{task.fields[titles]}", style="cyan", markup=False)
        self._bar = Bar(*columns, *details, titles, console=console, refresh_per_second=4)
        self._task: TaskID | None = None
        self._course, self._titles = Course(), ""

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Show a new bar; the one before stays above it as it was."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._course, self._titles = Course(unit, total, done), ""
        self._task = self._bar.add_task(unit, total=total.work, completed=done.work, **self._fields())
        self._bar.start()

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """Move the bar."""
        self._course.advance(amount)
        self._titles = printable(shorten(showing))
        if self._task is not None:
            self._bar.update(self._task, completed=self._course.done.work, **self._fields())

    def end(self) -> None:
        """Leave the bar where it is."""
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print above the bar."""
        self._console.print(printable(text, lines=True), markup=False, highlight=False, soft_wrap=True)

    def _fields(self) -> dict[str, Any]:
        course = self._course
        return {"classes": classes_text(course), "pace": pace_text(course), "titles": self._titles}


class LineProgress:
    """A line soon after the beginning, and then every few seconds."""

    def __init__(self, console: Console, seconds_between: float = _SECONDS_BETWEEN_LINES) -> None:
        self._console, self._seconds_between = console, seconds_between
        self._course, self._titles = Course(), ""
        self._last = 0.0

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """Say what there is to do."""
        self._course, self._titles = Course(unit, total, done), ""
        self._last = time.monotonic() - max(0.0, self._seconds_between - _SECONDS_TO_FIRST_LINE)
        self.note(f"{total.pictures - done.pictures} of {total.pictures} {unit} to go")

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        """Say how far it is, if the last time was long ago."""
        self._course.advance(amount)
        self._titles = printable(shorten(showing))
        if time.monotonic() - self._last >= self._seconds_between:
            self._say()

    def end(self) -> None:
        """Say that all is done."""
        self._say()

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(printable(text, lines=True), markup=False, highlight=False, soft_wrap=True)

    def _say(self) -> None:
        course = self._course
        self._last = time.monotonic()
        done = f"{course.done.pictures}/{course.total.pictures} {course.unit} ({_worked(course.share)})"
        self.note(f"{done}, {classes_text(course)}, {pace_text(course)}: {self._titles}")


def list_titles(titles: Sequence[str]) -> str:
    """The first titles, and how many more there are."""
    more = len(titles) - _MOST_TITLES
    return ", ".join(titles[:_MOST_TITLES]) + (f" and {more} more" if more > 0 else "")


def describe_outcome(outcome: Outcome) -> list[str]:
    """What a command has made, in lines."""
    index, lines = outcome.index, []
    if index.film:
        frames = f"{index.film.frames} of {outcome.frames}" if index.film.frames < outcome.frames else index.film.frames
        lines.append(f"{outcome.film}: {frames} frames, {format_duration(index.film.seconds)}")
    pictures = sum(len(entry.stills) for entry in index.classes)
    return [*lines, f"{outcome.paths.stills}: {pictures} stills", f"{outcome.paths.page}: the page"]


def describe_shard(outcome: ShardOutcome) -> list[str]:
    """What a shard has come to, in lines."""
    shard, directory = outcome.shard, outcome.paths.root
    parts = f"{outcome.own} of {outcome.parts} part{'s' if outcome.parts > 1 else ''}"
    lines = [f"{directory}: shard {shard.number} of {shard.count} is done ({parts})"]
    if not outcome.own:
        lines.append(
            f"There was nothing to do for it: more than {outcome.parts} machines can share this only with more chains "
            "(film.chains) or smaller batches (run.batch)"
        )
    if outcome.failures:
        titles = list_titles([failure.target.title for failure in outcome.failures])
        lines.append(f"{len(outcome.failures)} classes could not be rendered ({outcome.failures[0].reason}): {titles}")
    end = f"neuron-atlas {'assemble' if outcome.film else 'page'} {shlex.quote(str(directory))}"
    if outcome.missing:
        one, several = ("segment is", "segments are") if outcome.film else ("class is", "classes are")
        missing = f"{outcome.missing} {one if outcome.missing == 1 else several} missing"
        return [*lines, f"Of other shards {missing}; once that is there:\n  {end}"]
    return [*lines, f"All shards are done; make {'film and page' if outcome.film else 'the page'} with\n  {end}"]


def _advice(outcome: Outcome) -> str:
    if outcome.film is None or outcome.dreams_stills:
        return "More steps (stills.steps) or tries (stills.retries) can help"
    return (
        "More steps can help: a longer film.seconds_per_class, or a higher dream.steps_per_frame. For better stills "
        "alone, set stills.fresh=true"
    )


def describe_shortcomings(outcome: Outcome) -> list[str]:
    """The classes that are not recognized, with what the network sees instead, and those that failed, in lines."""
    lines, missed = [], outcome.unrecognized
    if missed:
        stills = _count_stills(outcome.index)
        lines.append(f"The network does not put the class first in {len(missed)} of {stills} stills:")
        lines += [_describe_miss(entry) for entry in missed[:_MOST_TITLES]]
        lines += [f"  and {len(missed) - _MOST_TITLES} more"] if len(missed) > _MOST_TITLES else []
        lines.append(_advice(outcome))
    if outcome.failures:
        titles = list_titles([failure.target.title for failure in outcome.failures])
        lines.append(f"{len(outcome.failures)} classes could not be rendered ({outcome.failures[0].reason}): {titles}")
    return lines


def _count_stills(index: Index) -> int:
    return sum(1 for entry in index.classes if entry.still)


def _describe_miss(entry: IndexClass) -> str:
    seen = [guess for guess in entry.top if guess.index != entry.index]
    instead = f", taken for {seen[0].title} ({seen[0].probability:.0%})" if seen else ""
    return f"  {entry.title}: rank {entry.rank}{instead}"


def describe_status(found: Status, directory: Path, *, is_local: bool = True) -> list[str]:
    """How far a run is, in lines.

    Args:
        found: How far it is.
        directory: Its directory.
        is_local: Whether the directory tells of all who work on it, as a copy of a store does not.
    """
    lines = [f"{directory} ({found.name})"]
    parts = (("frames", found.film), ("stills", found.stills))
    lines += [_describe_part(unit, part, is_timed=not found.shards) for unit, part in parts if part]
    if found.problem:
        lines.append(found.problem)
    if found.damaged:
        lines.append(f"damaged and to be made again: segments {', '.join(found.damaged)}")
    lines += [_describe_working(shard) for shard in found.shards]
    unit = " and ".join(unit for unit, part in (("segments", found.film), ("stills", found.stills)) if part)
    lines += [f"{name.replace('-', ' ')}: stopped, with {left} {unit} to go" for name, left in found.stopped.items()]
    lines += _describe_work(found, directory, is_local=is_local)
    if found.film_path:
        whole = found.film.pictures if found.film else found.film_frames
        is_part = whole is not None and found.film_frames is not None and found.film_frames < whole
        lines.append(f"film: {found.film_path}{f' ({found.film_frames} of {whole} frames)' if is_part else ''}")
    if found.is_finished:
        lines.append("finished")
    return lines


def _describe_work(found: Status, directory: Path, *, is_local: bool) -> list[str]:
    """Who works on a run, and what comes next."""
    if found.worker is not None:
        return [f"process {found.worker or '?'} is working on it now"]
    if any(shard.seconds_silent < SILENT_SECONDS for shard in found.shards):
        return [f"once all shards are done:\n  {_assembling(found, directory)}"]
    if found.is_finished:
        return []
    if found.is_dreamed:
        return [f"all is dreamed; make film and page with\n  {_assembling(found, directory)}"]
    again = "to go on, give the command that began it again"
    goes_on = f"go on with\n  {found.command}" if found.command else again
    nobody = "nobody is working on it" if is_local else "whether another machine works on it is not known"
    return [f"{nobody}; {goes_on}"]


def _assembling(found: Status, directory: Path) -> str:
    """The command that makes the end of what shards have computed."""
    return f"neuron-atlas {'assemble' if found.film else 'page'} {shlex.quote(str(directory))}"


def _describe_working(shard: Working) -> str:
    told, silent = shard.told, shard.seconds_silent
    left = f", about {format_duration(told.seconds_left)} left" if told.seconds_left is not None else ""
    last = f"; silent for {format_duration(silent)}" if silent > SILENT_SECONDS else ""
    name = shard.paths.shard.replace("-", " ")
    return f"{name}: {told.done} of {told.total} {told.unit}{left}: {told.title}{last}"


def describe_sheet(sheet: Sheet) -> list[str]:
    """What has been written of a contact sheet, in lines."""
    lines = [f"{page.path}: {page.width}x{page.height}" for page in sheet.pages]
    return [*lines, f"{sheet.stills} of {sheet.classes} stills", *([sheet.remark] if sheet.remark else [])]


def describe_clip(clip: Clip) -> list[str]:
    """What has been written of a clip, in lines."""
    found = f" (found in {clip.tries} encodings)" if clip.tries > 1 else ""
    seconds = f"{clip.seconds:.1f}".removesuffix(".0")
    return [f"{clip.path}: {seconds} s, {clip.described}, {format_bytes(clip.bytes)}{found}"]


def describe_photo(made: DreamedPhoto) -> list[str]:
    """What has come of a photograph."""
    lines = [f"{made.path}: {made.target.title}{_more(made.before, made.after)}"]
    return lines + ([f"{made.strip}: the photograph, and 10 and 50 iterations"] if made.strip else [])


def _more(before: Score, after: Score) -> str:
    """How much more the network sees, in words."""
    if before.probability is None or after.probability is None:
        return f", whose answer goes from {before.activation:.3g} to {after.activation:.3g}"
    first, last = (f"{score.probability:.2%} (rank {score.rank})" for score in (before, after))
    return f", from {first} to {last}"


def describe_comparison(compared: Compared) -> list[str]:
    """What has been written of a comparison, in lines."""
    pictures = [*compared.sheet, *([compared.film] if compared.film else [])]
    return [f"{compared.page}: the page, with {compared.targets} targets", *map(str, pictures)]


def describe_dataset(made: Dataset) -> list[str]:
    """What has been written of a training set, in lines."""
    counts = f"{made.train} pictures to train on, {made.val} to validate with"
    return [f"{made.path}: {made.classes} classes, {counts}"]


def _describe_part(unit: str, part: Part, *, is_timed: bool) -> str:
    text = f"{unit}: {part.pictures_done} of {part.pictures} done ({_worked(part.share)})"
    text += f", classes: {part.classes_done} of {part.classes}"
    if part.pictures_done == part.pictures:
        return text
    text += f", {part.classes - part.classes_done} left"
    if not is_timed:  # each shard tells of its own time
        return text
    left = "not known yet" if part.seconds_left is None else format_duration(part.seconds_left)
    return f"{text}, time left: {left}"


def class_row(place: int, target: Target, seconds: float | None = None) -> dict[str, Cell]:
    """What is listed of a class; `place` is its place in the film, from 0, and `seconds` are told where they differ."""
    told: dict[str, Cell] = {} if seconds is None else {"seconds": f"{seconds:g}"}
    return {
        "position": place + 1,
        "index": target.index,
        "wnid": target.wnid,
        "title": target.title,
        "group": list(target.groups),
        **told,
    }


def print_table(console: Console, rows: Sequence[Mapping[str, Cell]]) -> None:
    """Print at least one row: a table on a terminal, tab-separated values elsewhere."""
    columns, cells = list(rows[0]), [[_cell(value) for value in row.values()] for row in rows]
    if not console.is_terminal:
        for line in (columns, *cells):
            console.file.write("\t".join(line) + "\n")
        return
    table = Table(*columns, box=None)
    for line in cells:
        table.add_row(*(escape(cell) for cell in line))
    console.print(table)


def _cell(value: Cell) -> str:
    return printable(" > ".join(value) if isinstance(value, list) else "" if value is None else str(value))


def print_finding(console: Console, finding: Finding) -> None:
    """Print what a preflight has found."""
    marks = {"ok": "[green]ok[/]     ", "warning": "[yellow]warning[/]", "failed": "[red]failed[/] "}
    console.print(f"{marks[finding.state]}  {finding.name:<9}", end=" ")
    console.print(printable(finding.text, lines=True), markup=False, highlight=False, soft_wrap=True)


def print_evaluation(console: Console, remarks: Console, evaluation: Evaluation, worst: int) -> None:
    """Print how well networks recognize a run's pictures.

    Args:
        console: Gets the tables: of all networks, and of what each recognizes worst.
        remarks: Is told which classes a judge does not know.
        evaluation: What is to be told.
        worst: How many pictures to list for each network; 0 for no such list.
    """
    dreamer = evaluation.network.network
    if companions := dreamer.get("companions"):
        dreamers = together([one["name"] for one in (dreamer, *companions)])
        remarks.print(printable(f"Dreamed by {dreamers}"), markup=False, highlight=False)
    names = [f"{dreamer['name']} (dreamed)", *judge_names(evaluation, " (judge)")]
    networks = list(zip(names, (evaluation.network, *evaluation.judges), strict=True))
    print_table(console, [_figures_row(name, figures) for name, found in networks for figures in found.figures])
    failures = [_failure_row(name, score) for name, found in networks for score in failed(found.pictures)[:worst]]
    if failures:
        console.print()
        print_table(console, failures)
    elif worst and any(figures.top_1 is not None for _, found in networks for figures in found.figures):
        remarks.print("Every picture is recognized")
    for name, found in networks:
        if found.unknown:
            titles = list_titles([record.title for record in found.unknown])
            text = f"{name} does not know, and is not measured by, {len(found.unknown)} of the classes: {titles}"
            remarks.print(printable(text, lines=True), markup=False, soft_wrap=True)


def _figures_row(name: str, figures: Figures) -> dict[str, Cell]:
    """What is known of a network's figures: those of classes, or those of other targets."""
    numbers = {
        "top-1": (figures.top_1, ".3f"),
        "top-5": (figures.top_5, ".3f"),
        "mean log-probability": (figures.mean_log_probability, "z.2f"),
        "median rank": (figures.median_rank, "g"),
        "mean activation": (figures.mean_activation, "z.2f"),
    }
    shown: dict[str, Cell] = {"network": name, "pictures": _VIEWS[figures.shown], "classes": figures.pictures}
    return shown | {key: format(value, spec) for key, (value, spec) in numbers.items() if value is not None}


def _failure_row(name: str, score: PictureScore) -> dict[str, Cell]:
    others = [seen for seen in score.top if seen.dreamed != score.index]
    likely = [seen for seen in others if seen.probability >= 0.01] or others
    return {
        "network": name,
        "picture": _VIEWS[score.shown],
        "index": score.index,
        "class": score.title,
        "rank": score.rank,
        "probability": f"{score.probability:.2g}",
        "taken for": ", ".join(f"{seen.title} {seen.probability:.2f}" for seen in likely[:2]),
    }
