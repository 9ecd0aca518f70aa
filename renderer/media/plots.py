"""The curves of a film, each in a row of its own, over its time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from renderer.media.sketch import (
    FAINT,
    GRAY,
    LINES,
    PAPER,
    WARM,
    Entry,
    FilmSketch,
    Label,
    Line,
    clock,
    draw_legend,
    fit_label,
    font_of,
    legend_height,
    new_figure,
    pixel_axes,
    place_legend,
    quietly,
    text_width,
    tick_step,
    write_head,
    write_labels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In pixels.
_NARROW, _WIDE, _A_CLASS = 1800.0, 2600.0, 19.0
_LEFT, _RIGHT, _HEAD = 90.0, 60.0, 86.0
_ROW, _NAME, _LEAST_ROW, _GAP, _FOOT = 104.0, 26.0, 44.0, 18.0, 44.0
_LONGEST = 7800.0
_TEXT, _SMALL = 15.0, 13.0
_MOST_HEARD = 30
_BEATS_ROW = 0.4  # of the height of others
_FINE = 6000  # So many samples of what is heard would hide each other.
_CLOSE = 4.0  # Lines that are nearer to each other are a gray area.
_BEATS = "beats"


@dataclass(frozen=True)
class PlotRow:
    """A row of a plot.

    Attributes:
        name: What stands above it.
        line: What is drawn; None for beats.
        color: In which color.
        top: Where its axis begins, in pixels from the top.
        height: How high its axis is.
    """

    name: str
    line: Line | None
    color: str
    top: float
    height: float


@dataclass(frozen=True)
class PlotLayout:
    """Where everything of a plot is, in pixels.

    Attributes:
        width: Of the picture.
        height: Of the picture.
        left: Where the film begins.
        right: Where it ends.
        band: Top and bottom of the row of classes.
        titles: Titles of classes for which there is room.
        rows: The rows.
        legend: What the colors of classes say.
    """

    width: float
    height: float
    left: float
    right: float
    band: tuple[float, float]
    titles: tuple[Label, ...]
    rows: tuple[PlotRow, ...]
    legend: tuple[Entry, ...]

    def x(self, seconds: float, film: float) -> float:
        """Where a time of a film of the given length is."""
        return self.left + (self.right - self.left) * seconds / film


def lay_out_plot(sketch: FilmSketch) -> PlotLayout:
    """Give everything its place; titles only where they fit."""
    classes = len(sketch.blocks)
    wanted = _A_CLASS * classes + _LEFT + _RIGHT
    width = max(_NARROW, wanted if wanted <= 2 * _WIDE else _WIDE)
    right = width - _RIGHT
    legend = place_legend(sketch, _LEFT, right, _HEAD)
    titles, band = _titles(sketch, _LEFT, right, _HEAD + legend_height(legend))
    shown = _shown(sketch)
    top = band[1] + _GAP
    row = min(_ROW, max(_LEAST_ROW, (_LONGEST - top - _FOOT) / max(1, len(shown)) - _NAME - _GAP))
    rows = []
    for name, line, color in shown:
        high = row if line else _BEATS_ROW * row
        rows.append(PlotRow(name, line, color, top + _NAME, high))
        top += _NAME + high + _GAP
    height = top + _FOOT
    return PlotLayout(width, height, _LEFT, right, band, titles, tuple(rows), legend)


def _shown(sketch: FilmSketch) -> list[tuple[str, Line | None, str]]:
    rows: list[tuple[str, Line | None, str]] = [
        (line.name, line, LINES[place % len(LINES)]) for place, line in enumerate(sketch.curves)
    ]
    rows += [(line.name, line, GRAY) for line in sketch.heard[:_MOST_HEARD]]
    if sketch.beats:
        rows.append((_describe_beats(sketch.beats), None, GRAY))
    return rows


def _describe_beats(beats: tuple[float, ...]) -> str:
    if len(beats) < 3:
        return f"{_BEATS} ({len(beats)})"
    pace = 60 / float(np.median(np.diff(beats)))
    return f"{_BEATS} ({len(beats)}, {pace:.0f} a minute)"


def _titles(sketch: FilmSketch, left: float, right: float, top: float) -> tuple[tuple[Label, ...], tuple[float, float]]:
    """The titles that have room above the rows, and top and bottom of where they are."""
    across = (right - left) / sketch.seconds
    boxes = [(left + block.begin * across, left + block.end * across) for block in sketch.blocks]
    narrow = sorted(end - begin for begin, end in boxes)[len(boxes) // 4]
    height = 44.0 if narrow >= 80 else 150.0 if narrow >= _A_CLASS - 1 else 20.0
    top += 14
    labels = [
        fit_label(sketch.font, block.title, (begin, top, end, top + height), _TEXT if narrow >= 80 else _SMALL)
        for block, (begin, end) in zip(sketch.blocks, boxes, strict=True)
    ]
    return tuple(label for label in labels if label), (top, top + height)


def draw_plot(sketch: FilmSketch) -> Figure:
    """Draw the curves of a film, and what is heard in it."""
    layout = lay_out_plot(sketch)
    with quietly():
        figure = new_figure(layout.width, layout.height)
        paper = pixel_axes(figure)
        _draw_head(paper, sketch, layout)
        _draw_classes(paper, sketch, layout)
        for row in layout.rows:
            _draw_row(figure, sketch, layout, row)
        return figure


def _draw_head(paper: Any, sketch: FilmSketch, layout: PlotLayout) -> None:
    write_head(paper, sketch, layout.left, layout.right)
    draw_legend(paper, layout.legend)


def _draw_classes(paper: Any, sketch: FilmSketch, layout: PlotLayout) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    top, bottom = layout.band
    edges = [(layout.x(block.begin, sketch.seconds), layout.x(block.end, sketch.seconds)) for block in sketch.blocks]
    boxes = [[(begin, top), (end, top), (end, bottom), (begin, bottom)] for begin, end in edges]
    paper.add_collection(PolyCollection(boxes, facecolors=sketch.colors, linewidths=0), autolim=False)
    write_labels(paper, sketch.font, layout.titles)
    if (layout.right - layout.left) / len(sketch.blocks) >= _CLOSE:
        last = layout.rows[-1].top + layout.rows[-1].height if layout.rows else bottom
        borders = [begin for begin, _ in edges[1:]]
        paper.vlines(borders, top, bottom, color=PAPER, linewidth=1.5)
        paper.vlines(borders, bottom, last, color=FAINT, linewidth=1, zorder=0.5)


def _draw_row(figure: Figure, sketch: FilmSketch, layout: PlotLayout, row: PlotRow) -> None:
    box = (
        layout.left / layout.width,
        1 - (row.top + row.height) / layout.height,
        (layout.right - layout.left) / layout.width,
        row.height / layout.height,
    )
    axes = figure.add_axes(box, label=row.name, facecolor="none")
    axes.set_xlim(0, sketch.seconds)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=GRAY, labelsize=_SMALL)
    _write_name(axes, row)
    _set_times(axes, sketch.seconds, layout, last=row is layout.rows[-1])
    if row.line is None:
        _draw_beats(axes, sketch, layout)
    else:
        _draw_line(axes, row.line, row.color, is_setting=row.line in sketch.curves)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font_of(None, _SMALL))


def _write_name(axes: Any, row: PlotRow) -> None:
    note = (row.line.trouble or "") if row.line else ""
    axes.annotate(
        row.name,
        (0, 1),
        xytext=(0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        font=font_of(None, _TEXT),
        color=row.color if row.line else GRAY,
        parse_math=False,
    )
    if note:
        past = text_width(None, row.name, _TEXT) + 16
        axes.annotate(
            note,
            (0, 1),
            xytext=(past, 7),
            xycoords="axes fraction",
            textcoords="offset points",
            font=font_of(None, _SMALL),
            color=WARM,
            parse_math=False,
        )


def _set_times(axes: Any, seconds: float, layout: PlotLayout, *, last: bool) -> None:
    step = tick_step(seconds / (layout.right - layout.left), 110)
    ticks = np.arange(0, seconds + step / 1000, step)
    axes.set_xticks(ticks, [clock(tick) for tick in ticks] if last else [""] * len(ticks))
    if last:
        axes.tick_params(axis="x", length=4, color=FAINT)


def _draw_beats(axes: Any, sketch: FilmSketch, layout: PlotLayout) -> None:
    apart = (layout.right - layout.left) / len(sketch.beats)
    width = 1.2 if apart >= _CLOSE else 0.3
    axes.vlines(sketch.beats, 0, 1, color=GRAY, linewidth=width)
    axes.set_ylim(0, 1.4)
    axes.set_yticks([])


def _draw_line(axes: Any, line: Line, color: str, *, is_setting: bool) -> None:
    span = line.span
    axes.set_ylim(*_room(line, is_setting=is_setting))
    axes.yaxis.set_major_locator(_few_ticks())
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    if span is None:
        axes.set_yticks([])
        return
    if is_setting:
        axes.plot(line.times, line.values, color=color, linewidth=2, solid_joinstyle="round")
        _draw_bounds(axes, line)
    else:
        axes.fill_between(line.times, min(0.0, span[0]), line.values, color=color, alpha=0.35, linewidth=0)
        axes.plot(line.times, line.values, color=color, linewidth=0.9 if len(line.times) < _FINE else 0.3)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    return MaxNLocator(nbins=3, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)


def _room(line: Line, *, is_setting: bool) -> tuple[float, float]:
    """From where to where the axis of values goes; to a bound where that is near."""
    lowest, highest = line.span or (0.0, 1.0)
    if not is_setting and math.isfinite(sum(line.bounds)):
        return line.bounds
    reach = highest - lowest or max(abs(highest), 1.0) * 0.2
    low, high = line.bounds
    if math.isfinite(low) and lowest - low <= 0.35 * reach:
        lowest = low
    if math.isfinite(high) and high - highest <= 0.35 * reach:
        highest = high
    return lowest - 0.1 * reach, highest + 0.1 * reach


def _draw_bounds(axes: Any, line: Line) -> None:
    """Dashed lines at the bounds that are in sight; red where the curve would be beyond them."""
    low, high = axes.get_ylim()
    for bound, word in zip(line.bounds, ("least", "most"), strict=True):
        if low <= bound <= high:
            axes.axhline(bound, color=WARM, linewidth=1, dashes=(4, 4))
            axes.annotate(
                word,
                (1, bound),
                xytext=(6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                font=font_of(None, _SMALL),
                color=WARM,
                va="center",
            )
    if line.held is not None and line.held.any():
        held = np.where(line.held, line.values, np.nan)
        axes.plot(line.times, held, color=WARM, linewidth=3, marker=".", markersize=5)
