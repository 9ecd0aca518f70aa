"""Lists of classes as people have them: CSV, tabs, JSON, or a title a line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from renderer.common.errors import UserError
from renderer.common.ordinary_files import no_such_file
from renderer.targets.target import Target, class_target

_MOST_BYTES = 16 * 2**20
_MOST_CLASSES = 100_000
_LONGEST_FIELD = {"title": 500}
_LONGEST_OTHER = 10_000
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_SYNSET = re.compile(r"(n[0-9]{8})\s+(\S.*)")
_DIGITS = re.compile(r"[0-9]{1,9}")
_JSON_FORMS = (
    'a list of titles, a list of mappings with "title", a mapping of numbers to titles or to [wnid, title], or one of '
    "titles to numbers"
)

Row = dict[str, str]
PlacedRow = tuple[str, Row]
"""Where a row stands, such as `classes.csv:3`, and its fields by column; `index` may be missing."""


def load_class_file(path: Path) -> tuple[Target, ...]:
    """Read a class list; its ending says what it is.

    - `.csv`, or `.tsv` with tabs: a heading, then a row for each class. Columns: `index`, contiguous from 0; `title`;
      and, where wanted, `wnid`, `synonyms` (separated by `; `) and `hypernyms` (root first, separated by ` > `).
    - `.json`: a list of titles, or of mappings with the same columns; a mapping of numbers to titles or to pairs of
      wnid and title (Keras's `imagenet_class_index.json`), or of titles to numbers (torchvision's `class_to_idx`).
    - Any other ending: a title a line; if every line begins with a wnid, the title and synonyms follow, separated by
      commas (Caffe's `synset_words.txt`).

    Classes of the same title get their number behind it, and keep the title as a synonym.

    Raises:
        UserError: The file is missing or wrong, or more than any network's list can be; the message names the place.
    """
    rows = list(_numbered(_rows(path, path.suffix.lower())))
    if not rows:
        raise UserError(f"{path}: holds no classes; write a row for each output of the network")
    return _targets(rows)


def targets_of(rows: Sequence[Row], place: str) -> tuple[Target, ...]:
    """The classes of rows with the columns of a class list, in order; `place` says where they are from, for errors."""
    return _targets(list(_numbered((place, row) for row in rows)))


def table_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows of a CSV file that has these columns, `index` and `title` among them; raises UserError."""
    return [row for _, row in _numbered(_table(path, columns, ","))]


def _targets(rows: Sequence[PlacedRow]) -> tuple[Target, ...]:
    return tuple(class_target(index, **_fields(row)) for index, row in enumerate(_told_apart(rows)))


def _fields(row: Row) -> dict[str, Any]:
    return {
        "title": row["title"],
        "wnid": row.get("wnid") or None,
        "synonyms": _parts(row.get("synonyms", ""), ";"),
        "groups": _parts(row.get("hypernyms", ""), ">"),
    }


def _parts(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _told_apart(rows: Sequence[PlacedRow]) -> Iterator[Row]:
    """The rows with a title of its own for each."""
    counts = Counter(row["title"] for _, row in rows)
    for index, (place, row) in enumerate(rows):
        if counts[title := row["title"]] == 1:
            yield row
            continue
        own = f"{title} ({index})"
        if own in counts:
            raise UserError(f"{place}: the title {title!r} is not the only one, nor is {own!r}; rename one")
        yield row | {"title": own, "synonyms": "; ".join(filter(None, (title, row.get("synonyms", ""))))}


def _numbered(rows: Iterable[PlacedRow]) -> Iterator[PlacedRow]:
    """The rows, of which each is found to be the one that it says, and to have a title."""
    for number, (place, row) in enumerate(rows):
        if row.get("index", str(number)) != str(number):
            raise UserError(f"{place}: index must be {number}, not {row['index']!r:.60}: number the rows from 0")
        if not row["title"]:
            raise UserError(f"{place}: the title {row['title']!r} is empty; give every class a title")
        if number >= _MOST_CLASSES:
            raise UserError(f"{place}: more than {_MOST_CLASSES:,} classes; no network has so many outputs")
        _refuse_unusable(place, row)
        yield place, row


def _rows(path: Path, ending: str) -> Iterable[PlacedRow]:
    if ending in _DELIMITERS:
        return _table(path, ("index", "title"), _DELIMITERS[ending])
    return _json_rows(path) if ending == ".json" else _lines(path)


def _table(path: Path, columns: Sequence[str], delimiter: str) -> Iterator[PlacedRow]:
    """The rows that are not empty, stripped."""
    try:
        reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True, delimiter=delimiter)
        if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
            separated = "commas" if delimiter == "," else "tabs"
            raise UserError(
                f"{path}:1: the heading lacks {', '.join(missing)}; name the columns there, separated by {separated}"
            )
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row or None in row.values():
                raise UserError(
                    f"{place}: has not as many fields as the heading; put fields that hold a separator in quotes"
                )
            yield place, {column: field.strip() for column, field in row.items()}
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV file ({error}); check network.classes") from error


def _lines(path: Path) -> Iterator[PlacedRow]:
    lines = [(f"{path}:{number}", line.strip()) for number, line in enumerate(_text(path).splitlines(), start=1)]
    lines = [(place, line) for place, line in lines if line]
    synsets = [_SYNSET.fullmatch(line) for _, line in lines]
    for (place, line), synset in zip(lines, synsets, strict=True):
        if synset is None or not all(synsets):
            yield place, {"title": line}
        else:
            title, *synonyms = (name.strip() for name in synset[2].split(","))
            yield place, {"wnid": synset[1], "title": title, "synonyms": "; ".join(synonyms)}


def _json_rows(path: Path) -> list[PlacedRow]:
    try:
        entries = _json_entries(json.loads(_text(path)))
        return [(f"{path}: entry {number}", _json_row(entry)) for number, entry in enumerate(entries)]
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON ({error.msg}); check network.classes") from error
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise UserError(f"{path}: holds something else than {_JSON_FORMS}; check network.classes") from error


def _json_entries(data: Any) -> Sequence[Any]:
    """What is said of each class, in the order of the outputs; raises TypeError, ValueError or KeyError."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict):
        raise TypeError("neither a list nor a mapping")
    by_number: Mapping[int, Any] = (
        {number: title for title, number in data.items()}
        if all(type(number) is int for number in data.values())
        else {int(number): entry for number, entry in data.items() if _DIGITS.fullmatch(number)}
    )
    if len(by_number) != len(data):
        raise ValueError("numbers are missing or double")
    return [by_number[number] for number in range(len(by_number))]


def _json_row(entry: Any) -> Row:
    match entry:
        case str():
            return {"title": entry.strip()}
        case [str(wnid), str(title)]:
            return {"wnid": wnid, "title": title.replace("_", " ").strip()}
        case {"title": str()}:
            return {column: _json_field(column, value) for column, value in entry.items()}
        case _:
            raise ValueError("neither a title nor a mapping with one")


def _json_field(column: str, value: Any) -> str:
    separator = " > " if column == "hypernyms" else "; "
    if isinstance(value, list):
        return separator.join(map(str, value))
    return "" if value is None else str(value).strip()


def _text(path: Path) -> str:
    """The file's text, of which no more is read than a list can have."""
    try:
        if not path.exists():
            raise UserError(f"network.classes: {no_such_file(path)}")
        if not path.is_file():
            raise UserError(f"{path}: the class list must be a file; check network.classes")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: the class list cannot be read ({error.strerror}); check network.classes") from error
    if len(data) > _MOST_BYTES:
        raise UserError(f"{path}: more than {_MOST_BYTES:,} bytes, too large for a class list; check network.classes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text in UTF-8 ({error}); check network.classes") from error


def _refuse_unusable(place: str, row: Row) -> None:
    """Refuse texts that films, pages and file names cannot hold, or that nobody could read on a frame."""
    for column, field in row.items():
        if "\0" in field or any("\ud800" <= sign <= "\udfff" for sign in field):
            raise UserError(f"{place}: the {column} holds NUL, or half a character; remove it")
        if len(field) > (longest := _LONGEST_FIELD.get(column, _LONGEST_OTHER)):
            raise UserError(f"{place}: the {column} has {len(field):,} characters; give it {longest:,} at most")
