"""A worker of a cluster, on its own machine: it computes in a folder of its own, and tells of every file.

It shares no disk with the command. What it needs comes with the jobs, and what it makes goes back as soon as it is
whole; so nothing is lost with it but what it was at.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import platform
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from renderer.common import tuning
from renderer.common.errors import UserError
from renderer.common.interruption import Interrupted
from renderer.common.progress import Amount
from renderer.jobs.live import Live
from renderer.jobs.messages import (
    OPENING,
    Advanced,
    Ended,
    Equipment,
    Event,
    Failed,
    FilmJob,
    Job,
    Logged,
    Noted,
    Question,
    Ready,
    StillsJob,
)
from renderer.jobs.outbox import Outbox, Telling
from renderer.jobs.segments import render_film
from renderer.jobs.stills import dream_stills
from renderer.jobs.worker import MakeWorker, Worker, local_worker
from renderer.settings.sections import Settings
from renderer.store.lock import holder, locked
from renderer.store.mirrored import mirrored
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from renderer.store.run_file import RunFile, current_versions

_LOG = logging.getLogger(__name__)
_FOLDER = "neuron-atlas-worker-"
_NEW_SECONDS = 60.0


class Hand:
    """A worker: jobs come in, events go out, and both are bytes, for who carries them need not read them.

    Its methods may be called by any thread; the work is done in one.
    """

    def __init__(
        self, equipment: bytes, *contents: bytes, make_worker: MakeWorker = local_worker, alone: bool = True
    ) -> None:
        """Begin to get ready.

        Args:
            equipment: An `Equipment`.
            contents: Of its input files.
            make_worker: Makes what dreams.
            alone: Whether it has a process to itself, which may be arranged as the work wants it.
        """
        self._outbox, self._jobs, self._alone = Outbox(), Queue[bytes | None](), alone
        self._called_off = set[int]()
        self._now = OPENING
        given: Equipment = pickle.loads(equipment)  # noqa: S301  from the command that began this worker
        self._thread = Thread(target=self._live, args=(given, contents, make_worker), daemon=True)
        self._thread.start()

    def give(self, job: bytes) -> None:
        """Have something done after what was given before."""
        self._jobs.put(job)

    def call_off(self, number: int) -> None:
        """End a job within a step; what is whole of it is told before its end."""
        self._called_off.add(number)

    def take(self) -> bytes:
        """What there is to tell, as a list of events; waits for it."""
        return pickle.dumps(self._outbox.take(), pickle.HIGHEST_PROTOCOL)

    def close(self) -> None:
        """End after the job that is under way, and leave nothing behind; waits for it."""
        self._called_off.add(self._now)
        self._jobs.put(None)
        self._thread.join()

    def _live(self, equipment: Equipment, contents: Sequence[bytes], make_worker: MakeWorker) -> None:
        arranged = _arranged(self._outbox) if self._alone else nullcontext()
        try:
            with arranged, _Bench.made(equipment, contents, make_worker, self._outbox, moves=self._alone) as bench:
                self._outbox.put(Ready(f"{platform.node()}, process {os.getpid()}", current_versions()))
                while (packed := self._jobs.get()) is not None:
                    job: Job = pickle.loads(packed)  # noqa: S301  likewise
                    self._now = job.number
                    self._outbox.put(self._done(bench, job))
        except Exception as error:  # noqa: BLE001  the command is to know
            self._outbox.put(_failed(OPENING, error))

    def _done(self, bench: _Bench, job: Job) -> Event:
        def refuse_if_called_off() -> None:
            if job.number in self._called_off:
                raise Interrupted

        try:
            refuse_if_called_off()
            return Ended(job.number, answer=bench.do(job, refuse_if_called_off))
        except Interrupted:
            return Ended(job.number, is_done=False)
        except Exception as error:  # noqa: BLE001
            return _failed(job.number, error)


class _Bench:
    """A folder with copies of the input files, and the network."""

    def __init__(self, folder: Path, places: Mapping[str, str], worker: Worker, outbox: Outbox) -> None:
        self._folder, self._places, self._worker, self._outbox = folder, places, worker, outbox
        self._read: tuple[str, RunFile] | None = None

    @classmethod
    @contextmanager
    def made(
        cls, equipment: Equipment, contents: Sequence[bytes], make_worker: MakeWorker, outbox: Outbox, *, moves: bool
    ) -> Iterator[_Bench]:
        """Make the folder, load the network; nothing is left afterwards.

        Args:
            equipment: What is needed.
            contents: Of its input files.
            make_worker: Makes what dreams.
            outbox: Is told.
            moves: Whether the process goes to where the command was given, or to what stands for it here.
        """
        with _own_folder() as folder:
            places = _unpacked(equipment, contents, folder / "inputs")
            if moves:
                current = _place(folder / "inputs", equipment.current)
                current.mkdir(parents=True, exist_ok=True)
                os.chdir(current)
            run = _localized(equipment.run, places)
            worker = make_worker(_at(run.decided, equipment))
            try:
                yield cls(folder, places, worker, outbox)
            finally:
                worker.close()

    def do(self, job: Job, refuse_if_called_off: Callable[[], None]) -> Any:
        """Do a job, and give the answer if it is a question; raises what the work does, `Interrupted` among it."""
        match job:
            case Question(method=method, given=given):
                return getattr(self._worker, method)(*given)
            case FilmJob() | StillsJob():
                with self._run(job, refuse_if_called_off) as (run, live):
                    if isinstance(job, FilmJob):
                        render_film(run, job.plan, self._worker, live)
                    else:
                        dream_stills(run, [job.batch], self._worker, live)
                return None

    @contextmanager
    def _run(self, job: FilmJob | StillsJob, refuse_if_called_off: Callable[[], None]) -> Iterator[tuple[Run, Live]]:
        """A run's directory with what came along, of which each new file is told."""
        with ExitStack() as stack:
            paths = RunPaths(Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder))))
            for path, data in job.files.items():
                _write(paths.root / path, data)
            stack.enter_context(mirrored(paths.root, Telling(paths, self._outbox)))
            live = stack.enter_context(Live(paths, _Progress(self._outbox, refuse_if_called_off)))
            yield Run(paths, self._file(job.run)), live

    def _file(self, run: str) -> RunFile:
        if self._read is None or self._read[0] != run:
            self._read = run, _localized(run, self._places)
        return self._read[1]


