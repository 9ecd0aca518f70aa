"""Lists of classes: of the ImageNet networks, of the embedded one, and from a file of the user's."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from renderer.common.errors import UserError
from renderer.targets.target import Target, class_target

_DATA = Path(__file__).parent / "data"
_MOST_BYTES = 16 * 2**20
_MOST_CLASSES = 100_000
_LONGEST_FIELD = {"title": 500}
_LONGEST_OTHER = 10_000
Row = dict[str, str]


def load_imagenet_classes() -> tuple[Target, ...]:
    """The 1000 ImageNet classes, with the hypernyms of WordNet as groups."""
    return load_class_file(_DATA / "imagenet_classes.csv")


def load_emoji_classes(path: Path = _DATA / "emoji_classes.csv") -> tuple[Target, ...]:
    """The classes of the embedded network, with the character as synonym and Unicode's groups as groups.

    Raises:
        UserError: The file is missing or wrong.
    """
    return tuple(
        class_target(index, row["title"], synonyms=(row["character"],), groups=(row["group"], row["subgroup"]))
        for index, row in enumerate(_checked_rows(path, ("index", "character", "title", "group", "subgroup")))
    )


def load_class_file(path: Path) -> tuple[Target, ...]:
    """Read a class list.

    Args:
        path: CSV file with a heading. Columns: `index`, contiguous from 0; `title`, unique; and, where wanted, `wnid`,
            `synonyms` (separated by `; `) and `hypernyms` (root first, separated by ` > `).

    Raises:
        UserError: The file is missing or wrong, or more than any network's list can be; the message names the line.
    """
    return tuple(
        class_target(
            index=index,
            title=row["title"],
            wnid=row.get("wnid") or None,
            synonyms=_parts(row.get("synonyms", ""), ";"),
            groups=_parts(row.get("hypernyms", ""), ">"),
        )
        for index, row in enumerate(_checked_rows(path, ("index", "title")))
    )


def _parts(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def _checked_rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    lines_of_titles: dict[str, int] = {}
    for line, row in _rows(path, columns):
        if row["index"] != str(len(rows)):
            raise UserError(f"{path}:{line}: index must be {len(rows)}, not {row['index']!r}: number the rows from 0")
        title = row["title"]
        if not title or title in lines_of_titles:
            found = f"also in line {lines_of_titles[title]}" if title else "empty"
            raise UserError(f"{path}:{line}: the title {title!r} is {found}; give every class a title of its own")
        lines_of_titles[title] = line
        rows.append(row)
        if len(rows) > _MOST_CLASSES:
            raise UserError(f"{path}:{line}: more than {_MOST_CLASSES:,} classes; no network has so many outputs")
    if not rows:
        raise UserError(f"{path}: holds no classes; write a row for each output of the network")
    return rows


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """The rows that are not empty, stripped, with their line numbers."""
    try:
        with io.StringIO(_text(path), newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise UserError(
                    f"{path}:1: the heading lacks {', '.join(missing)}; name the columns there, separated by commas"
                )
            for row in reader:
                if None in row or None in row.values():
                    raise UserError(
                        f"{path}:{reader.line_num}: has not as many fields as the heading; "
                        "put fields that hold a comma in quotes"
                    )
                stripped = {column: field.strip() for column, field in row.items()}
                _refuse_unusable(f"{path}:{reader.line_num}", stripped)
                yield reader.line_num, stripped
    except OSError as error:
        raise UserError(f"{path}: the class list cannot be read ({error.strerror}); check network.classes") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error}); check network.classes") from error


def _text(path: Path) -> str:
    """The file's text, of which no more is read than a list can have."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: the class list must be a file; check network.classes")
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UserError(f"{path}: more than {_MOST_BYTES:,} bytes, too large for a class list; check network.classes")
    return data.decode("utf-8-sig")


def _refuse_unusable(place: str, row: Row) -> None:
    """Refuse texts that films, pages and file names cannot hold, or that nobody could read on a frame."""
    for column, field in row.items():
        if "\0" in field:
            raise UserError(f"{place}: the {column} holds the character NUL, which no film can hold; remove it")
        if len(field) > (longest := _LONGEST_FIELD.get(column, _LONGEST_OTHER)):
            raise UserError(f"{place}: the {column} has {len(field):,} characters; give it {longest:,} at most")
