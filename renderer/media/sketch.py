"""A film on paper: what is drawn of it, as plain data, and what drawings have in common. Knows nothing of runs."""

from __future__ import annotations

import colorsys
import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Bool, Float64
from PIL import Image

from renderer.common.errors import UserError
from renderer.media.fonts import BUNDLED_FONT
from renderer.media.titles import LINE, fit_title
from renderer.store.files import whole_file
from renderer.store.outputs import refuse_unwritable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER, INK, GRAY, FAINT, WARM = "#fbfaf6", "#24262b", "#6d7078", "#d9d7d0", "#d1495b"
LINES = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#0f766e", "#a16207", "#4a5568")
"""Colors of curves, in turn."""
MOST_GROUPS = 12
"""So many groups can be told apart by their colors."""

_SOFTWARE = "neuron-atlas check"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_FALLBACK = "DejaVu Sans"  # Comes with matplotlib.
_LEGEND, _LEGEND_ROW, _MARK = 14.0, 26.0, 26.0  # In pixels.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

Samples = Float64[np.ndarray, "samples"]
Flags = Bool[np.ndarray, "samples"]
Fading = Literal["blend", "crossfade", "chain"]
Mark = Literal["box", "line", "sign"]


@dataclass(frozen=True, eq=False)
class Line:
    """A number over the time of the film.

    Attributes:
        name: What it is called.
        times: In seconds.
        values: What it is then; no number where it is none.
        bounds: Between what it has to be.
        held: Where it would be beyond its bounds, and is held there.
        trouble: Why it is nothing, where it is none.
    """

    name: str
    times: Samples
    values: Samples
    bounds: tuple[float, float] = (-math.inf, math.inf)
    held: Flags | None = None
    trouble: str | None = None

    @property
    def span(self) -> tuple[float, float] | None:
        """The lowest and the highest value; None where it has none."""
        found = self.values[np.isfinite(self.values)]
        return (float(found.min()), float(found.max())) if len(found) else None


@dataclass(frozen=True)
class Card:
    """Text that is shown in place of a class's own.

    Attributes:
        text: What it says.
        begin: When it begins, in seconds.
        end: When it ends.
    """

    text: str
    begin: float
    end: float


@dataclass(frozen=True)
class Block:
    """A class in the time of the film.

    Attributes:
        title: Its title.
        begin: When it begins, in seconds.
        end: When it ends.
        group: What it belongs to, or an empty text.
        note: What else is to be said of it.
        cards: Title cards over its beginning and its end.
    """

    title: str
    begin: float
    end: float
    group: str = ""
    note: str = ""
    cards: tuple[Card, ...] = ()

    @property
    def free(self) -> tuple[float, float]:
        """From when to when no card is over it."""
        begin, end = self.begin, self.end
        for card in self.cards:
            begin = max(begin, card.end) if card.begin <= begin else begin
        for card in reversed(self.cards):
            end = min(end, card.begin) if card.end >= end and card.begin >= begin else end
        return begin, end


@dataclass(frozen=True)
class Fade:
    """A time in which one thing goes over into another.

    Attributes:
        begin: In seconds.
        end: In seconds.
        kind: From the class before by a `blend` or a `crossfade`, or into the next `chain`.
    """

    begin: float
    end: float
    kind: Fading


