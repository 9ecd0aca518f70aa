"""What `check` draws: the film of some settings on paper, and a table of what is heard in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from renderer.common.errors import UserError
from renderer.film.scenes import Scene
from renderer.jobs.commands import Request
from renderer.jobs.hearing import heard_by, heard_names
from renderer.jobs.preflight import foreseen_targets, knows_order
from renderer.jobs.session import direct
from renderer.jobs.sketching import sketch_film, together
from renderer.media.sketch import FilmSketch, check_drawing_path, write_drawing
from renderer.store.files import whole_file
from renderer.store.outputs import refuse_unwritable, refuse_within

if TYPE_CHECKING:
    from renderer.sound.hearing import Hearing

_OTHER_ORDER = (
    "classes.order: similarity is known to the network alone, so the classes are drawn in the order of their indices; "
    "leave --quick out to see theirs"
)


@dataclass(frozen=True)
class DrawingWish:
    """What is to be drawn, each into a file; None is left out.

    Attributes:
        plot: The values over time.
        storyboard: The whole film.
        curves: A table of what is heard.
    """

    plot: Path | None = None
    storyboard: Path | None = None
    curves: Path | None = None

    @classmethod
    def of(cls, name: str, plot: str | None, storyboard: str | None, curves: Path | None) -> DrawingWish:
        """What the command line asks for; an empty name of a file is the usual one, in the current folder."""
        return cls(
            plot=None if plot is None else Path(plot or f"{name}-plot.png"),
            storyboard=None if storyboard is None else Path(storyboard or f"{name}-storyboard.png"),
            curves=curves,
        )

    def check(self, run: Path) -> None:
        """Refuse files that cannot be, before anything is heard or drawn.

        Args:
            run: The directory of the run, where none of them may be.

        Raises:
            UserError: One has the wrong ending, something else is there, or nothing can be written there.
        """
        wished = (("--plot", self.plot), ("--storyboard", self.storyboard), ("--curves", self.curves))
        files = {option: path for option, path in wished if path}
        for option, path in files.items():
            check = _check_table_path if option == "--curves" else check_drawing_path
            check(option, path)
            refuse_within(run, path, f"{option}: {path}")
        for (option, path), (other, second) in combinations(files.items(), 2):
            if path.resolve() == second.resolve():
                raise UserError(f"{option} and {other}: both name {path}; name two files")


def _check_table_path(option: str, path: Path) -> None:
    if path.suffix.lower() != ".csv":
        raise UserError(f"{option}: {path} must end in .csv")
    if path.exists() or path.is_symlink():  # It may have been changed by hand.
        raise UserError(f"{option}: {path} is there; name another file, or remove it")
    refuse_unwritable(path.parent)


def draw_film(request: Request, wish: DrawingWish, *, quick: bool) -> list[str]:
    """Draw the film of a request.

    Args:
        request: What would be rendered.
        wish: What is to be drawn; see `DrawingWish.check`.
        quick: The network must not be loaded.

    Returns:
        What has come of each wish, a line each.

    Raises:
        UserError: The film or what is heard in it is not known.
        OSError: A file cannot be written.
    """
    said = list[str]()
    try:
        hearing = heard_by(request.settings)
    except UserError as error:
        if wish.curves or heard_names(request.settings):
            raise
        hearing = None
        said.append(f"what is heard is left out: {error}")
    if wish.curves:
        said.append(_write_heard(wish.curves, hearing))
    if wish.plot or wish.storyboard:
        sketch = _sketched(request, hearing, quick=quick)
        said += [_plot(wish.plot, sketch)] if wish.plot else []
        said += [_storyboard(wish.storyboard, sketch)] if wish.storyboard else []
        said += [] if knows_order(request.settings, quick=quick) else [_OTHER_ORDER]
    return said


def _sketched(request: Request, hearing: Hearing | None, *, quick: bool) -> FilmSketch:
    settings = request.settings
    if quick and settings.network.needs_network:
        raise UserError("only the network can list its classes, and nothing is drawn without them; leave --quick out")
    targets = foreseen_targets(settings, quick=quick)
    direction = direct(settings, targets, film=True)
    scenes = [direction.scenes.get(target.key, Scene()) for target in targets]
    return sketch_film(request.name, settings, targets, scenes, direction.times, hearing)


def _plot(path: Path, sketch: FilmSketch) -> str:
    from renderer.media.plots import draw_plot  # noqa: PLC0415  matplotlib is slow

    what = "what is heard" if not sketch.curves else "values over time"
    if not sketch.curves and not sketch.heard and not sketch.beats:
        return "--plot: nothing of the settings changes over time, and there is no sound; nothing is drawn"
    width, height = write_drawing(path, draw_plot(sketch))
    none = "" if sketch.curves else "; nothing of the settings changes over time"
    return f"{path}: {what}, {width}x{height}{none}"


def _storyboard(path: Path, sketch: FilmSketch) -> str:
    from renderer.media.storyboard import draw_storyboard  # noqa: PLC0415

    width, height = write_drawing(path, draw_storyboard(sketch))
    return f"{path}: storyboard, {width}x{height}"


def _write_heard(path: Path, hearing: Hearing | None) -> str:
    from renderer.sound.csv_file import write_curves  # noqa: PLC0415

    if hearing is None:
        raise UserError("--curves: nothing is heard; name a sound as video.audio, or leave the option out")
    curves = together(hearing)
    with whole_file(path, durable=False) as temporary:
        write_curves(temporary, curves)
    return f"{path}: {', '.join(curves.values)}; {curves.seconds:.1f} s, for film.curves"
