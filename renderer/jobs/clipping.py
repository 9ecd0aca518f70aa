"""A short piece of a run's film as a file for a friend; another process may be rendering the run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from os.path import lexists
from pathlib import Path

from renderer.atlas.seen import SeenRun, look_at
from renderer.common.errors import UserError
from renderer.common.ffmpeg import frame_rate
from renderer.common.progress import Progress
from renderer.common.quantities import format_time
from renderer.common.wording import either, format_bytes
from renderer.jobs.cuts import Cut, cuts_of_classes, cuts_of_span, film_segments, refuse_missing
from renderer.jobs.footage import Clip, Footage, encode
from renderer.media.clip_forms import KINDS, Form, Kind, find_form, is_readable, smaller_forms
from renderer.media.cropping import Cropping, central
from renderer.settings.sections import Overlay
from renderer.store.files import whole_file, work_folder
from renderer.store.new_folders import make_folder
from renderer.store.outputs import refuse_unwritable, refuse_within
from renderer.store.run import Run
from renderer.store.run_file import RunFile

_UNASKED_SECONDS = 10
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        classes: Entries as in `classes.select`; empty where a span of time is wanted.
        start: Where the span begins, in seconds; None for the beginning of the film.
        end: Where it ends; None for its end.
        kind: The kind of file, by its suffix without the dot; None for that of `output`, or mp4.
        width: In pixels; None for what suits the kind of file.
        proportion: Width to height of the middle part that is shown; None for whole frames.
        fps: Frames per second, at most; None for what suits the kind of file.
        under: Bytes that the file may have; None for any number.
        text: Whether there is text, as in the film.
        output: The file; None for one beside the run's directory, with a name that is free.
        force: Replace a file of that name.
    """

    classes: tuple[str, ...] = ()
    start: Fraction | None = None
    end: Fraction | None = None
    kind: str | None = None
    width: int | None = None
    proportion: tuple[int, int] | None = None
    fps: float | None = None
    under: int | None = None
    text: bool = True
    output: Path | None = None
    force: bool = False


def make_clip(directory: Path, wish: Wish, progress: Progress) -> Clip:
    """Make a clip of the frames that a run has kept, whole or not at all; the run is only read.

    Args:
        directory: The run's directory.
        wish: What is asked for.
        progress: Is told how far it is, and what was decided.

    Raises:
        UserError: The directory holds no run; what is asked for is not there, contradicts itself, or cannot be made so
            small; or the file is there already.
        EncodingError: ffmpeg failed.
        OSError: The file cannot be written.
    """
    seen, name = look_at(directory), _kind_name(wish)
    if not seen.run.file.film:
        raise UserError(f"{directory} holds stills alone, and no film to take a clip of")
    path, kind = _place(seen.paths.root, wish, name), KINDS[name]
    cropping = _cropping(seen.run, wish, kind)
    cuts = _wished_cuts(seen, wish, progress)
    refuse_missing(seen, cuts)
    footage = Footage(_shown_run(seen.run, wish), cuts, kind, cropping, of_classes=bool(wish.classes))
    forms = _forms(footage, wish)
    make_folder(path.parent)
    with work_folder(path) as folder:
        clip = _small_enough(footage, forms, wish, folder / f"clip.{name}", progress)
        with whole_file(path) as temporary:
            clip.path.rename(temporary)
    return replace(clip, path=path)


def _small_enough(footage: Footage, forms: Sequence[Form], wish: Wish, path: Path, progress: Progress) -> Clip:
    """The best clip that is small enough; raises UserError where none is."""
    under, tried = sys.maxsize if wish.under is None else wish.under, list[Clip]()

    def attempt(form: Form) -> int:
        clip = encode(footage, form, path.with_stem("attempt"), progress)
        tried.append(clip)
        if wish.under is not None:
            progress.note(f"{clip.described}: {format_bytes(clip.bytes)}")
        if clip.bytes <= under:
            clip.path.replace(path)
        return clip.bytes

    found = find_form(footage.kind, forms, under, attempt)
    if found is None:
        least = min(tried, key=lambda clip: clip.bytes)
        raise UserError(
            f"--under: {format_bytes(under)} cannot be reached; even with {least.described} it has "
            f"{format_bytes(least.bytes)}. {_advice(wish, footage.kind)}"
        )
    best = next(clip for clip in tried if clip.form == found)
    has_text = bool(footage.run.lines)
    if has_text and footage.kind.codec != "h264" and not is_readable(found, forms[0].width):
        progress.note("its text may be too small to read; --format mp4 keeps more in as many bytes")
    return replace(best, path=path, tries=len(tried))


