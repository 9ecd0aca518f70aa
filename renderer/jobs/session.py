"""Opening a run's directory: alone in it, with the settings that it was begun with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file
from renderer.common.progress import Progress
from renderer.film.recipe import film_recipe, flatten, still_recipe
from renderer.film.timeline import refuse_endless
from renderer.media.codecs import FILM_SUFFIXES, SEGMENT_SUFFIXES
from renderer.media.presentation import Presentation, presentation
from renderer.settings.sections import Settings
from renderer.store.cleaning import refuse_foreign, remove_leftovers, remove_run
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, read_record
from renderer.store.run import Run
from renderer.store.run_file import RunFile, current_versions, read_run_file, write_run_file
from renderer.targets.target import Target

Product = Literal["film", "stills"]


def describe_run(name: str, settings: Settings, targets: Sequence[Target], *, film: bool) -> RunFile:
    """What `run.yaml` is to say of a run that is asked for now, with a film or with stills alone.

    Raises:
        UserError: The settings name a file that is not there, or ask for a film without end.
    """
    if film:
        refuse_endless(settings.film, len(targets), settings.run.segment_seconds)
    network, font = settings.network.identity(), _font_digest(settings)
    return RunFile(
        name=name,
        film=film,
        fingerprints={
            "film": film_recipe(settings, targets, network).digest,
            "stills": still_recipe(settings, targets, network).digest,
            "presentation": _presentation(settings, targets, font).digest,
        },
        network=network,
        font=font,
        versions=current_versions(),
        settings=_with_absolute_paths(settings),
        targets=tuple(targets),
    )


@contextmanager
def opened(directory: Path, wanted: RunFile, progress: Progress, *, restart: bool = False) -> Iterator[Run]:
    """Hold a run's directory, new or begun, to work in it.

    Args:
        directory: The run's directory.
        wanted: The run that is asked for.
        progress: Is told what else has changed since the run was begun.
        restart: Remove what runs have written there before.

    Raises:
        UserError: The directory holds other things, another process works in it, or the run was begun with other
            settings.
    """
    paths = RunPaths(directory)
    refuse_foreign(paths)
    with locked(paths.lock):
        remove_leftovers(paths)
        if restart:
            remove_run(paths, FILM_SUFFIXES, SEGMENT_SUFFIXES)
        if paths.settings.exists():
            wanted = _continued(paths, read_run_file(paths.settings), wanted, progress)
        write_run_file(paths.settings, wanted)
        yield Run(paths, wanted)


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


def _font_digest(settings: Settings) -> str | None:
    font = settings.overlay.font
    if font is None:
        return None
    if not is_ordinary_file(font):
        raise UserError(f"overlay.font: there is no file {font}; relative paths are taken from {Path.cwd()}")
    return file_digest(font)


def _presentation(settings: Settings, targets: Sequence[Target], font: str | None) -> Presentation:
    return presentation(settings, tuple(target.title for target in targets), font)


def _with_absolute_paths(settings: Settings) -> Settings:
    """The same settings, but their paths mean the same from every folder."""
    overlay, video = settings.overlay, settings.video
    return settings.model_copy(
        update={
            "network": settings.network.with_absolute_paths(),
            "overlay": overlay.model_copy(update={"font": overlay.font and overlay.font.absolute()}),
            "video": video.model_copy(update={"audio": video.audio and video.audio.absolute()}),
        }
    )


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
    changed = [text for product in _begun(paths) for text in _changes(old, new, product)]
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
    """What makes a product another one than it was, a line each; nothing where it would be the same."""
    if product == "film":
        same = all(old.fingerprints.get(part) == new.fingerprints[part] for part in ("film", "presentation"))
        differences = _recipe_differences(old, new, product) | _presentation_differences(old, new)
    else:
        with_text = new.settings.stills.overlay or old.settings.stills.overlay
        parts = ("stills", "presentation") if with_text else ("stills",)
        same = all(old.fingerprints.get(part) == new.fingerprints[part] for part in parts)
        differences = _recipe_differences(old, new, product)
        if with_text:
            differences |= _presentation_differences(old, new)
            differences |= _compared("stills.overlay", old.settings.stills.overlay, new.settings.stills.overlay)
    if same and not differences:
        return []
    named = _named_files(old, new)
    found = [_describe(key, *(named.get(key) or values)) for key, values in sorted(differences.items())]
    return found + _target_changes(old, new)


def _recipe_differences(old: RunFile, new: RunFile, product: Product) -> dict[str, tuple[Any, Any]]:
    make = film_recipe if product == "film" else still_recipe
    before, after = (make(run.settings, run.targets, run.network) for run in (old, new))
    return before.differences(after)


def _presentation_differences(old: RunFile, new: RunFile) -> dict[str, tuple[Any, Any]]:
    before, after = (flatten(_presentation(run.settings, run.targets, run.font).data()) for run in (old, new))
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} - {"titles"}
    names = {"font": "overlay.font", "overlay": "overlay.lines"}
    return {names.get(key, key): (before.get(key), after.get(key)) for key in changed}


def _compared(key: str, before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    return {} if before == after else {key: (before, after)}


def _named_files(old: RunFile, new: RunFile) -> dict[str, tuple[Any, Any]]:
    """The paths of the files of which a digest stands in a recipe."""
    before, after = (flatten(run.settings) for run in (old, new))
    keys = {*old.settings.network.files(), *new.settings.network.files(), "overlay.font"}
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) or after.get(key)}


def _describe(key: str, before: Any, after: Any) -> str:
    if before == after:
        return f"{key}: the file is not the one that the run was begun with"
    return f"{key}: was {_show(before)}, is {_show(after)}"


def _target_changes(old: RunFile, new: RunFile) -> list[str]:
    if [(target.key, target.title) for target in old.targets] == [(target.key, target.title) for target in new.targets]:
        return []
    before, after = (run.settings.classes.model_dump(mode="json") for run in (old, new))
    found = [_describe(f"classes.{key}", before[key], after[key]) for key in after if before[key] != after[key]]
    return [*found, f"classes: {_list_titles(old.targets)} before, {_list_titles(new.targets)} now"]


def _list_titles(targets: Sequence[Target]) -> str:
    titles = ", ".join(target.title for target in targets[:3])
    return f"{titles} and {len(targets) - 3} more" if len(targets) > 3 else titles


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