@dataclass(frozen=True)
class FilmSketch:
    """What is drawn of a film.

    Attributes:
        name: What it is called.
        details: What else is to be said of it.
        blocks: Its classes in order, one at least; each begins where the one before ends.
        curves: Its settings that change over time.
        heard: What is heard, but for beats.
        beats: Seconds at which there are beats.
        fades: Where something goes over into something else.
        chains: When the chains begin, but for the first one.
        cuts: Whether classes begin at once, without anything of the one before.
        font: TrueType or OpenType file for titles, or None for the font that comes along.
    """

    name: str
    details: str
    blocks: tuple[Block, ...]
    curves: tuple[Line, ...] = ()
    heard: tuple[Line, ...] = ()
    beats: tuple[float, ...] = ()
    fades: tuple[Fade, ...] = ()
    chains: tuple[float, ...] = ()
    cuts: bool = False
    font: Path | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.blocks[-1].end

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that tell classes apart by color, the first one first; none where they are too many or one."""
        found = tuple(dict.fromkeys(block.group for block in self.blocks if block.group))
        return found if 1 < len(found) <= MOST_GROUPS else ()

    @property
    def colors(self) -> list[str]:
        """A soft color for each block, by group or in turn."""
        groups = self.groups
        if not groups:
            return [soft_color(place % 6) for place in range(len(self.blocks))]
        return [soft_color(groups.index(block.group)) if block.group in groups else FAINT for block in self.blocks]


@dataclass(frozen=True)
class Label:
    """Text in its place, in pixels from the left and from the top.

    Attributes:
        text: One row or two.
        x: Its middle.
        y: Its middle.
        size: Size of the font.
        room: Width and height of what it covers, as it stands.
        upright: Whether it is read from the bottom to the top.
    """

    text: str
    x: float
    y: float
    size: float
    room: tuple[float, float]
    upright: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        width, height = self.room
        return self.x - width / 2, self.y - height / 2, self.x + width / 2, self.y + height / 2


@dataclass(frozen=True)
class Entry:
    """A line of a legend, in pixels.

    Attributes:
        text: What it says.
        color: Of the mark before it.
        x: Where the mark begins.
        y: Its middle.
        kind: How the mark looks: a box, a line, or a sign.
    """

    text: str
    color: str
    x: float
    y: float
    kind: Mark = "box"


def place_legend(
    sketch: FilmSketch,
    left: float,
    right: float,
    top: float,
    others: Iterable[tuple[str, str, Mark]] = (),
) -> tuple[Entry, ...]:
    """Entries for groups and for others, in as many rows as it takes; empty where there is nothing to explain.

    Args:
        sketch: The film.
        left: Where the legend begins, in pixels.
        right: Where it ends.
        top: Where its first row begins.
        others: Text, color and kind of further ones.
    """
    groups: list[tuple[str, str, Mark]] = [(group, soft_color(n), "box") for n, group in enumerate(sketch.groups)]
    entries: list[Entry] = []
    x, y = left, top + _LEGEND_ROW / 2
    for text, color, kind in (*groups, *others):
        shown = _shortened(sketch.font, text, _LEGEND, right - left - _MARK)
        wide = _MARK + text_width(sketch.font, shown, _LEGEND) + 24
        if x > left and x + wide - 24 > right:
            x, y = left, y + _LEGEND_ROW
        entries.append(Entry(shown, color, x, y, kind))
        x += wide
    return tuple(entries)


def legend_height(entries: Sequence[Entry]) -> float:
    """How much room it takes."""
    return entries[-1].y - entries[0].y + _LEGEND_ROW if entries else 0.0


def draw_legend(axes: Any, entries: Sequence[Entry], font: Path | None = None) -> None:
    """Draw a legend on axes whose units are pixels."""
    for entry in entries:
        x, y = entry.x, entry.y
        if entry.kind == "sign":
            axes.plot([x + 8], [y], marker="D", markersize=8, color=entry.color)
        elif entry.kind == "line":
            axes.plot([x, x + 18], [y, y], linewidth=2.5, color=entry.color)
        else:
            axes.fill([x, x + 18, x + 18, x], [y - 8, y - 8, y + 8, y + 8], color=entry.color, linewidth=0)
        axes.text(
            x + _MARK, y, entry.text, font=font_of(font, _LEGEND), color=GRAY, va="center_baseline", parse_math=False
        )


def write_head(axes: Any, sketch: FilmSketch, left: float, right: float) -> None:
    """Write what a film is called, and what is said of it, on axes whose units are pixels."""
    for text, size, y, color in ((sketch.name, 28.0, 38.0, INK), (sketch.details, 15.0, 70.0, GRAY)):
        shown = _shortened(None, text, size, right - left)
        axes.text(left, y, shown, font=font_of(None, size), color=color, va="center", parse_math=False)


def soft_color(place: int) -> str:
    """One of many soft colors; neighbors differ."""
    hue = (0.58 + place * 0.381966) % 1
    red, green, blue = colorsys.hls_to_rgb(hue, 0.84 - 0.05 * (place % 2), 0.5)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def clock(seconds: float) -> str:
    """A time of the film, such as `0:07`, `0:07.5`, `12:30` or `1:02:30`."""
    tenths = round(10 * seconds)
    whole, tenth = divmod(tenths, 10)
    hours, minutes = divmod(whole // 60, 60)
    end = f"{whole % 60:02d}" + (f".{tenth}" if tenth else "")
    return f"{hours}:{minutes:02d}:{end}" if hours else f"{minutes}:{end}"


def tick_step(seconds_a_pixel: float, least: float) -> float:
    """A handy time between ticks that are so many pixels apart at least."""
    wanted = least * seconds_a_pixel
    return next((step for step in _STEPS if step >= wanted), math.ceil(wanted / _STEPS[-1]) * _STEPS[-1])


def fit_label(font: Path | None, title: str, box: tuple[float, float, float, float], size: float) -> Label | None:
    """A title within a box: flat where it is whole, else upright, else shortened; None where there is no room.

    Args:
        font: TrueType or OpenType file, or None for the font that comes along.
        title: The title.
        box: Left, top, right and bottom in pixels.
        size: Size of the font in pixels; it may come out a little smaller.
    """
    left, top, right, bottom = box
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left - 8, bottom - top - 4
    flat, upright = _fit(font, title, (width, height), size), _fit(font, title, (height, width + 6), size)
    chosen = next((one for one in (flat, upright) if one and one.is_whole), None)
    chosen = chosen or (flat if flat and width > 8 * size else upright or (flat if width > 3 * size else None))
    if chosen is None:
        return None
    turned = chosen is upright
    room = (chosen.across, chosen.along) if turned else (chosen.along, chosen.across)
    return Label(chosen.text, x, y, chosen.size, room, turned)


@dataclass(frozen=True, eq=False)
class _Fitted:
    text: str
    size: float
    along: float
    across: float
    is_whole: bool


def _fit(font: Path | None, title: str, room: tuple[float, float], size: float) -> _Fitted | None:
    """A title in one row or two, as the room along and across the rows allows."""
    along, across = room
    rows = int(across // (LINE * size))
    if rows < 1 or along < 2 * size:
        return None
    whole = fit_title(font, title, size, 10**6).rows[0]
    fitted = fit_title(font, title, size, int(along))
    texts, real = fitted.rows, fitted.size
    if len(texts) > rows:
        texts, real = (_shortened(font, whole, 0.9 * size, along),), 0.9 * size
    widest = max(text_width(font, text, real) for text in texts)
    if widest > along:  # Characters that the font lacks are of another width.
        real, widest = real * along / widest, along
    return _Fitted("\n".join(texts), real, widest, LINE * real * len(texts), " ".join(texts) == whole)


def _shortened(font: Path | None, text: str, size: float, room: float) -> str:
    """As much of a text as there is room for."""
    if text_width(font, text, size) <= room:
        return text
    count = len(text)
    while count > 1 and text_width(font, text[:count].rstrip() + _ELLIPSIS, size) > room:
        count -= 1
    return text[:count].rstrip() + _ELLIPSIS


def text_width(font: Path | None, text: str, size: float) -> float:
    """Width of a row of text as it is drawn, in pixels."""
    return _width(font, text) * size / 100


@lru_cache(maxsize=8192)
def _width(font: Path | None, text: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        width, _, _ = _measurer().get_text_width_height_descent(text, font_of(font, 100), ismath=False)
    return float(width)


@lru_cache(maxsize=1)
def _measurer() -> Any:
    from matplotlib.backends.backend_agg import RendererAgg  # noqa: PLC0415  slow, as all of matplotlib

    return RendererAgg(8, 8, 72)  # type: ignore[no-untyped-call]


def font_of(path: Path | None, size: float) -> Any:
    """What matplotlib takes for a font; what the font lacks comes from one with more characters."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415

    return FontProperties(family=[_family(path), _FALLBACK], size=size)


