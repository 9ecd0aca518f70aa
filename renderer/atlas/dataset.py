"""A run's stills as a training set: folders by class, as torchvision's `ImageFolder` reads them; the run is only read.

`ImageFolder` numbers the folders in the order of their names, and `train` and `val` each by itself. So the names sort
in the order of the classes, and both have the same ones.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from renderer.atlas.score_table import harmless
from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.progress import Amount, Progress
from renderer.common.wording import listed
from renderer.media.pictures import opaque, open_still
from renderer.store.dataset_folder import KIND, DatasetPaths, refuse_unsuitable, replacing
from renderer.store.files import whole_file, write_whole
from renderer.store.new_folders import make_folder
from renderer.store.plain_files import is_plain_file
from renderer.store.records import FacetRecord
from renderer.store.run import load_run
from renderer.targets.slugs import slug
from renderer.targets.target import Target

COLUMNS = ("path", "split", "label", "index", "wnid", "title", "seed", "probability", "rank")
"""Of `labels.csv`, in order; they stay."""

_MOST_SPLIT = 0.9


@dataclass(frozen=True)
class DatasetStyle:
    """How a training set is to be made.

    Attributes:
        split: Share of each class's pictures that are kept for validation, from 0 to 0.9.
        size: Shorter side of the pictures in pixels; None for the stills as they are.
        seed: Of what decides which pictures are kept for validation.
    """

    split: float = 0.1
    size: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Dataset:
    """A training set that has been written.

    Attributes:
        path: Its folder.
        classes: How many classes it has.
        train: How many pictures there are to train on.
        val: How many to validate with.
    """

    path: Path
    classes: int
    train: int
    val: int


_Still = tuple[FacetRecord, Path]
"""What is known of a still, and its file."""


@dataclass(frozen=True)
class _Entry:
    """A picture of the set: whose it is, where it goes, what is known of it, and where it comes from."""

    target: Target
    label: int
    split: str
    path: str
    still: FacetRecord
    source: Path

    @property
    def row(self) -> dict[str, object]:
        score, target = self.still.score, self.target
        known = {"index": target.index, "wnid": target.wnid, "title": target.title, "seed": self.still.seed}
        placed = {"path": self.path, "split": self.split, "label": self.label}
        return placed | known | {"probability": score.probability, "rank": score.rank}


def default_place(directory: Path) -> Path:
    """Where a training set is written if nothing else is said: beside the run."""
    beside = directory if directory.name and directory.name != ".." else directory.resolve()
    return beside.parent / f"{beside.name}-imagefolder"


def export_dataset(directory: Path, style: DatasetStyle, output: Path, progress: Progress) -> Dataset:
    """Write a run's stills as a training set, whole or not at all; an earlier one in the same folder is replaced.

    The run may be unfinished. Which stills are kept for validation depends on the style's seed, the class and the
    still's own seed, on nothing else.

    Args:
        directory: The run's directory.
        style: How it is to be made.
        output: The folder to write to.
        progress: Is told what is left out, and how far it is.

    Raises:
        UserError: The directory holds no run or no still yet, or the folder is not to be used.
        OSError: Something cannot be read or written.
    """
    if not 0 <= style.split <= _MOST_SPLIT:  # nor is it no number
        raise UserError(f"--split: {style.split:g} is no share from 0 to {_MOST_SPLIT:g}")
    seen, paths = SeenRun(load_run(directory), thorough=True), DatasetPaths(output)
    refuse_unsuitable(paths, directory)
    stills = {target: found for target in seen.run.targets if (found := _stills(seen, target))}
    if not stills:
        raise UserError(f"{directory} holds no finished still yet")
    entries = _entries(stills, style)
    for text in (*_left_out(seen, stills), *_lacking(entries, style)):
        progress.note(text)
    with replacing(paths, directory) as made:
        _write_pictures(entries, made, style.size, progress)
        _write_lists(seen, entries, made, style)
    validating = sum(entry.split == "val" for entry in entries)
    return Dataset(output, len(stills), len(entries) - validating, validating)


def _stills(seen: SeenRun, target: Target) -> list[_Still]:
    """The stills of a target that are there, best first, and their files; of those with text, as they were before.

    A network would learn to read.
    """
    found = seen.still(target)
    if found is None:
        return []
    stills = [FacetRecord(still=found.still, score=found.score, seed=found.seed), *found.facets]
    files = [seen.paths.root / one.still.path for one in stills]
    if found.text is not None:
        files = [seen.paths.clean_still(file.name) for file in files]
    return [(one, file) for one, file in zip(stills, files, strict=True) if is_plain_file(file)]


def _entries(stills: Mapping[Target, Sequence[_Still]], style: DatasetStyle) -> list[_Entry]:
    width = max(len(str(target.index)) for target in stills)
    folders = {_folder(target, max(4, width)): target for target in stills}
    found = []
    for label, name in enumerate(sorted(folders)):
        target = folders[name]
        kept = _kept(target, [still for still, _ in stills[target]], style)
        for place, (still, source) in enumerate(stills[target]):
            split = "val" if place in kept else "train"
            path = f"{split}/{name}/{Path(still.still.path).name}"
            found.append(_Entry(target, label, split, path, still, source))
    return found


def _folder(target: Target, width: int) -> str:
    """Name of a class's folder, `0007-cock`: sorted by name they are sorted by number, also beyond 10000 classes."""
    return f"{target.index:0{width}d}-{slug(target.title)}" if target.is_class else target.key


