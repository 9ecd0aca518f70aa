"""What networks say of a run's pictures as a table for other programs: a row for each picture and network."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from renderer.common.errors import UserError
from renderer.store.evaluation_file import Evaluation, PictureScore, plain_judge_names, role
from renderer.store.outputs import refuse_within

_SUFFIXES = {".csv", ".tsv", ".txt", ".data"}
_MOST_SEEN = 5
_SEEN = ("title", "index", "probability")
COLUMNS = (
    *("run", "network", "role", "view", "index", "wnid", "title"),
    *("rank", "probability", "log_probability", "activation"),
    *(f"top_{place}_{what}" for place in range(1, _MOST_SEEN + 1) for what in _SEEN),
)
"""Names of the columns, in order; they stay."""


def check_table_path(path: Path, run: Path) -> None:
    """Refuse a file that cannot be written or is no table's place, before anything is computed; raises UserError."""
    refuse_within(run, path, f"--csv {path}:")
    if path.is_file() and path.suffix.lower() not in _SUFFIXES and path.stat().st_size:
        raise UserError(f"--csv {path}: is there, and its name is not that of a table; name a file such as scores.csv")
    if path.is_dir():
        raise UserError(f"--csv {path}: is a folder; name a file, such as {path / 'scores.csv'}")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise UserError(f"--csv {path}: {folder} is a file, not a folder; choose another place")


def score_table(evaluation: Evaluation, run: str) -> str:
    r"""The table as comma-separated values (RFC 4180, but with `\n`), headed by `COLUMNS`.

    A picture that is both a class's still and its last frame has two rows, so that those of one view are complete. What
    is not known is empty.

    Args:
        evaluation: The scores.
        run: What to call the run.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: harmless(value) for key, value in row.items()} for row in _rows(evaluation, run))
    return text.getvalue()


def harmless(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: titles may come from anybody."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _rows(evaluation: Evaluation, run: str) -> Iterator[dict[str, object]]:
    dreamer = evaluation.network
    judges = zip(plain_judge_names(evaluation), evaluation.judges, strict=True)
    for name, found in ((str(dreamer.network["name"]), dreamer), *judges):
        for picture in found.pictures:
            for view in picture.shown:
                yield {"run": run, "network": name, "role": role(evaluation, found), "view": view} | _said(picture)


def _said(picture: PictureScore) -> dict[str, object]:
    named = {key: getattr(picture, key) for key in COLUMNS if key in PictureScore.model_fields}
    top = {
        f"top_{place}_{what}": getattr(seen, what)
        for place, seen in enumerate(picture.top[:_MOST_SEEN], start=1)
        for what in _SEEN
    }
    return named | top
