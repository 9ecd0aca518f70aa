"""One photograph dreamed, without a configuration and without a run's directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from renderer.common.errors import UserError, naming
from renderer.common.photographs import photograph_size, read_photograph
from renderer.common.progress import Progress
from renderer.film.tasks import Picture
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.machine import choose, note_machine
from renderer.jobs.session import describe_run
from renderer.jobs.stills import dream_unwritten
from renderer.jobs.worker import MakeWorker, Worker, local_worker
from renderer.media.contact_sheet import Cell, SheetStyle, check_sheet_path, write_sheet
from renderer.settings.loading import check_settings, find_network, parse_network
from renderer.settings.sections import Settings
from renderer.starts.picture import PictureStart
from renderer.store.files import whole_file, work_folder
from renderer.store.new_folders import make_folder
from renderer.store.outputs import refuse_unwritable
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from renderer.targets.target import Score, Target

NETWORK = "squeezenet1_1"
"""Name of the network that dreams photographs where no other one is named."""

_LAYER, _GUIDED_LAYER = "features.9", "features.7"  # Of that network: one sees eyes and wheels, the other textures.
_SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SMALLEST = 16
_STRIP = (10, 50)
_STRIP_SIDE = 480


@dataclass(frozen=True)
class PhotoWish:
    """What is to be dreamed into a photograph.

    Attributes:
        photo: The file.
        entry: A class, as in `classes.select`; None for what a layer sees.
        layer: Name of the layer; None for one that suits.
        guide: A picture whose features the layer is to see.
        iterations: Ascent steps.
        keep: How near to the photograph the dream stays, from 0 to 1.
        size: Longest side of the dream in pixels; it is never larger than the photograph.
        network: How the network is called, as for the command `networks`.
        weights: Its weights, where they are given apart.
        overrides: Further settings.
        output: The file to be; None for one beside the photograph.
        strip: Also a file that shows the photograph, and the dream after 10 and 50 iterations.
        force: Replace files that are there.
    """

    photo: Path
    entry: str | None = None
    layer: str | None = None
    guide: Path | None = None
    iterations: int = 10
    keep: float = 0.3
    size: int = 1024
    network: str = NETWORK
    weights: str | None = None
    overrides: Sequence[str] = ()
    output: Path | None = None
    strip: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class DreamedPhoto:
    """A photograph that has been dreamed.

    Attributes:
        path: The file.
        target: What was dreamed into it.
        before: What the network says of the photograph.
        after: What it says of the dream.
        strip: The file with the strip, if one was asked for.
    """

    path: Path
    target: Target
    before: Score
    after: Score
    strip: Path | None


def dream_photo(wish: PhotoWish, progress: Progress, make_worker: MakeWorker = local_worker) -> DreamedPhoto:
    """Dream a photograph, and write it whole or not at all.

    Args:
        wish: What is asked for.
        progress: Is told how far it is.
        make_worker: Makes what dreams.

    Raises:
        UserError: There is no such photograph, class, layer or network, what is asked for contradicts itself, or a
            file is there already.
        OSError: A file cannot be written.
        RuntimeError: Memory ran out, or the device failed.
    """
    path = _place(wish)
    settings = _settings(wish)
    _refuse_unused(settings, wish)
    run, photo = _run(settings), _photograph(wish, settings)
    note_machine(run.file, progress)
    with closing(make_worker(run.file.decided)) as worker:
        target = run.targets[0]
        dream = _dreamed(run, worker, progress)
        before, after = (worker.score(target.aim, picture) for picture in (photo, dream))
        shown = _for_strip(settings, photo, dream, worker, progress) if wish.strip else {}
    _save(path, dream)
    if wish.strip:
        _write_strip(wish.strip, shown)
    return DreamedPhoto(path, target, before, after, wish.strip)


def _dreamed(run: Run, worker: Worker, progress: Progress) -> Picture:
    stills = dream_unwritten(run, worker, progress)
    return stills[run.targets[0].key][0].picture


def _run(settings: Settings) -> Run:
    """A run of which nothing is on the disk."""
    try:
        targets = chosen_targets(settings)
    except UserError as error:
        raise UserError(str(error).replace("classes.select[0]", "--class")) from error
    if len(targets) > 1:
        raise UserError(f"--class: {settings.classes.select[0]!r:.60} stands for {len(targets)} classes; name one")
    return Run(RunPaths(Path()), describe_run("dream", settings, targets, film=False, chosen=choose(settings)))


def _settings(wish: PhotoWish) -> Settings:
    with naming("PICTURE"):
        height, width = photograph_size(wish.photo)
    shrink = min(1.0, wish.size / max(height, width))
    said: Mapping[str, object] = {
        "network": _network(wish),
        "classes": {"select": ["all" if wish.entry is None else wish.entry]},
        "start": {"kind": "picture", "path": str(wish.photo), "fit": "stretch", "keep": wish.keep},
        "stills": {
            "width": max(_SMALLEST, round(width * shrink)),
            "height": max(_SMALLEST, round(height * shrink)),
            "steps": wish.iterations,
            "retries": 0,
            "smooth": 0.0,
        },
        "dream": {"octaves": 3, "transforms": {"views": 4}},
    }
    return check_settings(said, wish.overrides)


def _network(wish: PhotoWish) -> dict[str, Any]:
    if wish.entry is not None and (wish.layer or wish.guide):
        raise UserError("--class does not go with --layer or --guide; a dream is of the one or of the other")
    found = find_network(wish.network, "--network")
    if wish.weights is not None:
        found = parse_network(found.model_dump_json(exclude_unset=True), "--network", wish.weights)
    said = found.model_dump(mode="json", exclude_unset=True) | {"source": found.model_dump()["source"]}
    if wish.entry is not None:
        return said
    layer = wish.layer or _usual_layer(wish, check_settings({"network": said}))
    if wish.guide is None:
        return said | {"targets": {"kind": "layers", "layers": [layer]}}
    if wish.guide.is_dir():
        raise UserError(f"--guide: {wish.guide} is a folder; name one picture")
    return said | {"targets": {"kind": "guide", "picture": str(wish.guide), "layer": layer}}


def _usual_layer(wish: PhotoWish, settings: Settings) -> str:
    if wish.network == NETWORK:
        return _LAYER if wish.guide is None else _GUIDED_LAYER
    from renderer.networks.loaded import load_network  # noqa: PLC0415  torch takes seconds

    return load_network(settings.network).texture_layer


def _photograph(wish: PhotoWish, settings: Settings) -> Picture:
    return read_photograph(wish.photo, (settings.stills.height, settings.stills.width), "stretch").frame


def _place(wish: PhotoWish) -> Path:
    path = wish.output or wish.photo.with_name(f"{wish.photo.stem}-dream.png")
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(f"--output: {path} is no picture file; let it end in {', '.join(_SUFFIXES)}")
    if wish.strip:
        check_sheet_path(wish.strip)
    for option, file in (("--output", path), ("--strip", wish.strip)):
        if file is None:
            continue
        _refuse_taken(option, file, [wish.photo, wish.guide, path if option == "--strip" else None])
        if file.exists() and (not wish.force or not file.is_file()):
            raise UserError(f"{option}: {file} is there already; choose another file, or replace it with --force")
        refuse_unwritable(file.parent)
    return path


def _refuse_taken(option: str, file: Path, others: Sequence[Path | None]) -> None:
    """Refuse a file that is needed, or written, under another name."""
    if taken := next((other for other in others if other and file.resolve() == other.resolve()), None):
        raise UserError(f"{option}: {file} is the same file as {taken}; choose another one")


def _refuse_unused(settings: Settings, wish: PhotoWish) -> None:
    if settings.stills.variants != 1 or settings.stills.alpha or settings.stills.overlay:
        raise UserError("--set: one plain picture is dreamed, so stills.variants, alpha and overlay are of no use here")
    if not isinstance(settings.start, PictureStart) or settings.start.path != wish.photo:
        raise UserError("--set: the picture is what it starts from, so start.kind and start.path cannot be set here")


def _save(path: Path, picture: Picture) -> None:
    make_folder(path.parent)
    with whole_file(path) as temporary:
        Image.fromarray(picture).save(temporary, format=_SUFFIXES[path.suffix.lower()], quality=92)


def _for_strip(
    settings: Settings, photo: Picture, dream: Picture, worker: Worker, progress: Progress
) -> dict[str, Picture]:
    """The photograph, and what some numbers of iterations give, by what is said of them."""
    shown = {"photograph": photo}
    for iterations in _STRIP:
        run = _run(check_settings(settings, {"stills.steps": iterations}))
        is_made = iterations == settings.stills.steps
        shown[f"{iterations} iterations"] = dream if is_made else _dreamed(run, worker, progress)
    return shown


def _write_strip(path: Path, shown: Mapping[str, Picture]) -> None:
    make_folder(path.parent)
    with work_folder(path) as folder:
        cells = []
        for number, (title, picture) in enumerate(shown.items()):
            _save(folder / f"{number}.png", picture)
            cells.append(Cell(title, (folder / f"{number}.png",)))
        longer = max(side for picture in shown.values() for side in picture.shape[:2])
        style = SheetStyle(len(cells), min(_STRIP_SIDE, longer), None, titles=True)
        write_sheet(path, cells, style)
