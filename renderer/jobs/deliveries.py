"""Files that come from the workers of a cluster, on their way into the run's directory, the only truth there is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from renderer.common.errors import ClusterError
from renderer.jobs.messages import Removed, Wrote
from renderer.store.carried import is_carried, tells_of_others
from renderer.store.files import remove, write_whole
from renderer.store.paths import SEGMENT_STEM
from renderer.store.plain_files import path_within
from renderer.store.run import Run
from renderer.targets.slugs import still_name

_PART_RECORD = re.compile(r"(?P<name>.+)\.part\.json")


class Deliveries:
    """Writes what comes in the order in which it comes, records after all that they speak of.

    Where two workers compute the same, files of the later one wait for their record, and whoever's record comes first
    is believed: no record ever speaks of another one's files.
    """

    def __init__(self, run: Run) -> None:
        self._root = run.paths.root
        places = range(1, run.settings.stills.variants + 1)
        named = ((still_name(target, place), target.key) for target in run.targets for place in places)
        self._stills = {name.removesuffix(".png"): f"still-{key}" for name, key in named}
        self._held = defaultdict[int, dict[str, list[Wrote | Removed]]](lambda: defaultdict(list))
        self._first = dict[str, int]()

    def expect(self, names: Iterable[str]) -> None:
        """Segments are computed that are missing, whoever had them before."""
        for name in names:
            self._first.pop(name, None)

    def take(self, lease: int, event: Wrote | Removed, *, is_eldest: bool) -> None:
        """Write a file, or remove it, or have it wait for its record.

        Args:
            lease: Number of the lease of which it came.
            event: The file.
            is_eldest: Whether nobody was at the same before.

        Raises:
            ClusterError: It is no file of a run.
            OSError: It cannot be written.
        """
        key = self._belongs_to(event.path)
        if is_eldest:
            for events in self._held.pop(lease, {}).values():
                self._do(lease, events)
        if key.startswith("saved-"):
            if is_eldest:  # else it would not be known whose frames it goes on from
                self._write(event)
        elif is_eldest:
            self._do(lease, [event])
        else:
            self._held[lease][key].append(event)
            if key in self._first or _is_record(event):
                self._do(lease, self._held[lease].pop(key))

    def forget(self, lease: int) -> None:
        """A lease is over: what waits for a record waits in vain."""
        self._held.pop(lease, None)

    def _do(self, lease: int, events: list[Wrote | Removed]) -> None:
        """Write and remove files of one record, unless another lease came first with it."""
        key = self._belongs_to(events[0].path)
        if any(_is_record(event) for event in events):
            self._first.setdefault(key, lease)
        if self._first.get(key, lease) != lease:
            return
        for event in events:
            self._write(event)

    def _write(self, event: Wrote | Removed) -> None:
        path = path_within(self._root, event.path)
        if path is None:
            raise ClusterError(f"a worker told of {event.path!r}, which is no file of a run")
        if isinstance(event, Removed):
            remove(path)
        else:
            write_whole(path, event.data, durable=path.parent.name != "thumbs")

    def _belongs_to(self, path: str) -> str:
        """What tells the record of a file from others."""
        if not is_carried(path):
            raise ClusterError(f"a worker told of {path!r}, which is no file of a run")
        pure = PurePosixPath(path)
        stem = pure.name.removesuffix(pure.suffix)
        if still := self._stills.get(stem.removeprefix("clean-")):
            return still
        if part := _PART_RECORD.fullmatch(pure.name):
            return f"part of {part['name']}"
        segment = SEGMENT_STEM.fullmatch(stem)
        if segment is None:
            return stem
        return f"part of {segment[1]}" if pure.parts[0] == "parts" else segment[1]


def _is_record(event: Wrote | Removed) -> bool:
    return isinstance(event, Wrote) and tells_of_others(event.path)
