"""The files of a comparison beside its page: small copies of stills, and copies of all else if asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from renderer.atlas.comparison import Comparison, stills
from renderer.atlas.comparison_contents import Shelf
from renderer.atlas.seen import SeenRun
from renderer.atlas.thumbnails import read_thumbnail
from renderer.common.errors import UserError
from renderer.store.comparison_folder import ComparisonPaths
from renderer.store.files import whole_file, write_whole
from renderer.store.index_file import Index
from renderer.store.plain_files import is_plain_file
from renderer.targets.slugs import slug


@dataclass(frozen=True)
class Files:
    """What lies in the folder of a comparison.

    Attributes:
        shelf: Where the page finds it, and what it links.
        written: The files that were written.
    """

    shelf: Shelf
    written: frozenset[Path]


def put_files(comparison: Comparison, indexes: Sequence[Index], paths: ComparisonPaths, *, copy: bool) -> Files:
    """Write the small copies of all stills; with `copy` also the stills and films, else the page links those.

    Raises:
        UserError: A run lies on another drive, from where nothing can be linked.
        OSError: Something cannot be read or written.
    """
    bearer = _Bearer(paths, copy=copy)
    for row in comparison.rows:
        for place, still in enumerate(stills(row, comparison.runs)):
            if still:
                bearer.put_still(comparison.runs[place], place, still)
    films = tuple(
        bearer.put_film(seen.paths.root / index.film.path, place, label) if index.film else None
        for place, (seen, index, label) in enumerate(zip(comparison.runs, indexes, comparison.labels, strict=True))
    )
    pages = tuple(
        bearer.link(seen.paths.page) if not copy and is_plain_file(seen.paths.page) else None
        for seen in comparison.runs
    )
    shelf = Shelf(bearer.stills, bearer.thumbnails, films, pages)
    return Files(shelf, frozenset(bearer.written))


@dataclass
class _Bearer:
    """Carries files into the folder of a comparison, and knows where they are then."""

    paths: ComparisonPaths
    copy: bool
    stills: dict[Path, str] = field(default_factory=dict)
    thumbnails: dict[Path, str] = field(default_factory=dict)
    written: set[Path] = field(default_factory=set)

    def put_still(self, seen: SeenRun, place: int, still: Path) -> None:
        """Put a still there with its small copy."""
        thumbnail = self.paths.thumbnails / _numbered(place, f"{still.stem}.webp")
        write_whole(thumbnail, read_thumbnail(seen.paths, still), durable=False)
        self.thumbnails[still] = self._relative(thumbnail)
        self.stills[still] = self._put(still, self.paths.stills / _numbered(place, still.name))

    def put_film(self, film: Path, place: int, label: str) -> str | None:
        """Put a film there; a film that is a folder of pictures is left out."""
        name = _numbered(place, f"{slug(label)}{film.suffix}")
        return self._put(film, self.paths.films / name) if is_plain_file(film) else None

    def link(self, file: Path) -> str:
        """Address of a file of a run; it stays true where the folders are moved together."""
        try:
            relative = os.path.relpath(file.resolve(), self.paths.root.resolve())
        except ValueError as error:
            raise UserError(
                f"{file} lies on another drive than {self.paths.root}; choose a directory there with --output, or let "
                "--copy put copies of stills and films beside the page"
            ) from error
        return Path(relative).as_posix()

    def _put(self, file: Path, copy: Path) -> str:
        if not self.copy:
            return self.link(file)
        with whole_file(copy, durable=False) as temporary:
            shutil.copyfile(file, temporary)
        return self._relative(copy)

    def _relative(self, path: Path) -> str:
        self.written.add(path)
        return path.relative_to(self.paths.root).as_posix()


def _numbered(place: int, name: str) -> str:
    return f"{place + 1:02d}-{name}"
