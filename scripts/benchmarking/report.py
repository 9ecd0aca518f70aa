"""The tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarking.stages import STAGES
from renderer.common.wording import format_duration

_WIDTH = 120  # where no terminal says
_CONSOLE = Console(highlight=False, width=None if Console().is_terminal else _WIDTH)
Row = Mapping[str, Any]


def show_machine(found: Row) -> None:
    """Says what is measured, and on what."""
    machine = found["machine"]
    told = f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, device {machine['device']}"
    fast = "with" if machine["fast_bfloat16"] else "without"
    _CONSOLE.print(f"{found['network']} (weights: {found['weights']}), torch {machine['versions']['torch']}")
    _CONSOLE.print(f"{told}; a processor {fast} arithmetic in bfloat16 of its own")
    _CONSOLE.print("Milliseconds are for one pass, as median (lowest to highest turn).")
    if found["quick"]:
        _CONSOLE.print("[bold]--quick: these figures tell that all works, and no more[/bold]")


def show(part: str, found: Any) -> None:
    """Shows a part."""
    _SHOWN[part](found)


def _print(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if table.columns else "left")
    for row in rows:
        table.add_row(*row)
    _CONSOLE.print(table)


def _spread(found: Row, digits: int = 1) -> str:
    return f"{found['median']:.{digits}f} ({found['lowest']:.{digits}f} to {found['highest']:.{digits}f})"


def _bare(rows: Sequence[Row]) -> None:
    cells = [
        [row["precision"] + (", compiled" if row["compiled"] else ""), str(row["batch"]), _spread(row["milliseconds"])]
        for row in rows
    ]
    _print("the bare network", ("precision", "batch", "ms"), cells)


def _dreaming(title: str) -> Callable[[Sequence[Row]], None]:
    def show(rows: Sequence[Row]) -> None:
        cells = [
            [
                *(row["case"], row["precision"], _spread(row["bare"]), _spread(row["ours"])),
                *(_spread(row["share_of_bare_speed"], 2), f"{row['mended_steps']:.0%}"),
            ]
            for row in rows
        ]
        columns = (title, "precision", "bare ms", "ours ms", "bare / ours", "steps mended")
        _print(f"{title} beside the bare network at the same batch", columns, cells)

    return show


def _lucent(found: Row) -> None:
    if found["missing"]:
        _CONSOLE.print(f"lucent: not measured: {found['missing']}", markup=False)
        return
    cells = [
        [row["case"], _spread(row["lucent"]), _spread(row["ours"]), _spread(row["times_as_fast"], 2)]
        for row in found["rows"]
    ]
    _print("stills beside lucent's, float32", ("stills", "lucent ms", "ours ms", "lucent / ours"), cells)


def _stages(rows: Sequence[Row]) -> None:
    for row in rows:
        found = row["milliseconds"]
        # ffmpeg works beside the dreaming: its time is processor time, and shares are of the dreaming alone.
        dreaming = sum(value for name, value in found.items() if name not in {"text", "encoding"})
        cells = [[name, f"{found[name]:.2f}", f"{found[name] / dreaming:.1%}"] for name in STAGES if name in found]
        title = f"{row['of']} {row['case']}, one thread: where a {row['per']}'s time goes"
        _print(title, ("stage", f"ms a {row['per']}", "of the dreaming"), cells)


_OF_RENDER = {
    "passes": "passes",
    "whole render": "wall_seconds",
    "its dreaming alone": "dreaming_seconds",
    "whole render / dreaming alone": "ratio",
    "until the dreaming alone begins": "seconds_to_begin",
    "until the first line": "first_line_seconds",
    "until the first line of progress": "first_progress_seconds",
    "until the first frame": "first_frame_seconds",
}


def _render(rows: Sequence[Row]) -> None:
    for row in rows:
        cells = [[told, _number(row[key])] for told, key in _OF_RENDER.items()]
        _print(f"a whole render: {row['case']}", ("", "seconds"), cells)


def _number(value: float | None) -> str:
    return "not seen" if value is None else f"{value:.2f}"


_MEMORY = ("own_bytes", "children_bytes")


def _memory(rows: Sequence[Row]) -> None:
    cells = [
        [str(row["classes"]), *(_gigabytes(row[key]) for key in _MEMORY), _number(row["wall_seconds"])] for row in rows
    ]
    _print("peak memory of a film of 64x64", ("classes", "program GB", "its ffmpegs GB", "whole s"), cells)


def _gigabytes(count: int | None) -> str:
    return "not seen" if count is None else f"{count / 1e9:.2f}"


def _projection(found: Row) -> None:
    told = f"{found['classes']} classes, {found['frames']} frames, {found['of']}"
    _CONSOLE.print(f"projected: {told}: about {format_duration(found['seconds'])}")


def _beside(rows: Sequence[Row]) -> None:
    cells = [
        [
            *(f"{row['of']} {row['case']}", str(row["spinners"]), _spread(row["quiet"]), _spread(row["beside"])),
            *(_spread(row["share"], 2), f"{row['fair_share']:.2f}"),
        ]
        for row in rows
    ]
    columns = ("dreaming", "spinners", "quiet ms", "beside ms", "share of quiet speed", "fair share")
    _print("beside processes that spin", columns, cells)


_SHOWN: dict[str, Callable[[Any], None]] = {
    "bare": _bare,
    "stills": _dreaming("stills"),
    "film": _dreaming("film"),
    "lucent": _lucent,
    "stages": _stages,
    "render": _render,
    "memory": _memory,
    "projection": _projection,
    "beside": _beside,
}
