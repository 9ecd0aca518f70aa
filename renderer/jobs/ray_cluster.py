"""A Ray cluster as what computes a run; the process that is connected to it is another one (`jobs.ray_bridge`)."""

from __future__ import annotations

import logging
import os
import pickle
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from renderer.common.errors import ClusterError, UserError
from renderer.common.processor import usable_cores
from renderer.common.progress import Progress
from renderer.jobs.cluster import ClusterComputer
from renderer.jobs.computing import Computer
from renderer.jobs.inputs import equipment, input_files
from renderer.jobs.machine import choose
from renderer.jobs.messages import Event, Job, Lost
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.store.run_file import RunFile

_LOG = logging.getLogger(__name__)
_LOCAL = "local"
_CONNECT_SECONDS = 90.0
_END_SECONDS = 20.0
_MOST_WAITING = 4
"""Messages that have come and were not taken; there may be whole files in them."""
_MOST_LINES = 40
_PREFIX = "neuron-ray-"
_LONGEST_FOLDER = 24
_LOGGED = re.compile(r"^\[[^\]]*\]\s+(\([^)]*\)\s+)?\S+:\d+:\s+")
"""What Ray's log begins a line with."""


class RayCluster:
    """A Ray cluster as `Means`; it is connected to when it is needed."""

    def __init__(self, address: str, workers: int | None = None) -> None:
        """Take an address.

        Args:
            address: `auto`, `host:port`, `ray://host:port` or `local`; empty for what `RAY_ADDRESS` says, or `local`.
            workers: How many workers there may be; by default as many as there is room for.

        Raises:
            UserError: Ray is not installed.
        """
        if find_spec("ray") is None:
            raise UserError('--ray: Ray is not installed; pip install "neuron-atlas[ray]"')
        self._address = address or os.environ.get("RAY_ADDRESS", "") or _LOCAL
        self._workers = workers
        self._crew: RayCrew | None = None

    def choose(self, settings: Settings, begun: Chosen | None) -> Chosen:
        """Decide by the machines of the cluster; raises UserError where there is none at the address."""
        run = (begun.fill_in(settings) if begun else settings).run
        if self._address == _LOCAL:
            chosen = choose(settings, begun)
            share = max(1, chosen.threads // (self._workers or 1))
            return chosen.model_copy(update={"threads": share}) if run.threads == "auto" else chosen
        threads = self._connected(0).usual_cores if run.threads == "auto" else run.threads
        if run.precision != "auto":
            return Chosen(precision=run.precision, threads=threads)
        crew = self._connected(0)
        _, needs = _of_worker(run.device, threads, crew.nodes)
        return Chosen.model_validate({"precision": crew.find_precision(run.device, needs), "threads": threads})

    def computer(self, wanted: RunFile, progress: Progress) -> Computer:
        """Connect, and have a first worker load the network; raises UserError, and ClusterError."""
        chosen, device = Chosen.of(wanted.decided), wanted.settings.run.device
        threads = max(1, chosen.threads // (1 if isinstance(device, str) else device.count("cpu") or 1))
        crew = self._connected(max(usable_cores(), (self._workers or 1) * threads))
        own_device, needs = _of_worker(device, threads, crew.nodes)
        inputs = input_files(wanted)
        crew.equip(pickle.dumps(equipment(wanted, inputs, own_device, threads)), inputs, needs)
        progress.note(f"{self._name}: up to {self._workers or crew.room()} workers, each with {_in_words(needs)}")
        return ClusterComputer(crew, progress, self._workers)

    def close(self) -> None:
        """End all that was begun there, and the cluster itself if it is a local one."""
        if self._crew:
            self._crew.close()

    def _connected(self, cores: int) -> RayCrew:
        if self._crew is None:
            self._crew = RayCrew(self._address)
            self._crew.connect(cores)
        return self._crew

    @property
    def _name(self) -> str:
        return "a Ray cluster of this machine" if self._address == _LOCAL else f"the Ray cluster at {self._address}"


class RayCrew:
    """Workers on a Ray cluster, as a `Crew`, through a process of its own.

    Attributes:
        nodes: Cores and graphics cards of each machine.
    """

    def __init__(self, address: str) -> None:
        """Begin the process, which is to connect to an address."""
        self.nodes: Sequence[tuple[float, float]] = ()
        self._address = address
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_short_folder(), ignore_cleanup_errors=True)
        self._told = Queue[tuple[Any, ...] | None](_MOST_WAITING)
        self._events = deque[tuple[int, Event]]()
        self._needs: Mapping[str, float] = {}
        self._precision: tuple[str | None, str] | None = None
        self._said = deque[str](maxlen=_MOST_LINES)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "renderer.jobs.ray_bridge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(address, self._folder.name),
            start_new_session=True,  # Ctrl-C in a terminal is for this process alone
        )
        for target in (self._read, self._read_words):
            Thread(target=target, daemon=True).start()

    def connect(self, cores: int) -> None:
        """Connect to the cluster, or make a local one of so many cores; raises UserError where there is none."""
        _refuse_silent(self._address)
        self._send(self._address, cores, self._folder.name)
        until = time.monotonic() + _CONNECT_SECONDS
        while not self.nodes:
            message = self._message(until - time.monotonic())
            if message is None:
                raise UserError(f"--ray {self._address}: no Ray cluster answers there; see `ray status`")
            if message[0] == "refused":
                raise UserError(f"--ray {self._address}: {_in_a_line(message[1])}{self._advice()}")

    @property
    def usual_cores(self) -> int:
        """How many cores most machines have."""
        counts = Counter(int(cores / max(1.0, cards)) for cores, cards in self.nodes if cores >= 1)
        return max(1, max(counts, key=lambda cores: (counts[cores], -cores), default=1))

    def find_precision(self, device: str | tuple[str, ...], needs: Mapping[str, float]) -> str:
        """What arithmetic is the fastest where a worker would be; raises UserError."""
        self._send("find_precision", device, dict(needs))
        while self._precision is None:
            self._message(None)
        found, reason = self._precision
        if found is None:
            raise UserError(f"run.precision: what is the fastest could not be found in the cluster: {reason}")
        return found

    def equip(self, equipment: bytes, inputs: Sequence[Path], needs: Mapping[str, float]) -> None:
        """Say what workers are given, and what they need."""
        self._needs = needs
        self._send("equip", equipment, [str(path) for path in inputs], dict(needs))

    def room(self) -> int:
        """How many workers there is room for, if nobody else computes there."""
        needs = [self._needs.get("num_cpus", 0.0), self._needs.get("num_gpus", 0.0)]
        return sum(int(min(has / need for has, need in zip(node, needs, strict=True) if need)) for node in self.nodes)

    def hire(self, worker: int) -> None:
        """Begin a worker."""
        self._send("hire", worker)

    def give(self, worker: int, job: Job) -> None:
        """Have a job done."""
        self._send("give", worker, pickle.dumps(job, pickle.HIGHEST_PROTOCOL))

    def call_off(self, worker: int, number: int) -> None:
        """Have a job ended early."""
        self._send("call_off", worker, number)

    def let_go(self, worker: int) -> None:
        """End a worker."""
        self._send("let_go", worker)

    def next_event(self, seconds: float) -> tuple[int, Event] | None:
        """What was told next; raises ClusterError where the cluster is gone."""
        until = time.monotonic() + seconds
        while not self._events and (left := until - time.monotonic()) > 0:
            self._message(left)
        return self._events.popleft() if self._events else None

    def close(self) -> None:
        """End the process, and with it a local cluster."""
        with suppress(OSError, ValueError):
            self._process.stdin.close()  # type: ignore[union-attr]
        Thread(target=self._drain, daemon=True).start()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        _kill_all(self._process)
        self._folder.cleanup()

    def _send(self, *message: Any) -> None:
        """Say something; if nobody listens any more, that shows where something is to be heard."""
        with suppress(OSError, ValueError):
            pickle.dump(message, self._process.stdin, pickle.HIGHEST_PROTOCOL)  # type: ignore[arg-type]
            self._process.stdin.flush()  # type: ignore[union-attr]

    def _message(self, seconds: float | None) -> tuple[Any, ...] | None:
        """The next message, with what it changes; None if there is none in that time; raises ClusterError."""
        try:
            message = self._told.get(timeout=None if seconds is None else max(0.0, seconds))
        except Empty:
            return None
        match message:
            case None:
                self._told.put(None)
                raise ClusterError(f"the Ray cluster is gone: {self._last_words()}")
            case ("gone", reason):
                raise ClusterError(f"the Ray cluster is gone: {reason}")
            case ("nodes", nodes):
                self.nodes = nodes
            case ("precision", found, reason):
                self._precision = found, reason
            case ("events", worker, events):
                self._events += [(worker, event) for event in pickle.loads(events)]  # noqa: S301  from our workers
            case ("lost", worker, reason):
                self._events.append((worker, Lost(reason)))
            case _:
                pass
        return message

    def _read(self) -> None:
        """What the process tells; None at its end."""
        with suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                self._told.put(pickle.load(self._process.stdout))  # type: ignore[arg-type]  # noqa: S301
        self._told.put(None)

    def _read_words(self) -> None:
        """What Ray says there, for the log, and for the end."""
        for line in self._process.stderr or ():
            text = line.decode(errors="replace").strip()
            if text and not text.startswith(":"):  # which are marks for Ray itself
                self._said.append(text)
                _LOG.debug("%s", text)

    def _drain(self) -> None:
        """Nobody listens, but what is told must not keep the process from its end."""
        while self._told.get() is not None:
            pass

    def _advice(self) -> str:
        """What to do where the cluster refuses who shows no token, which Ray says to nobody but its log."""
        asks = any("AuthenticationError" in line for line in self._said)
        return " (the cluster asks for a token: set RAY_AUTH_MODE=token)" if asks else ""

    def _last_words(self) -> str:
        """Why the process has ended: the first sentence of what it said last, if it ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.poll()
        if code and code > 0 and self._said:
            return _LOGGED.sub("", self._said[-1]).partition(". ")[0]
        if code and code < 0:
            return f"the process that is connected to it was killed (signal {-code}), for want of memory perhaps"
        return f"the process that is connected to it ended with code {code}"


@contextmanager
def ray_cluster(address: str, workers: int | None) -> Iterator[RayCluster]:
    """A Ray cluster to compute with; raises as `RayCluster`."""
    cluster = RayCluster(address, workers)
    try:
        yield cluster
    finally:
        cluster.close()


def _refuse_silent(address: str) -> None:
    """Refuse an address where nothing listens, which Ray would try for minutes; raises UserError."""
    host, _, port = address.removeprefix("ray://").partition("/")[0].rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"--ray {address}: nothing answers there ({why}); `ray start --head` on the first machine of a cluster "
                "says its address"
            ) from error


def _of_worker(
    device: str | tuple[str, ...], threads: int, nodes: Sequence[tuple[float, float]]
) -> tuple[str, dict[str, float]]:
    """The device of a worker, and what it needs: a graphics card, or as many cores as it has threads.

    Raises:
        UserError: There is no machine with such a device.
    """
    names = {device} if isinstance(device, str) else set(device)
    cards = sum(node[1] for node in nodes)
    if any(name.startswith("cuda") for name in names) or ("auto" in names and cards >= 1):
        if cards < 1:
            raise UserError(f"run.device: no machine of the Ray cluster has a graphics card, and {device} asks for one")
        return "cuda", {"num_gpus": 1, "num_cpus": 1}
    most = int(max(node[0] for node in nodes))
    own = next(iter(names)) if len(names) == 1 else "cpu"
    own = "cpu" if own == "auto" and sys.platform != "darwin" else own
    return own, {"num_cpus": max(1, min(threads, most))}


def _in_words(needs: Mapping[str, float]) -> str:
    if "num_gpus" in needs:
        return "a graphics card"
    cores = int(needs["num_cpus"])
    return f"{cores} core{'s' if cores > 1 else ''}"


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if it lives, and what is left of its group: Ray's helpers of a local cluster, if it was killed."""
    process.kill()
    if hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _short_folder() -> str | None:
    """Where a folder is made for a local cluster: a socket lies in it, whose path must not be long."""
    return "/tmp" if len(tempfile.gettempdir()) > _LONGEST_FOLDER and Path("/tmp").is_dir() else None  # noqa: S108


def _environment(address: str, folder: str) -> dict[str, str]:
    """Of the process: Ray tells nobody that it is used, and what a local cluster leaves lies in a folder of ours."""
    own = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if address == _LOCAL:
        # Else Ray keeps a token in the home folder, and has its workers give way to all that runs on this machine.
        own |= {"TMPDIR": folder, "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_worker_niceness": "0"}
    return {**os.environ, **own}


def _in_a_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines)[:500]
