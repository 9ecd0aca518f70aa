"""A working copy on this machine of a run that is kept in a store: what is the same, what is newer, what is absent."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path
from threading import Lock

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.wording import format_bytes
from renderer.store.carried import RUN_FILE, RUN_FILES, is_carried, is_record, is_result, is_saved, recorded_digests
from renderer.store.files import own_temporary
from renderer.store.ledger import Ledger, stamp_of
from renderer.store.new_folders import make_folder
from renderer.store.paths import RunPaths
from renderer.store.place import Place
from renderer.store.plain_files import is_plain_file
from renderer.store.remote import Entry, Store, StoreError, StoreRefusedError

_AT_ONCE = 16


@dataclass(frozen=True)
class Differences:
    """How a working copy differs from the store that it is of.

    Attributes:
        newer: Files that are newer here, or here alone: they are to be put.
        doubtful: Large files of which it is not known whether they are the same.
        lost: Files that were put, and are not there any more.
        obsolete: Files that were removed here, and are there yet.
    """

    newer: list[str]
    doubtful: list[str]
    lost: list[str]
    obsolete: list[str]


class WorkingCopy:
    """The directory, and what the store has of it; any thread may ask.

    Attributes:
        place: Where the run lies.
        store: Its store.
        there: What the store has of the run, by name.
        ledger: What is known to be the same.
    """

    def __init__(
        self,
        place: Place,
        store: Store,
        listing: Mapping[str, Entry],
        ledger: Ledger | None = None,
        *,
        changed: int = 0,
        keeps_damaged: bool = True,
    ) -> None:
        """Take what is there of a run.

        Args:
            place: Where the run lies.
            store: Its store.
            listing: All files that the store has in its folder.
            ledger: What is known to be the same; None for what was written down beside the working copy.
            changed: Time of change that fetched files get, in nanoseconds: the same for all, so that none seems to be
                older than what it was made from.
            keeps_damaged: Whether a file that is damaged there is left here all the same, so that it is found to be,
                and made again.
        """
        self.place, self.store, self.ledger = place, store, ledger or Ledger(place.held / "known.jsonl")
        self.there = {name: entry for name, entry in listing.items() if is_carried(name)}
        self._changed, self._keeps_damaged, self._digests = changed, keeps_damaged, dict[str, str]()
        self._locks: dict[str, Lock] = defaultdict(Lock)

    @property
    def root(self) -> Path:
        """The directory."""
        return self.place.directory

    def name_of(self, path: Path) -> str:
        """The name of a file, there and in records."""
        return path.absolute().relative_to(self.root.absolute()).as_posix()

    def size(self, path: Path) -> int | None:
        """Bytes of a file that is not here but there, or of a folder's files; None if it is here or nowhere."""
        if lexists(path):
            return None
        name = self.name_of(path)
        if name in self.there:
            return self.there[name].size
        inside = [entry.size for other, entry in tuple(self.there.items()) if other.startswith(f"{name}/")]
        return sum(inside) if inside else None

    def fetch(self, paths: Sequence[Path]) -> None:
        """See to it that files are here, as far as they are there.

        Raises:
            UserError: One is not what its record says, or has gone.
            StoreError: The store cannot be reached.
        """
        names = [name for name, path in ((self.name_of(path), path) for path in paths) if name in self.there]
        self._bring([name for name in names if not lexists(self.root / name)])

    def look_again(self) -> None:
        """See what others have put there in the meantime."""
        found = {name: entry for name, entry in self.store.listing().items() if is_carried(name)}
        gone = self.ledger.obsolete
        self.there |= {name: entry for name, entry in found.items() if name not in self.there and name not in gone}

    def differences(self, tell: Callable[[str], None]) -> Differences:
        """Compare what is here with what is there; what is surely outdated here is removed.

        Args:
            tell: Is told where that is all.
        """
        self.ledger.shorten()
        known = self.ledger.known
        if RUN_FILE in known and self.there.keys().isdisjoint(RUN_FILES):
            tell(f"{self.place}: the run was removed there, and so is what is left of it in {self.root}")
            self._forget_all()
        found = Differences([], [], [], self._obsolete())
        for name, stamp in list(_carried_files(self.root)):
            entry, before = self.there.get(name), known.get(name)
            if entry is None:
                (found.lost if before else found.newer).append(name)
            elif before and before.entry.is_surely(entry):
                if before.stamp != stamp:
                    found.newer.append(name)
            elif entry.is_of(self.root / name, stamp[0]):
                self.ledger.keep(name, entry, stamp)
            elif is_result(name) or is_saved(name):
                self._drop(name)
            else:
                found.doubtful.append(name)
        return found

    def fetch_wanted(self, wanted: Callable[[str], bool], tell: Callable[[str], None]) -> None:
        """Fetch what is not here, as far as it is wanted.

        Args:
            wanted: Whether a file of that name is.
            tell: Is told how much it is.

        Raises:
            UserError, StoreError: As `fetch`.
        """
        names = [name for name in self.there if not lexists(self.root / name) and wanted(name)]
        if names:
            size = format_bytes(sum(self.there[name].size for name in names))
            tell(f"{self.place}: fetching {len(names)} file{'s' if len(names) > 1 else ''}, {size}")
        self._bring(names)

    def settle(self, found: Differences) -> list[str]:
        """Decide by the records, which are here by now, what is to be believed.

        Args:
            found: How this differs from the store.

        Returns:
            Names of files that are to be put.
        """
        for name in filter(is_record, found.lost):
            self._drop(name)  # It speaks of what is no more, too.
        self._digests = recorded_digests(self.root)
        for name in found.doubtful:
            if self._is_recorded(name):
                self.ledger.keep(name, self.there[name], stamp_of((self.root / name).stat()))
            else:
                self._drop(name)
        again = [name for name in found.lost if self._is_recorded(name)]
        for name in set(found.lost) - set(again):
            self._drop(name)
        return [*found.newer, *again]

    def _is_recorded(self, name: str) -> bool:
        path = self.root / name
        return name in self._digests and is_plain_file(path) and file_digest(path) == self._digests[name]

    def _obsolete(self) -> list[str]:
        """What was removed here before, and not there; it is offered no more."""
        found = []
        for name, entry in list(self.ledger.obsolete.items()):
            if name in self.there and self.there[name].is_surely(entry) and not lexists(self.root / name):
                found.append(name)
                del self.there[name]
            else:
                self.ledger.forget(name)
        return found

    def _forget_all(self) -> None:
        for name, _ in list(_carried_files(self.root)):
            self._drop(name)
        for name in list(self.ledger.known):
            self.ledger.forget(name)
        for folder in RunPaths(self.root).folders[1:]:
            with suppress(OSError):  # It is not empty, or not there.
                folder.rmdir()

    def _drop(self, name: str) -> None:
        """Remove a file here alone."""
        (self.root / name).unlink(missing_ok=True)
        self.ledger.forget(name)

    def _bring(self, names: Sequence[str]) -> None:
        if len(names) == 1:
            self.bring(names[0])
        elif names:
            with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
                futures = [pool.submit(self.bring, name) for name in names]
                try:
                    for future in futures:
                        future.result()
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)

    def bring(self, name: str, *, anew: bool = False) -> None:
        """Fetch one file; what is here already stays, unless it is to be fetched anew. Raises as `fetch`."""
        path, entry = self.root / name, self.there[name]
        with self._locks[name]:
            if lexists(path) and not anew:
                return
            make_folder(path.parent)
            temporary = own_temporary(path)
            try:
                self._get(name, temporary)
                os.utime(temporary, ns=(self._changed, self._changed))
                stamp = stamp_of(temporary.stat())
                is_damaged = name in self._digests and file_digest(temporary) != self._digests[name]
                if not is_damaged or self._keeps_damaged:  # Where it lies, it is found, and made again.
                    temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            if is_damaged:
                raise StoreError(f"{self.place}: {name} is damaged there; `render` with that place makes it again")
            if stamp[0] == entry.size:
                self.ledger.keep(name, entry, stamp)

    def _get(self, name: str, path: Path) -> None:
        try:
            self.store.get(name, path)
        except StoreRefusedError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            raise StoreError(
                f"{self.place}: {name} was removed there just now; `render` with that place makes it again"
            ) from error


def refuse_foreign_store(place: Place, listing: Mapping[str, Entry]) -> None:
    """Refuse a folder of a store with things in it that no run can have put there.

    Raises:
        UserError: It holds other things and no run, or a run without its `run.yaml`.
    """
    if not listing.keys().isdisjoint(RUN_FILES):
        return
    if any(is_carried(name) and is_record(name) for name in listing):
        raise UserError(
            f"{place} holds a run without its run.yaml: that and its copy state/{RUN_FILE} are gone, and nothing else "
            "tells what the run was made with; put one of them back from a backup, remove what is there to begin "
            "anew, or choose another place with --output"
        )
    if strange := sorted(name for name in listing if not is_carried(name)):
        raise UserError(
            f"{place} is not empty and holds no run (it has {strange[0]}); choose another place with --output"
        )


def _carried_files(root: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """The files of a run that are here, with what tells each from the one that takes its place."""
    folders: Iterable[Path] = [root, *(path for path in root.glob("*") if path.is_dir() and not path.is_symlink())]
    for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        name = path.relative_to(root).as_posix()
        if is_carried(name) and is_plain_file(path):
            yield name, stamp_of(path.stat())
