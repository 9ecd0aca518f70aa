"""Curves as tables: to look at, to change by hand, or to make with other programs."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Float64

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.common.wording import did_you_mean, format_bytes, format_duration, nearest, shortened
from renderer.sound.curves import BEAT, BEATS, HEARD, Curves, Samples, is_curve_name
from renderer.sound.decoding import MOST_SECONDS

TIME = "t"
_MOST_BYTES = 128 * 2**20
_MOST_COLUMNS = 100
_LARGEST = 1e9  # Of values: rounded ones are whole numbers of 64 bits.
_LEAST_SECONDS = 0.005
_MOST_BEATS = 50  # A second.
_RATE = 100  # Samples a second, where a table's own times do not give a rate
_LEAST_RATE = 10  # or one that is lower than that: such rows are points with lines between them.
_ROUNDED = 1.1e-3  # seconds by which times may be off: they are often rounded to milliseconds

Times = Float64[np.ndarray, "rows"]


def write_curves(path: Path, curves: Curves) -> None:
    """Write curves as a table that `read_curves` reads, as curves with the same digest.

    Args:
        path: The file; who wants the old one until the new one is whole, gives a temporary path.
        curves: What to write: a row for each sample, its time in seconds first.

    Raises:
        OSError: It cannot be written.
    """
    columns = [np.arange(curves.samples) / curves.rate, *curves.values.values()]
    formats = ["%.6f", *("%.9g" for _ in curves.values)]  # so many digits tell all numbers of 32 bits apart
    header = ",".join([TIME, *curves.values])
    with path.open("w", encoding="utf-8", newline="\n") as file:
        np.savetxt(file, np.column_stack(columns), fmt=formats, delimiter=",", header=header, comments="")


def read_curves(path: Path) -> Curves:
    """Read a table of curves: a heading, and then a row for each time.

    Columns are separated by commas: `t`, the seconds, which grow from row to row, and curves by their names
    (`audio.low`, `beats`, or `curves.` and a word). Where the times begin at 0 and are evenly spaced, ten a second
    at least, each row is a sample. Else the rows are points with straight lines between them, and the end is at the
    last one.

    Raises:
        UserError: There is no such file, or it is no such table; the message names the line.
    """
    if not is_ordinary_file(path):
        raise UserError(f"{no_such_file(path)}. Give the path of a table with curves.")
    if path.stat().st_size > _MOST_BYTES:
        raise UserError(f"{path} is larger than {format_bytes(_MOST_BYTES)}; 100 rows a second are enough")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, file)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8; save it as a CSV file in UTF-8") from error


def _read(path: Path, file: IO[str]) -> Curves:
    rows = _rows(path, file)
    _, heading = next(rows, (0, []))
    names = _names(f"{path}:1", [name.strip() for name in heading])
    columns = [array("d") for _ in names]
    time, beats = names.index(TIME), names.index(BEATS) if BEATS in names else None
    for line, row in rows:
        numbers = _numbers(f"{path}:{line}", row, names)
        _refuse_time(f"{path}:{line}", numbers[time], columns[time])
        if beats is not None and columns[beats] and numbers[beats] < columns[beats][-1]:
            raise UserError(f"{path}:{line}: {BEATS} falls; it is the number of beats so far, which grows")
        for column, number in zip(columns, numbers, strict=True):
            column.append(number)
    if len(columns[time]) < 2:
        raise UserError(f"{path} has fewer than two rows of numbers; give one for each time")
    values = {name: np.frombuffer(column) for name, column in zip(names, columns, strict=True)}
    _refuse_haste(path, values)
    return _evenly(values.pop(TIME), values)


def _refuse_haste(path: Path, values: Mapping[str, Times]) -> None:
    """Refuse what would be over, or full of beats, in no time."""
    times = values[TIME]
    if times[-1] < _LEAST_SECONDS:
        raise UserError(f"{path}: the last {TIME} is {times[-1]:g} s; give {_LEAST_SECONDS} s at least")
    counted = values.get(BEATS)
    if counted is not None and (counted[-1] - counted[0]) > _MOST_BEATS * times[-1]:
        raise UserError(f"{path}: {BEATS} grows by more than {_MOST_BEATS} a second; it is the number of beats so far")


def _rows(path: Path, file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its line."""
    reader = csv.reader(file, strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if any(row))
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not a CSV file ({error})") from error


def _names(place: str, names: Sequence[str]) -> Sequence[str]:
    """What the heading says, which has to be a heading of curves."""
    if TIME not in names:
        separated = "; separate the columns by commas" if any(";" in name or "\t" in name for name in names) else ""
        raise UserError(f"{place}: there is no column {TIME} in the heading; begin with {TIME},{HEARD[0]}{separated}")
    if len(names) < 2 or len(names) > _MOST_COLUMNS:
        raise UserError(f"{place}: there are {len(names) - 1} curves beside {TIME}; give 1 to {_MOST_COLUMNS - 1}")
    for number, name in enumerate(names):
        if name in names[:number]:
            raise UserError(f"{place}: there are two columns {shortened(name)}; remove or rename one")
        if name != TIME and not is_curve_name(name):
            raise UserError(f"{place}: {_no_name(name)}")
    return names


def _no_name(name: str) -> str:
    if name == BEAT:
        return f"{BEAT} follows from {BEATS}, the number of beats so far; give that instead"
    meant = did_you_mean(nearest(name, HEARD))
    return (
        f"{shortened(name)!r} is no name of a curve; write curves. before a word of your own, as in curves.light{meant}"
    )


def _numbers(place: str, row: Sequence[str], names: Sequence[str]) -> list[float]:
    if len(row) != len(names):
        raise UserError(f"{place}: there are {len(row)} fields, but {len(names)} columns in the heading")
    numbers = []
    for field, name in zip(row, names, strict=True):
        number = _number(field)
        if not abs(number) <= _LARGEST:
            raise UserError(f"{place}: {name} is {shortened(field)!r}; give a number, such as 0.25, of 1e9 at most")
        numbers.append(number)
    return numbers


def _number(field: str) -> float:
    """The number in a field; NaN where it is none."""
    try:
        return math.nan if "_" in field else float(field)
    except ValueError:
        return math.nan


def _refuse_time(place: str, seconds: float, before: Sequence[float]) -> None:
    if seconds < 0:
        raise UserError(f"{place}: {TIME} is {seconds:g}; begin at 0 s")
    if before and seconds <= before[-1]:
        raise UserError(f"{place}: {TIME} is {seconds:g} after {before[-1]:g}; it must grow from row to row")
    if seconds > MOST_SECONDS:
        raise UserError(f"{place}: {TIME} is {seconds:g} s; give {format_duration(MOST_SECONDS)} at most")


def _evenly(times: Times, values: dict[str, Times]) -> Curves:
    """Curves of values at times, which may be uneven."""
    count = len(times)
    step = float(times[-1] - times[0]) / (count - 1)
    off = np.abs(times - step * np.arange(count)).max()
    if off <= min(_ROUNDED, step / 2) and step <= 1 / _LEAST_RATE:
        return Curves(round(1 / step, 6), {name: _samples(column) for name, column in values.items()})
    end = float(times[-1])
    count = max(2, math.ceil(end * _RATE))
    even = np.arange(count) * (end / count)
    return Curves(count / end, {name: _samples(np.interp(even, times, column)) for name, column in values.items()})


def _samples(values: Times) -> Samples:
    return values.astype(np.float32)
