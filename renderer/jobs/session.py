"""Opening a run's directory: alone in it, with the settings that it was begun with."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from renderer.common.errors import UserError
from renderer.film.timeline import Timeline, build_timeline, crossfade_frames
from renderer.jobs.named_files import file_contents, is_text, with_absolute_paths
from renderer.jobs.progress import Progress
from renderer.media.codecs import FILM_SUFFIX, SEGMENT_SUFFIX
from renderer.settings.loading import flatten
from renderer.settings.sections import Settings
from renderer.store.cleaning import refuse_foreign, remove_leftovers, remove_run
from renderer.store.fingerprint import Difference, Product, by_contents, differences, fingerprint, relevant
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, read_record
from renderer.store.run_file import RunFile, current_versions, read_run_file, write_run_file
from renderer.targets.class_lists import class_list
from renderer.targets.target import ClassRecord

_LOG = logging.getLogger(__name__)
_PRODUCTS: tuple[Product, ...] = ("film", "stills")


@dataclass(frozen=True)
class Run:
    """A run and all that follows from its settings.

    Attributes:
        paths: Its directory.
        name: Name of its configuration.
        film: Whether a film was asked for, not stills alone.
        settings: Its settings.
        classes: The selected classes in the order of the film.
        contents: What stands for the contents of the files that make pixels, by key.
    """

    paths: RunPaths
    name: str
    film: bool
    settings: Settings
    classes: tuple[ClassRecord, ...]
    contents: Mapping[str, str]

    @cached_property
    def timeline(self) -> Timeline:
        """The film on paper."""
        indices = [record.index for record in self.classes]
        return build_timeline(self.settings.film, indices, self.settings.run.segment_seconds)

    @cached_property
    def titles(self) -> Mapping[int, str]:
        """Titles of all classes that the network knows, by index."""
        titles = {record.index: record.title for record in self.classes}
        try:
            return {record.index: record.title for record in class_list(self.settings.network)} | titles
        except UserError:
            # A class list of the user's own may be gone by now; the selected classes are kept with the run.
            return titles

    @property
    def fade(self) -> int:
        """Frames of the crossfade between two chains."""
        return crossfade_frames(self.settings.film)


def describe_run(name: str, settings: Settings, classes: Sequence[ClassRecord], *, film: bool) -> RunFile:
    """What `run.yaml` is to say of a run that is asked for now, with a film or with stills alone.

    Raises:
        UserError: The settings name a file that is not there, or a name cannot be written down.
    """
    if not is_text(name):
        raise UserError(f"{name!a}: the name of the configuration is no UTF-8; rename the file")
    contents = file_contents(settings)
    found = by_contents(settings, contents)
    selected = [[record.index, record.title] for record in classes]
    return RunFile(
        name=name,
        film=film,
        fingerprints={product: fingerprint([relevant(found, product), selected]) for product in _PRODUCTS},
        contents=contents,
        versions=current_versions(),
        settings=with_absolute_paths(settings),
        classes=tuple(classes),
    )


def load_run(directory: Path) -> Run:
    """The run that a directory holds; raises UserError where it holds none."""
    paths = RunPaths(directory)
    stored = read_run_file(paths.settings)
    return stored_run(paths, stored)


@contextmanager
def opened(
    directory: Path,
    wanted: RunFile,
    progress: Progress,
    *,
    restart: bool = False,
    before: Callable[[Run], None] | None = None,
) -> Iterator[Run]:
    """Hold a run's directory, new or begun, to work in it.

    Args:
        directory: The run's directory.
        wanted: The run that is asked for.
        progress: Is told what else has changed since the run was begun.
        restart: Remove what runs have written there before.
        before: Is done first, before anything is removed or written down; what it raises ends everything.

    Raises:
        UserError: The directory holds other things, another process works in it, or the run was begun with other
            settings.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    with locked(paths.lock):
        remove_leftovers(paths)
        if before:
            before(stored_run(paths, wanted))
        if restart:
            remove_run(paths, set(FILM_SUFFIX.values()), set(SEGMENT_SUFFIX.values()))
        if paths.settings.exists():
            wanted = _continued(paths, read_run_file(paths.settings), wanted, progress)
        write_run_file(paths.settings, wanted)
        _log_circumstances(wanted)
        yield stored_run(paths, wanted)