def _advice(wish: Wish, kind: Kind) -> str:
    free = ["leave --width and --fps out"] if wish.width or wish.fps else []
    other = [] if kind.codec == "h264" else ["take --format mp4, which is much smaller"]
    return f"Ask for a shorter piece{''.join(f', or {one}' for one in (*free, *other))}"


def _kind_name(wish: Wish) -> str:
    suffix = wish.output.suffix.lower().removeprefix(".") if wish.output else None
    if wish.kind and suffix is not None and suffix != wish.kind:
        raise UserError(f"--format: {wish.kind} does not go with --output {wish.output}; give one of the two")
    name = wish.kind or suffix
    if name is not None and name not in KINDS:
        raise UserError(f"{wish.output or name}: a clip is a file that ends in {either([f'.{one}' for one in KINDS])}")
    return name or "mp4"


def _wished_cuts(seen: SeenRun, wish: Wish, progress: Progress) -> list[Cut]:
    is_span = wish.start is not None or wish.end is not None
    if wish.classes and is_span:
        raise UserError("--from and --to are times of the film, not of a class; give classes or times, not both")
    if wish.classes:
        return cuts_of_classes(seen, wish.classes)
    segments, fps, end = film_segments(seen), seen.run.settings.film.fps, wish.end
    total = sum(segment.frames for segment in segments) / frame_rate(fps)
    if not is_span and total > _UNASKED_SECONDS:
        end = Fraction(_UNASKED_SECONDS)
        progress.note(
            f"the first {end} s of {format_time(total)}; name classes, or give --from and --to, for another piece"
        )
    return cuts_of_span(segments, fps, wish.start or Fraction(0), end)


def _place(root: Path, wish: Wish, name: str) -> Path:
    """Where the clip goes; never over a file that nobody spoke of."""
    beside = root if root.name and root.name != ".." else root.resolve()
    stem = f"{beside.name}-clip"
    path = wish.output or _free(beside.parent, stem, name)
    refuse_within(root, path, f"--output: {path}")
    if path.is_dir():
        raise UserError(f"--output: {path} is a folder; name a file in it")
    if lexists(path) and not wish.force:
        raise UserError(f"{path} is there already; replace it with --force, or choose another name with --output")
    refuse_unwritable(path.parent)
    return path


def _free(folder: Path, stem: str, name: str) -> Path:
    paths = (folder / f"{stem}{f'-{number}' if number > 1 else ''}.{name}" for number in range(1, 10**6))
    return next(path for path in paths if not lexists(path))


def _shown_run(run: Run, wish: Wish) -> Run:
    """The run, without text if none is wanted."""
    if wish.text:
        return run
    settings = run.settings.model_copy(update={"overlay": Overlay(lines=())})
    scenes = {key: scene.without_text for key, scene in run.file.scenes.items()}
    file: RunFile = run.file.model_copy(update={"settings": settings, "scenes": scenes})
    return Run(run.paths, file)


def _cropping(run: Run, wish: Wish, kind: Kind) -> Cropping:
    film = run.settings.film
    found = central((film.width, film.height), wish.proportion, is_even=kind.codec == "h264")
    if found is None:
        across, down = wish.proportion or (film.width, film.height)
        raise UserError(f"--crop: of {film.width}x{film.height} pixels, {across}:{down} leaves nothing")
    return found


def _forms(footage: Footage, wish: Wish) -> list[Form]:
    """The form that is asked for, and those that may take its place so that the file gets smaller."""
    kind, cropping, film_fps = footage.kind, footage.cropping, footage.run.settings.film.fps
    rates = kind.rates(film_fps) if wish.fps is None else [min(wish.fps, film_fps)]
    form = Form(wish.width or min(kind.width, cropping.size[0]), rates[0], kind.quality)
    width, height = cropping.scaled(form.width)
    if max(width, height) > _LARGEST_SIDE:
        raise UserError(f"--width: the clip would have {width}x{height} pixels; {_LARGEST_SIDE} are the most on a side")
    return smaller_forms(kind, form, rates, any_width=wish.width is None)
