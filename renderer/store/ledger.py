"""What is known to be the same in a store and in a working copy of it; written down at once, for who is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import stat_result
from pathlib import Path
from threading import Lock
from typing import Any

from renderer.store.files import write_whole
from renderer.store.remote import Entry


@dataclass(frozen=True)
class Known:
    """A file that was the same here and there.

    Attributes:
        entry: What the store said of it.
        stamp: Size and time of change of the file here.
    """

    entry: Entry
    stamp: tuple[int, int]


def stamp_of(found: stat_result) -> tuple[int, int]:
    """What tells a file from the one that takes its place."""
    return found.st_size, found.st_mtime_ns


class Ledger:
    """A file of lines, each of which tells of one file; the last line of a file holds.

    It may be lost, or be cut short: then more is fetched than would be needed.

    Attributes:
        known: The files that were the same here and there, by name.
        obsolete: The files that are to be removed from the store, as they were there.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self._path, self._writing = path, Lock()
        self.known: dict[str, Known] = {}
        self.obsolete: dict[str, Entry] = {}
        for line in _lines(path):
            self._take(line)

    def shorten(self) -> None:
        """Write down only what holds; for who is alone."""
        write_whole(self._path, "".join(map(_line, self._rows())).encode(), durable=False)

    def keep(self, name: str, entry: Entry, stamp: tuple[int, int]) -> None:
        """A file is the same here and there."""
        self._add({"name": name, "size": entry.size, "identity": entry.identity, "stamp": stamp})

    def discard(self, name: str, entry: Entry) -> None:
        """A file is gone here, and is to be removed there too."""
        self._add({"name": name, "size": entry.size, "identity": entry.identity})

    def forget(self, name: str) -> None:
        """A file is neither here nor there, or nothing is known of it."""
        self._add({"name": name})

    def _add(self, row: dict[str, Any]) -> None:
        with self._writing:
            self._take(row)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(row))

    def _take(self, row: dict[str, Any]) -> None:
        name, stamp = row["name"], row.get("stamp")
        self.known.pop(name, None)
        self.obsolete.pop(name, None)
        if "identity" in row:
            entry = Entry(row["size"], row["identity"])
            if stamp:
                self.known[name] = Known(entry, (stamp[0], stamp[1]))
            else:
                self.obsolete[name] = entry

    def _rows(self) -> Iterator[dict[str, Any]]:
        for name, known in self.known.items():
            entry = known.entry
            yield {"name": name, "size": entry.size, "identity": entry.identity, "stamp": known.stamp}
        for name, entry in self.obsolete.items():
            yield {"name": name, "size": entry.size, "identity": entry.identity}


def _line(row: dict[str, Any]) -> str:
    return f"{json.dumps(row)}\n"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole; a process that was killed may have left a part of one."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            row = json.loads(line)
            Entry(int(row.get("size", 0)), str(row.get("identity", "")))
            str(row["name"]), tuple(map(int, row.get("stamp") or (0, 0)))
        except (ValueError, TypeError, LookupError, AttributeError):
            continue
        yield row
