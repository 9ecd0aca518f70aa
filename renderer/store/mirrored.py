"""Directories whose finished files are carried elsewhere as soon as each is whole: to a store, or another machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_mirrored: dict[Path, Mirror] = {}
"""By directory who is told of its files."""


class Mirror(Protocol):
    """Is told of every whole file in a directory; by any thread, in the order in which that thread wrote.

    A record is written after everything that it speaks of. So a mirror that carries each record only after all it was
    told of before never shows a record without its files.
    """

    def wrote(self, path: Path) -> None:
        """A file (or a folder of pictures) is there, or is another one now; raises OSError to fail the write."""
        ...

    def removed(self, path: Path) -> None:
        """A file is gone."""
        ...


@contextmanager
def mirrored(root: Path, mirror: Mirror) -> Iterator[None]:
    """Have a mirror told of all whole files below a directory while the block lasts.

    Args:
        root: The directory.
        mirror: Is told.
    """
    _mirrored[root.absolute()] = mirror
    try:
        yield
    finally:
        del _mirrored[root.absolute()]


def tell_written(path: Path) -> None:
    """Tell the mirror of its directory, if there is one, of a file that is whole now."""
    for mirror in _mirrors_of(path):
        mirror.wrote(path)


def tell_removed(path: Path) -> None:
    """Tell the mirror of its directory, if there is one, that a file is gone."""
    for mirror in _mirrors_of(path):
        mirror.removed(path)


def _mirrors_of(path: Path) -> list[Mirror]:
    parents = path.absolute().parents
    return [mirror for root, mirror in tuple(_mirrored.items()) if root in parents]
