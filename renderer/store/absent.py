"""Files of a directory that are not on this disk, but can be fetched: of a run that is kept in a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_sources: dict[Path, Source] = {}
"""By directory who can fetch its files."""


class Source(Protocol):
    """Has files of a directory elsewhere; may be asked by any thread."""

    def size(self, path: Path) -> int | None:
        """Bytes of a file, or of a folder's files together, that is not here; None if it is nowhere."""
        ...

    def fetch(self, paths: Sequence[Path]) -> None:
        """See to it that files are here, as far as they are anywhere; raises OSError or UserError."""
        ...

    def look_again(self) -> None:
        """See what others have put there in the meantime."""
        ...


@contextmanager
def offered(root: Path, source: Source) -> Iterator[None]:
    """Have files of a directory fetched by whoever reads them while the block lasts.

    Args:
        root: The directory.
        source: Has them.
    """
    before, _sources[root.absolute()] = _sources.get(root.absolute()), source
    try:
        yield
    finally:
        if before is None:
            del _sources[root.absolute()]
        else:
            _sources[root.absolute()] = before


def absent_size(path: Path) -> int | None:
    """Bytes of a file (or of a folder's files together) that is not here, and can be fetched; None if it cannot."""
    found = (source.size(path) for source in _sources_of(path))
    return next((size for size in found if size is not None), None)


def fetch_absent(*paths: Path) -> None:
    """See to it that files are here that can be fetched; what is here, or nowhere, stays as it is."""
    for source in _sources_of(paths[0]) if paths else ():
        source.fetch(paths)


def look_again(root: Path) -> None:
    """See which files of a directory others have put elsewhere in the meantime."""
    if source := _sources.get(root.absolute()):
        source.look_again()


def _sources_of(path: Path) -> list[Source]:
    if not _sources:
        return []
    parents = path.absolute().parents
    return [source for root, source in tuple(_sources.items()) if root in parents]