@lru_cache(maxsize=8)
def _family(path: Path | None) -> str:
    """Make a font known to matplotlib, by a name that no font of the system has."""
    from matplotlib.font_manager import FontEntry, fontManager  # noqa: PLC0415

    name = f"neuron-atlas {path or 'own'}"
    fontManager.ttflist.append(FontEntry(fname=str(path or BUNDLED_FONT), name=name, size="scalable"))
    return name


@contextmanager
def quietly() -> Iterator[None]:
    """Use matplotlib without its remarks, and without the user's settings for it."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # It tells of its cache of fonts.
    from matplotlib import style  # noqa: PLC0415

    with warnings.catch_warnings(), style.context("default"):
        warnings.simplefilter("ignore")  # Characters that no font has are told of by the check of the text.
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in pixels, on which points are pixels."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=PAPER)


def check_drawing_path(option: str, path: Path) -> None:
    """Refuse a place for a drawing where another file is, or nothing can be written, before it is drawn.

    Args:
        option: The option that names it.
        path: The file to be.

    Raises:
        UserError: It is not that of a PNG picture, or something is there that is no drawing of ours.
    """
    if path.suffix.lower() != ".png":
        raise UserError(f"{option}: {path} must end in .png")
    if path.is_dir():
        raise UserError(f"{option}: {path} is a folder; give the name of a file")
    if (path.exists() or path.is_symlink()) and not _is_ours(path):
        raise UserError(f"{option}: {path} is there, and is no drawing of this program; name another file")
    refuse_unwritable(path.parent)


def _is_ours(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return picture.format == "PNG" and picture.info.get("Software") == _SOFTWARE
    except (OSError, SyntaxError, ValueError):
        return False


def write_drawing(path: Path, figure: Figure) -> tuple[int, int]:
    """Write a drawing, whole or not at all; gives its width and height in pixels."""
    with quietly(), whole_file(path, durable=False) as temporary:
        figure.savefig(temporary, format="png", dpi=72, metadata={"Software": _SOFTWARE})
    width, height = figure.get_size_inches() * 72
    return round(width), round(height)


def write_labels(axes: Any, font: Path | None, labels: Sequence[Label], color: str = INK) -> None:
    """Write labels on axes whose units are pixels."""
    for label in labels:
        axes.text(
            label.x,
            label.y,
            label.text,
            font=font_of(font, label.size),
            color=color,
            ha="center",
            va="center",
            rotation=90 if label.upright else 0,
            linespacing=1.1,
            parse_math=False,
        )


def pixel_axes(figure: Figure) -> Any:
    """Axes over a whole figure, in pixels from its left and its top."""
    width, height = figure.get_size_inches() * 72
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    return axes
