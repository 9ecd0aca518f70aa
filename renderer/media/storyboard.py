"""A film on one sheet of paper: its time runs in lines from left to right, with all that happens in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from renderer.media.sketch import (
    FAINT,
    GRAY,
    INK,
    LINES,
    PAPER,
    WARM,
    Block,
    Entry,
    Fade,
    FilmSketch,
    Label,
    Line,
    Mark,
    clock,
    draw_legend,
    fit_label,
    font_of,
    legend_height,
    new_figure,
    pixel_axes,
    place_legend,
    quietly,
    tick_step,
    write_head,
    write_labels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In pixels.
_WIDTH, _MARGIN, _HEAD, _FOOT = 2400.0, 60.0, 92.0, 30.0
_CLOCK, _BLOCKS, _BEATS, _CURVES, _WAVE, _GAP = 26.0, 112.0, 16.0, 92.0, 60.0, 34.0
_TITLE, _NOTE, _SMALL = 21.0, 13.0, 13.0
_CLOSE, _LEAST_TITLED, _UPRIGHT, _HIGH_BLOCKS, _CARD = 3.0, 18.0, 60.0, 156.0, 17.0
_HANDY = (20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
_ONE_LINE = 30.0  # seconds
_MOST_LINES = 12
_MOST_CURVES = 10
_LEVEL = "audio.level"
_EXPLAINED = {
    "blend": "walks over from the class before",
    "crossfade": "fades over from the class before",
    "chain": "the end of a chain fades into the next",
}

Corner = tuple[float, float]


@dataclass(frozen=True)
class Strip:
    """A line of a storyboard.

    Attributes:
        begin: Time of the film at its left, in seconds.
        end: Time at its end.
        top: Where it begins, in pixels from the top.
    """

    begin: float
    end: float
    top: float


@dataclass(frozen=True)
class Part:
    """A class in one line, as far as it is in it.

    Attributes:
        place: Place of the class in the film, from 0.
        box: Left, top, right and bottom in pixels.
    """

    place: int
    box: tuple[float, float, float, float]

    @property
    def width(self) -> float:
        """How wide it is."""
        return self.box[2] - self.box[0]


@dataclass(frozen=True)
class Board:
    """Where everything of a storyboard is, in pixels.

    Attributes:
        width: Of the picture.
        height: Of the picture.
        scale: Pixels a second.
        blocks: Height of the classes.
        strips: Its lines.
        parts: The classes.
        cards: The cards, as far as they are in a line; their places count all cards of the film.
        titles: Titles for which there is room.
        written: What cards say, where there is room.
        notes: How long the classes are, and what else is said of them, where there is room.
        legend: What the marks say.
        curves: The settings that are drawn.
        wave: How loud it is, where anything is heard.
    """

    width: float
    height: float
    scale: float
    blocks: float
    strips: tuple[Strip, ...]
    parts: tuple[Part, ...]
    cards: tuple[Part, ...]
    titles: tuple[Label, ...]
    written: tuple[Label, ...]
    notes: tuple[Label, ...]
    legend: tuple[Entry, ...]
    curves: tuple[Line, ...]
    wave: Line | None

    def x(self, seconds: float, strip: Strip) -> float:
        """Where a time is in a line."""
        return _MARGIN + (seconds - strip.begin) * self.scale


def line_seconds(film: float) -> float:
    """How much of a film of the given length is in a line; all of a short one."""
    if film <= _ONE_LINE:
        return film
    handy = next((seconds for seconds in _HANDY if film <= _MOST_LINES * seconds), None)
    return handy or math.ceil(film / _MOST_LINES / _HANDY[-1]) * _HANDY[-1]


def lay_out_storyboard(sketch: FilmSketch) -> Board:
    """Give everything its place; titles only where they fit."""
    curves = tuple(line for line in sketch.curves if line.span)[:_MOST_CURVES]
    wave = next((line for line in sketch.heard if line.name == _LEVEL), None)
    legend = place_legend(sketch, _MARGIN, _WIDTH - _MARGIN, _HEAD, _explained(sketch, curves))
    seconds = line_seconds(sketch.seconds)
    scale = (_WIDTH - 2 * _MARGIN) / seconds
    top, high = _HEAD + legend_height(legend) + 14, _strip_height(sketch, scale, curves, wave)
    count = max(1, math.ceil(sketch.seconds / seconds - 1e-9))
    strips = tuple(
        Strip(place * seconds, min((place + 1) * seconds, sketch.seconds), top + place * (high + _GAP))
        for place in range(count)
    )
    high_block = _block_height(sketch, scale)
    spans = [(block.begin, block.end) for block in sketch.blocks]
    cards = [card for block in sketch.blocks for card in block.cards]
    parts = tuple(_parts(spans, strips, scale, high_block))
    covered = tuple(_parts([(card.begin, card.end) for card in cards], strips, scale, high_block))
    titles, notes = _labels(sketch, tuple(_parts([block.free for block in sketch.blocks], strips, scale, high_block)))
    labels = (fit_label(sketch.font, cards[part.place].text, part.box, _CARD) for part in _widest(covered).values())
    written = tuple(label for label in labels if label)
    height = top + count * (high + _GAP) - _GAP + _FOOT
    return Board(
        _WIDTH, height, scale, high_block, strips, parts, covered, titles, written, notes, legend, curves, wave
    )


def _block_height(sketch: FilmSketch, scale: float) -> float:
    """Higher where titles have to stand upright."""
    usual = sorted(block.end - block.begin for block in sketch.blocks)[len(sketch.blocks) // 2] * scale
    return _HIGH_BLOCKS if _LEAST_TITLED <= usual < _UPRIGHT else _BLOCKS


def _strip_height(sketch: FilmSketch, scale: float, curves: tuple[Line, ...], wave: Line | None) -> float:
    below = _BEATS * bool(sketch.beats) + _CURVES * bool(curves) + _WAVE * bool(wave)
    return _CLOCK + _block_height(sketch, scale) + below


def _explained(sketch: FilmSketch, curves: tuple[Line, ...]) -> Iterator[tuple[str, str, Mark]]:
    if sketch.chains:
        yield "a chain begins", INK, "sign"
    for kind, text in _EXPLAINED.items():
        lengths = [fade.end - fade.begin for fade in sketch.fades if fade.kind == kind]
        if lengths:
            yield f"{text}, {max(lengths):.3g} s", _shade(kind), "box"
    for place, line in enumerate(curves):
        low, high = line.span or (0.0, 0.0)
        yield f"{line.name}  {low:.3g} to {high:.3g}", LINES[place % len(LINES)], "line"
    if more := len(sketch.curves) - len(curves):
        yield f"and {more} more: see --plot", FAINT, "line"


def _parts(
    spans: Sequence[tuple[float, float]], strips: tuple[Strip, ...], scale: float, height: float
) -> Iterator[Part]:
    """Spans of time line by line; what a line ends in goes on in the next."""
    for strip in strips:
        top = strip.top + _CLOCK
        for place, span in enumerate(spans):
            begin, end = max(span[0], strip.begin), min(span[1], strip.end)
            if end - begin > 1e-6:
                left, right = (_MARGIN + (time - strip.begin) * scale for time in (begin, end))
                yield Part(place, (left, top, right, top + height))


def _widest(parts: tuple[Part, ...]) -> dict[int, Part]:
    """By place, the part with most room."""
    widest: dict[int, Part] = {}
    for part in parts:
        if part.place not in widest or part.width > widest[part.place].width + 1:
            widest[part.place] = part
    return widest


def _labels(sketch: FilmSketch, parts: tuple[Part, ...]) -> tuple[tuple[Label, ...], tuple[Label, ...]]:
    """Titles, and notes below them; each class has them once, where it has most room."""
    titles, notes = [], []
    for place, part in _widest(parts).items():
        if part.width < _LEAST_TITLED:
            continue
        left, top, right, bottom = part.box
        note = _note(sketch, sketch.blocks[place], (left, bottom - 26, right, bottom - 4))
        size = min(_TITLE, max(13.0, part.width / 6))
        title = fit_label(sketch.font, sketch.blocks[place].title, (left, top + 4, right, bottom - 24), size)
        if title and title.upright:
            room = (left, top + 2, right, bottom - (24 if note else 2))
            title = fit_label(sketch.font, sketch.blocks[place].title, room, 13.0 if part.width < 34 else 15.0)
        titles += [title] if title else []
        notes += [note] if note else []
    return tuple(titles), tuple(notes)


def _note(sketch: FilmSketch, block: Block, box: tuple[float, float, float, float]) -> Label | None:
    """How long a class is and what else is said of it, in one row, or as much of that as fits whole."""
    seconds = f"{block.free[1] - block.free[0]:.3g} s"
    for text in (f"{seconds}  ·  {block.note}" if block.note else seconds, seconds):
        label = fit_label(sketch.font, text, box, _NOTE)
        if label and label.text == text and not label.upright:
            return label
    return None


def draw_storyboard(sketch: FilmSketch) -> Figure:
    """Draw a film on one sheet."""
    board = lay_out_storyboard(sketch)
    with quietly():
        figure = new_figure(board.width, board.height)
        paper = pixel_axes(figure)
        write_head(paper, sketch, _MARGIN, board.width - _MARGIN)
        draw_legend(paper, board.legend, sketch.font)
        _draw_blocks(paper, sketch, board)
        for strip in board.strips:
            _draw_clock(paper, board, strip)
            _draw_below(paper, sketch, board, strip)
        write_labels(paper, sketch.font, board.titles)
        write_labels(paper, sketch.font, board.notes, GRAY)
        write_labels(paper, sketch.font, board.written, PAPER)
        return figure


def _draw_blocks(paper: Any, sketch: FilmSketch, board: Board) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    colors = sketch.colors
    boxes = [_corners(part.box) for part in board.parts]
    faces = [colors[part.place] for part in board.parts]
    paper.add_collection(PolyCollection(boxes, facecolors=faces, edgecolors=faces, linewidths=0.2), autolim=False)
    covered = [_corners(part.box) for part in board.cards]
    for strip in board.strips:
        top = strip.top + _CLOCK
        wedges = [_wedge(board, strip, fade, top) for fade in sketch.fades if _is_in(fade, strip, board)]
        shades = [_shade(fade.kind) for fade in sketch.fades if _is_in(fade, strip, board)]
        paper.add_collection(PolyCollection(wedges, facecolors=shades, linewidths=0), autolim=False)
        _draw_borders(paper, sketch, board, strip)
    paper.add_collection(PolyCollection(covered, facecolors=INK, linewidths=0), autolim=False)


def _corners(box: tuple[float, float, float, float]) -> list[Corner]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _is_in(fade: Fade, strip: Strip, board: Board) -> bool:
    """Whether a line shows something of a fade that is wide enough to be seen."""
    seen = min(fade.end, strip.end) - max(fade.begin, strip.begin)
    return seen * board.scale >= 1


def _wedge(board: Board, strip: Strip, fade: Fade, top: float) -> list[Corner]:
    """What is left of the one thing while it goes over into the other: high at first, then nothing."""
    begin, end = max(fade.begin, strip.begin), min(fade.end, strip.end)
    left, right = board.x(begin, strip), board.x(end, strip)
    first, last = (top + board.blocks * (time - fade.begin) / (fade.end - fade.begin) for time in (begin, end))
    bottom = top + board.blocks
    return [(left, first), (right, last), (right, bottom), (left, bottom)]


def _shade(kind: str) -> str:
    return "#9aa0aa" if kind == "chain" else "#c9c4b4"


def _draw_borders(paper: Any, sketch: FilmSketch, board: Board, strip: Strip) -> None:
    """Between classes, darker where one is cut off; and marks where chains begin."""
    top = strip.top + _CLOCK
    borders = [block.begin for block in sketch.blocks[1:] if strip.begin <= block.begin < strip.end]
    places = [board.x(time, strip) for time in borders]
    if len(places) < 2 or (places[-1] - places[0]) / (len(places) - 1) >= _CLOSE:
        color, width = (INK, 1.2) if sketch.cuts else (PAPER, 2)
        paper.vlines(places, top, top + board.blocks, color=color, linewidth=width)
    chains = [board.x(time, strip) for time in sketch.chains if strip.begin <= time < strip.end]
    paper.vlines(chains, top, top + board.blocks, color=INK, linewidth=1.5)
    paper.plot(chains, [top] * len(chains), linestyle="none", marker="D", markersize=9, color=INK, zorder=5)


def _draw_clock(paper: Any, board: Board, strip: Strip) -> None:
    """Times along the top of a line."""
    step, font = tick_step(1 / board.scale, 130), font_of(None, _SMALL)
    first = math.ceil(strip.begin / step - 1e-9)
    for place in range(first, math.floor(strip.end / step + 1e-9) + 1):
        x = board.x(place * step, strip)
        paper.text(x, strip.top + 10, clock(place * step), font=font, color=GRAY, ha="center", va="center")
        paper.vlines([x], strip.top + 19, strip.top + 24, color=GRAY, linewidth=1)


def _draw_below(paper: Any, sketch: FilmSketch, board: Board, strip: Strip) -> None:
    """Beats, curves and the wave, one below the other."""
    top = strip.top + _CLOCK + board.blocks
    if sketch.beats:
        _draw_beats(paper, sketch, board, strip, top)
        top += _BEATS
    if board.curves:
        _draw_curves(paper, board, strip, top + 8, _CURVES - 16)
        top += _CURVES
    if board.wave:
        _draw_wave(paper, board, strip, top + _WAVE / 2)


def _draw_beats(paper: Any, sketch: FilmSketch, board: Board, strip: Strip, top: float) -> None:
    beats = [board.x(time, strip) for time in sketch.beats if strip.begin <= time < strip.end]
    if len(beats) < 2 or (beats[-1] - beats[0]) / (len(beats) - 1) >= _CLOSE:
        paper.vlines(beats, top + 3, top + 11, color=WARM, linewidth=1.2)


def _sampled(line: Line, strip: Strip, board: Board) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where in a line of the storyboard the samples of a curve are, and its values there."""
    within = (line.times > strip.begin) & (line.times < strip.end)
    times = np.concatenate([[strip.begin], line.times[within], [strip.end]])
    return _MARGIN + (times - strip.begin) * board.scale, np.interp(times, line.times, line.values)


def _draw_curves(paper: Any, board: Board, strip: Strip, top: float, height: float) -> None:
    """Each from its lowest value in the film to its highest."""
    right = board.x(strip.end, strip)
    paper.hlines([top, top + height], _MARGIN, right, color=FAINT, linewidth=0.8)
    for place, line in enumerate(board.curves):
        low, high = line.span or (0.0, 0.0)
        x, values = _sampled(line, strip, board)
        shares = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        paper.plot(x, top + height * (1 - shares), color=LINES[place % len(LINES)], linewidth=1.4)


def _draw_wave(paper: Any, board: Board, strip: Strip, middle: float) -> None:
    if board.wave:
        x, values = _sampled(board.wave, strip, board)
        reach = np.maximum(values, 0.02) * (_WAVE / 2 - 4)
        paper.fill_between(x, middle - reach, middle + reach, color="#a9b4c2", linewidth=0)
