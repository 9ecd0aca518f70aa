"""What a worker on another machine needs of this one: the files that settings name, and those of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from renderer.atlas.seen import SeenRun
from renderer.jobs.messages import Equipment, Files
from renderer.jobs.plan import Plan, PlannedSegment
from renderer.store.absent import fetch_absent
from renderer.store.plain_files import is_plain_file, path_within
from renderer.store.records import FileRecord
from renderer.store.run import Run
from renderer.store.run_file import RunFile
from renderer.store.saved_file import read_saved_record


def input_files(run: RunFile) -> list[Path]:
    """The files that pictures, and the text on them, follow from; raises UserError where one cannot be named."""
    settings = run.settings
    found = [*settings.network.files().values(), *settings.dream.parameterization.files().values()]
    found += [start.path for start in run.start.values()]
    found += [path for path in _named_by(run) if path.is_file()]
    return sorted({path.absolute() for path in found})


def equipment(run: RunFile, inputs: Sequence[Path], device: str, threads: int) -> Equipment:
    """What a worker of a run is given once.

    Args:
        run: The run.
        inputs: Its input files.
        device: On which device the worker computes.
        threads: With how many threads of a processor.
    """
    folders = [str(path) for path in _named_by(run) if path.is_dir()]
    return Equipment(run.model_dump_json(), device, threads, [str(path) for path in inputs], folders, str(Path.cwd()))


def files_for_film(seen: SeenRun, plan: Plan) -> Files:
    """What is there of a run, and is needed to compute what is planned."""
    own = [path for item in plan.items for path in _of_segment(seen, item)]
    names = {item.segment.name for item in plan.items}
    return _contents(seen.run, [*own, *_saved(seen.run, names)])


def files_for_stills(seen: SeenRun, places: Sequence[int]) -> Files:
    """What is there of the stills of some targets, and where fresh ones stand."""
    own = [path for place in places for path in _of_still(seen, place)]
    names = {seen.run.targets[place].key for place in places}
    return _contents(seen.run, [*own, *_saved(seen.run, names)])


def _named_by(run: RunFile) -> list[Path]:
    """All paths in the settings, but those of the finished film's sound; what values follow is not among them."""
    named = [value for key, section in run.settings if key != "video" for value in _paths(section.model_dump())]
    heard = _paths(run.sound.model_dump(exclude={"digests"})) if run.sound else []
    return [*named, *heard]


def _paths(value: Any) -> Iterator[Path]:
    match value:
        case Path():
            yield value
        case dict():
            for one in value.values():
                yield from _paths(one)
        case list() | tuple():
            for one in value:
                yield from _paths(one)
        case _:
            pass


def _of_segment(seen: SeenRun, item: PlannedSegment) -> Iterator[Path]:
    run, paths, segment = seen.run, seen.paths, item.segment
    if before := run.timeline.before(segment):
        yield paths.picture(before.name)
    yield paths.picture(segment.name)
    if record := seen.of_any_length(segment):
        yield paths.segment_record(segment.name)
        yield from _recorded(seen, record.clean)
    seam = run.timeline.seam(segment, run.fade)
    if seam and (record := seen.segment(seam.lead_in)):
        yield paths.segment_record(seam.lead_in.name)
        yield from _recorded(seen, record.clean)
    if segment.ends_class and not segment.is_lead_in:
        yield from _of_still(seen, segment.position)


def _of_still(seen: SeenRun, position: int) -> Iterator[Path]:
    target = seen.run.targets[position]
    if record := seen.recorded_still(target):
        yield seen.paths.still_record(target.key)
        for path in _recorded(seen, record.files):
            yield path
            yield seen.paths.clean_still(path.name)


def _saved(run: Run, names: set[str]) -> Iterator[Path]:
    """Where groups of any of the names stand, and the frames that are there of them."""
    for path in run.paths.all_saved():
        record = read_saved_record(path)
        if record and not names.isdisjoint(record.names):
            yield path
            for segment in record.segments:
                yield from _recorded(SeenRun(run), segment.clean)


def _recorded(seen: SeenRun, files: Iterable[FileRecord]) -> Iterator[Path]:
    return (path for one in files if (path := path_within(seen.paths.root, one.path)))


def _contents(run: Run, paths: Iterable[Path]) -> dict[str, bytes]:
    wanted = sorted(set(paths))
    fetch_absent(*wanted)
    return {run.paths.relative(path): path.read_bytes() for path in wanted if is_plain_file(path)}