class _Progress:
    """Has progress told, and ends what was called off."""

    def __init__(self, outbox: Outbox, refuse_if_called_off: Callable[[], None]) -> None:
        self._outbox, self._refuse_if_called_off = outbox, refuse_if_called_off

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None:
        """How much there is, the command knows."""

    def advance(self, amount: Amount, showing: Sequence[str]) -> None:
        self._refuse_if_called_off()
        self._outbox.put(Advanced(amount, showing))

    def end(self) -> None:
        """That is told otherwise."""

    def note(self, text: str) -> None:
        self._outbox.put(Noted(text))


class _Told(logging.Handler):
    """Has told what is logged here."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(logging.INFO)
        self._outbox = outbox

    def emit(self, record: logging.LogRecord) -> None:
        self._outbox.put(Logged(record.levelno, record.getMessage()))


@contextmanager
def _arranged(outbox: Outbox) -> Iterator[None]:
    """Have the process compute as a command's own does, and what is logged told."""
    os.environ.pop("OMP_NUM_THREADS", None)  # Ray's; torch is told by who uses it
    tuning.prepare()
    logger, handler = logging.getLogger("renderer"), _Told(outbox)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for this worker alone; those that killed workers have left are removed."""
    for other in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError):
            lock = RunPaths(other).lock  # one that was made just now is about to be held
            if holder(lock) is None and time.time() - lock.stat().st_mtime > _NEW_SECONDS:
                shutil.rmtree(other)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    try:
        with locked(RunPaths(folder).lock):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpacked(equipment: Equipment, contents: Sequence[bytes], folder: Path) -> dict[str, str]:
    """Write the input files; gives where they and their folders lie here, by where they lie on the other machine."""
    places = {path: str(_place(folder, path)) for path in (*equipment.inputs, *equipment.folders)}
    for path, data in zip(equipment.inputs, contents, strict=True):
        _write(Path(places[path]), data)
    return places


def _place(folder: Path, path: str) -> Path:
    """Where a file of the other machine lies here: files that lie beside each other there do so here."""
    return folder.joinpath(*Path(path).parts[1:])


def _localized(run: str, places: Mapping[str, str]) -> RunFile:
    """What `run.yaml` says, with the places of files on this machine."""

    def changed(value: Any) -> Any:
        match value:
            case str():
                return places.get(value, value)
            case list():
                return [changed(one) for one in value]
            case dict():
                return {key: changed(one) for key, one in value.items()}
            case _:
                return value

    data = json.loads(run)
    named = {key: changed(data[key]) for key in ("settings", "start", "sound")}
    return RunFile.model_validate_json(json.dumps(data | named))


def _at(settings: Settings, equipment: Equipment) -> Settings:
    """The settings with the device and the threads that this worker has."""
    own = {"device": equipment.device, "threads": equipment.threads}
    return settings.model_copy(update={"run": settings.run.model_copy(update=own)})


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _failed(number: int, error: Exception) -> Failed:
    """An error as it can travel; where it came from is logged."""
    if not isinstance(error, UserError):
        _LOG.info("%s", "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:  # noqa: BLE001  some errors cannot be made again from what they say
        return Failed(number, RuntimeError(f"{type(error).__name__}: {error}"))
    return Failed(number, error)