def refuse_unsuitable(directory: Path, wanted: RunFile | None) -> None:
    """Refuse a directory that `opened` would refuse, without touching it.

    Args:
        directory: The directory.
        wanted: The run that is asked for; None if that cannot be told.

    Raises:
        UserError: The directory holds other things, or a run that was begun with other settings.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    if wanted and paths.settings.exists():
        _refuse_changes(paths, read_run_file(paths.settings), wanted)


@contextmanager
def reopened(directory: Path) -> Iterator[Run]:
    """Hold the directory of a run that was begun, with its own settings; raises UserError."""
    run = load_run(directory)
    with locked(run.paths.lock):
        remove_leftovers(run.paths)
        yield run


def stored_run(paths: RunPaths, stored: RunFile) -> Run:
    """The run that `run.yaml` describes."""
    return Run(paths, stored.name, stored.film, stored.settings, stored.classes, stored.contents)


def _log_circumstances(run: RunFile) -> None:
    """What a log begins with."""
    versions = ", ".join(f"{package} {version}" for package, version in run.versions.items())
    _LOG.info("%s: %d classes; %s", run.name, len(run.classes), versions)
    _LOG.info("machine: %s, %s cores", platform.platform(), os.cpu_count())
    _LOG.info("settings: %s", json.dumps(run.settings.model_dump(mode="json"), ensure_ascii=False))


def _continued(paths: RunPaths, old: RunFile, new: RunFile, progress: Progress) -> RunFile:
    _refuse_changes(paths, old, new)
    begun = _begun(paths)
    for package, version in new.versions.items():
        if begun and old.versions.get(package, version) != version:
            progress.note(
                f"warning: the run was begun with {package} {old.versions[package]}, this is {version}; "
                "the rest may differ a little"
            )
    return new.model_copy(update={"film": old.film or new.film})


def _refuse_changes(paths: RunPaths, old: RunFile, new: RunFile) -> None:
    changed = [text for product in _begun(paths) if old.fingerprints.get(product) != new.fingerprints[product]
               for text in _changes(old, new, product)]  # fmt: skip
    if changed:
        lines = "".join(f"  {text}\n" for text in dict.fromkeys(changed))
        raise UserError(
            f"{paths.root} was begun with other settings, and these change its pictures:\n{lines}"
            "Set them back to continue it, choose another directory with --output, or begin anew with --restart"
        )


def _begun(paths: RunPaths) -> list[Product]:
    """What a directory already holds pieces of."""
    stills = (read_record(path, StillRecord) for path in paths.state.glob("still-*.json"))
    begun: list[Product] = ["stills"] if any(record and record.fresh for record in stills) else []
    # Records of segments, and of lead-ins; those of stills have other names.
    return ["film", *begun] if any(paths.state.glob("[0-9l]*.json")) else begun


def _changes(old: RunFile, new: RunFile, product: Product) -> list[str]:
    before, after = flatten(old.settings), flatten(new.settings)
    changed = differences(by_contents(old.settings, old.contents), by_contents(new.settings, new.contents), product)
    files = {*old.contents, *new.contents}
    found = [_describe_file(item.key, before, after) if item.key in files else str(item) for item in changed]
    if [(record.index, record.title) for record in old.classes] == [(r.index, r.title) for r in new.classes]:
        return found
    keys = [key for key in after if key.startswith("classes.") and before[key] != after[key]]
    found += [str(Difference(key, before[key], after[key])) for key in keys]
    return [*found, f"classes: {_list_classes(old.classes)} before, {_list_classes(new.classes)} now"]


def _describe_file(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say that the contents of a file have changed: by its path, where that has changed too."""
    if before.get(key) == after.get(key):
        return f"{key}: the file is not the one that the run was begun with"
    return str(Difference(key, before.get(key), after.get(key)))


def _list_classes(classes: Sequence[ClassRecord]) -> str:
    titles = ", ".join(record.title for record in classes[:3])
    return f"{titles} and {len(classes) - 3} more" if len(classes) > 3 else titles