def _kept(target: Target, stills: Sequence[FacetRecord], style: DatasetStyle) -> set[int]:
    """Places of the stills that are kept for validation; one at least, where that leaves one to train on."""
    wanted = max(1, int(len(stills) * style.split + 0.5)) if style.split else 0
    drawn = sorted(range(len(stills)), key=lambda place: data_digest([style.seed, target.key, stills[place].seed]))
    return set(drawn[: min(wanted, len(stills) - 1)])


def _left_out(seen: SeenRun, made: Collection[Target]) -> list[str]:
    """What is not in the set, a line each."""
    lines = []
    missing = [target.title for target in seen.run.targets if target not in made]
    if missing:
        count = f"{len(missing)} of {len(seen.run.targets)} classes"
        lines.append(f"left out, for they have no whole still without text: {count}: {listed(missing)}")
    if damaged := seen.damaged_stills:
        lines.append(f"left out, for it is damaged or missing: {listed(damaged)}")
    return lines


def _lacking(entries: Sequence[_Entry], style: DatasetStyle) -> list[str]:
    """What there is too little of to divide, a line each."""
    if not style.split:
        return []
    kept = {entry.target for entry in entries if entry.split == "val"}
    single = [entry.target.title for entry in entries if entry.target not in kept]
    if not single:
        return []
    advice = "stills.variants asks for several stills of a class"
    if not kept:
        return [f"every class has one still alone, so there is no `val`; {advice}"]
    return [
        f"{len(single)} classes have one still alone, and empty folders in `val`, for which ImageFolder needs "
        f"allow_empty=True: {listed(single)}; {advice}"
    ]


def _write_pictures(entries: Sequence[_Entry], paths: DatasetPaths, size: int | None, progress: Progress) -> None:
    splits = {entry.split for entry in entries}
    for folder in {Path(entry.path).parent.name for entry in entries}:
        for split in splits:
            make_folder(paths.root / split / folder)
    left = [entry.label for entry in entries]
    progress.begin("pictures", total=Amount(len(entries), len(set(left))), done=Amount(0, 0))
    for entry, following in zip(entries, [*left[1:], None], strict=True):
        _write_picture(entry.source, paths.root / entry.path, size)
        progress.advance(Amount(1, int(entry.label != following)), [entry.target.title])
    progress.end()


def _write_picture(source: Path, path: Path, size: int | None) -> None:
    """Copy a still, or what is to become of it; it can be made again from the run at any time."""
    with open_still(source) as image, whole_file(path, durable=False) as temporary:
        if image.mode == "RGB" and size in (None, min(image.size)):
            shutil.copyfile(source, temporary)
            return
        shown = opaque(image)
        if size is not None:
            shown = shown.resize(_scaled(shown.size, size), Image.Resampling.LANCZOS)
        shown.save(temporary, format="PNG")


def _scaled(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    width, height = (max(1, round(side * shorter / min(size))) for side in size)
    return width, height


def _write_lists(seen: SeenRun, entries: Sequence[_Entry], paths: DatasetPaths, style: DatasetStyle) -> None:
    first = {entry.label: entry for entry in reversed(entries)}
    classes = [_described(first[label]) for label in range(len(first))]
    contents: dict[str, Any] = {"kind": KIND, "version": 1, "name": seen.run.name}
    contents |= {"network": seen.run.settings.network.describe(), "split": style.split, "seed": style.seed}
    contents["classes"] = classes
    _write_table(paths.labels, entries)
    titles = "".join(f"{' '.join(str(one['title']).split())}\n" for one in classes)
    write_whole(paths.titles, titles.encode(errors="backslashreplace"), durable=False)
    text = json.dumps(contents, ensure_ascii=False, indent=1) + "\n"
    write_whole(paths.contents, text.encode(errors="backslashreplace"), durable=False)


def _described(entry: _Entry) -> dict[str, object]:
    target = entry.target
    return {
        "label": entry.label,
        "folder": Path(entry.path).parent.name,
        "index": target.index,
        "wnid": target.wnid,
        "title": target.title,
    }


def _write_table(path: Path, entries: Sequence[_Entry]) -> None:
    with (
        whole_file(path, durable=False) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in entry.row.items()} for entry in entries)
