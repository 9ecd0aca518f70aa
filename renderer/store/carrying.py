"""Carries each whole file of a working copy to its store, beside the work, and records after all they speak of."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType

from renderer.common import interruption
from renderer.common.errors import UserError
from renderer.store.carried import RUN_FILE, RUN_FILES, is_carried, is_saved, tells_of_others
from renderer.store.ledger import stamp_of
from renderer.store.remote import Entry, StoreError, StoreRefusedError
from renderer.store.working_copy import WorkingCopy

_LOG = logging.getLogger(__name__)

_AT_ONCE = 4
_MOST_WAITING = 64
"""Files; whoever writes more waits until some are there."""
_LONGEST_SECONDS = 60.0
"""Whoever writes more waits, too, as long as a file has been on its way for longer."""
_SILENT_SECONDS = 2.0
_INTERRUPTED_SECONDS = 45.0
"""After an interruption the rest is waited for so long; a process that takes a minute to end is ended."""


@dataclass(eq=False)
class _Task:
    """A file that is to be put, or to be removed.

    Attributes:
        name: Its name.
        removes: Whether it is to be removed.
        contents: Of what tells of others, as it was when it was written; else what is here is put.
        stamp: What tells the file from the one that takes its place.
    """

    name: str
    removes: bool = False
    contents: bytes | None = None
    stamp: tuple[int, int] = (0, 0)
    is_running: bool = False
    since: float = field(default_factory=time.monotonic)

    def waits_for(self, other: _Task) -> bool:
        """Whether it must not be done before another one that was told of before.

        What tells of others waits for whatever it may speak of, and for the removal of what would tell otherwise. A
        removal waits for all that was put; that of `run.yaml`, by which a run is known, for all.
        """
        if self.name == other.name:
            return True
        if self.removes:
            return not other.removes or self.name in RUN_FILES
        if not tells_of_others(self.name):
            return False
        tells = tells_of_others(other.name)
        return self.name in RUN_FILES or other.name in RUN_FILES or tells == other.removes


class Carrier:
    """A mirror of a working copy; what it could not carry is carried at the beginning of the next command.

    Files are put by a few threads. What tells of others waits until all is there that was written before. Files of
    which others tell are removed at the end, when nothing there speaks of them any more.
    """

    def __init__(self, copy: WorkingCopy, tell: Callable[[str], None], *, gives_way: bool = False) -> None:
        """Prepare.

        Args:
            copy: The working copy.
            tell: Is told where the end takes long.
            gives_way: Whether to take over what another machine begins at the same moment, as shards do.
        """
        self._copy, self._tell, self._gives_way = copy, tell, gives_way
        self._tasks = dict[int, _Task]()
        """All that is not there yet, in the order in which it was told."""
        self._waiting = dict[str, int]()
        """By name what nobody is at yet."""
        self._later = set[str]()
        """What is to be removed at the end."""
        self._numbers, self._changed = itertools.count(1), Condition()
        self._failure: Exception | None = None
        self._is_ending = False

    def __enter__(self) -> Carrier:
        for number in range(_AT_ONCE):
            Thread(target=self._work, name=f"store-{number}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_interrupted = error is not None and not isinstance(error, Exception)
        if is_interrupted:
            self._copy.store.hurry.set()
        try:
            self._settle(_INTERRUPTED_SECONDS if is_interrupted else None)
        except StoreError as failure:
            if error is None:
                raise
            if not isinstance(error, StoreError):
                self._tell(str(failure))
        finally:
            with self._changed:
                self._is_ending = True
                self._changed.notify_all()

    def wrote(self, path: Path) -> None:
        """Have a file carried, or all files of a folder of pictures.

        Raises:
            StoreError: Carrying has failed; what is here is kept.
            UserError: Another machine has begun a run there in the meantime.
        """
        if path.is_dir():
            self._wrote_folder(path)
            return
        name = self._copy.name_of(path)
        if not is_carried(name):
            return
        if name == RUN_FILE and name not in self._copy.there:
            self._begin(path)
            return
        self._submit([_task(name, path)])

    def removed(self, path: Path) -> None:
        """Have a file, or a folder's files, removed there too; raises StoreError as `wrote`."""
        name, there = self._copy.name_of(path), self._copy.there
        gone = [one for one in tuple(there) if one == name or one.startswith(f"{name}/")]
        if name == RUN_FILE and name in there:
            gone = [*(one for one in tuple(there) if one != name), name]  # The whole run is; some may not be here.
        with self._changed:
            under_way = {task.name for task in self._tasks.values() if not task.removes}
        if is_carried(name) and name in under_way and name not in gone:
            gone.append(name)
        self._remove(gone)

    def put(self, names: Iterable[str]) -> None:
        """Have files carried that were written before; records after all others. Raises as `wrote`."""
        names = list(names)
        if RUN_FILE in names and RUN_FILE not in self._copy.there:
            names.remove(RUN_FILE)
            self._begin(self._copy.root / RUN_FILE)
        ordered = sorted(names, key=lambda name: (tells_of_others(name), name != RUN_FILE, name))
        self._submit([_task(name, self._copy.root / name) for name in ordered], waits=False)

    def remove(self, names: Iterable[str]) -> None:
        """Have files removed that were removed here before."""
        self._remove(names)

    def _wrote_folder(self, folder: Path) -> None:
        files = {self._copy.name_of(path): path for path in sorted(folder.iterdir())}
        before = f"{self._copy.name_of(folder)}/"
        for name, path in files.items():
            if is_carried(name):
                self._submit([_task(name, path)])
        self._remove([one for one in tuple(self._copy.there) if one.startswith(before) and one not in files])

    def _begin(self, path: Path) -> None:
        """Make `run.yaml`, of which all else is: at once, and only if no other machine is first."""
        self._settle(None, with_removals=False)
        copy = self._copy
        stamp, contents = stamp_of(path.stat()), path.read_bytes()
        try:
            entry = copy.store.create(RUN_FILE, contents)
        except (StoreError, StoreRefusedError) as error:
            self._fail(error)
            raise self._lost() from error
        if entry:
            self._remove([name for name in tuple(copy.there) if not (copy.root / name).exists()])
            self._is_there(_Task(RUN_FILE, contents=contents, stamp=stamp), entry)
        elif self._gives_way:
            copy.look_again()
            copy.bring(RUN_FILE, anew=True)
        else:
            raise UserError(
                f"{copy.place}: another machine has begun a run there just now; give the same command again to go on "
                "with it, once that machine has ended, or choose another place with --output"
            )

    def _submit(self, tasks: Iterable[_Task | None], *, waits: bool = True) -> None:
        with self._changed:
            while waits and self._is_behind() and not self._failure and not interruption.is_asked():
                self._changed.wait(0.5)
            if self._failure:
                raise self._lost()
            self._line_up(tasks)

    def _is_behind(self) -> bool:
        """Whether too much is not there yet: the machine may vanish with it."""
        oldest = next(iter(self._tasks.values()), None)
        return len(self._tasks) >= _MOST_WAITING or (
            oldest is not None and time.monotonic() - oldest.since > _LONGEST_SECONDS
        )

    def _line_up(self, tasks: Iterable[_Task | None]) -> None:
        with self._changed:
            for task in filter(None, tasks):
                if self._is_covered(task):
                    continue
                self._supersede(task.name)
                number = self._waiting[task.name] = next(self._numbers)
                self._tasks[number] = task
            self._changed.notify_all()

    def _is_covered(self, task: _Task) -> bool:
        """Whether the same file waits already, and will be put as it is by then: records wait for its place in line."""
        waiting = self._tasks.get(self._waiting.get(task.name, 0))
        if waiting is None or waiting.removes or task.removes or tells_of_others(task.name):
            return False
        waiting.stamp = task.stamp
        return True

    def _supersede(self, name: str) -> None:
        """What waits for the same file need not be done any more.

        A saved state that is next in line is put all the same: on a slow line the next one would be superseded too.
        """
        self._later.discard(name)
        number = self._waiting.get(name)
        if number is not None and not (is_saved(name) and self._is_next(number)):
            del self._tasks[number], self._waiting[name]

    def _is_next(self, number: int) -> bool:
        """Whether a task waits for nothing but what is being carried already."""
        task = self._tasks[number]
        before = (other for earlier, other in self._tasks.items() if earlier < number)
        return all(other.is_running or not task.waits_for(other) for other in before)

    def _remove(self, names: Iterable[str]) -> None:
        tasks = []
        for name in names:
            entry = self._copy.there.pop(name, None)
            self._copy.ledger.discard(name, entry or Entry(0, ""))
            if tells_of_others(name):
                tasks.append(_Task(name, removes=True))
            else:
                with self._changed:
                    self._supersede(name)
                    self._later.add(name)
        self._submit(tasks, waits=False)

    def _settle(self, patience: float | None, *, with_removals: bool = True) -> None:
        """Wait until all is there; raises StoreError if carrying has failed, or takes longer than some seconds."""
        began, is_told = time.monotonic(), False
        if with_removals:
            self._line_up([_Task(name, removes=True) for name in sorted(self._later)])
        with self._changed:
            while self._tasks and not self._failure:
                waited = time.monotonic() - began
                if patience is not None and waited > patience:
                    self._failure = StoreError(f"{self._copy.place} takes longer than an end may take")
                if waited > _SILENT_SECONDS and not is_told:
                    is_told = True
                    self._tell(f"{self._copy.place}: {len(self._tasks)} files are on their way")
                self._changed.wait(0.2)
            if self._failure:
                raise self._lost()

    def _lost(self) -> StoreError:
        left = len(self._tasks) + len(self._later)
        files = f"{left} file{' is' if left == 1 else 's are'} not there yet" if left else "nothing was begun there"
        return StoreError(
            f"{str(self._failure).rstrip('.')}. {files}; all is kept in {self._copy.root}, and the same command goes on"
        )

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _work(self) -> None:
        while (next_one := self._next()) is not None:
            number, task = next_one
            try:
                self._carry(task)
            except Exception as error:  # noqa: BLE001  whoever writes next is told
                _LOG.info("not carried: %s: %s", task.name, error)
                self._fail(error)
                continue
            with self._changed:
                del self._tasks[number]
                self._changed.notify_all()

    def _next(self) -> tuple[int, _Task] | None:
        """What is to be carried next, once there is anything; None at the end."""
        with self._changed:
            while not self._is_ending:
                ready = None if self._failure else self._ready()
                if ready:
                    number, task = ready
                    task.is_running = True
                    if self._waiting.get(task.name) == number:
                        del self._waiting[task.name]
                    return number, task
                self._changed.wait()
            return None

    def _ready(self) -> tuple[int, _Task] | None:
        """The first that waits for nothing that was told before it."""
        before: list[_Task] = []
        for number, task in self._tasks.items():
            if not task.is_running and not any(task.waits_for(other) for other in before):
                return number, task
            before.append(task)
        return None

    def _carry(self, task: _Task) -> None:
        store, path = self._copy.store, self._copy.root / task.name
        if task.removes:
            store.remove(task.name)
            self._copy.there.pop(task.name, None)
            self._copy.ledger.forget(task.name)
            return
        try:
            entry = store.put(task.name, path if task.contents is None else task.contents)
        except StoreRefusedError:
            if path.exists():
                raise
            return  # It was removed meanwhile.
        self._is_there(task, entry)

    def _is_there(self, task: _Task, entry: Entry) -> None:
        _LOG.debug("put: %s", task.name)
        self._copy.there[task.name] = entry
        self._copy.ledger.keep(task.name, entry, task.stamp)


def _task(name: str, path: Path) -> _Task | None:
    """A file as it is now; None if it is gone again."""
    try:
        stamp = stamp_of(path.stat())
        return _Task(name, contents=path.read_bytes() if tells_of_others(name) else None, stamp=stamp)
    except FileNotFoundError:
        return None
