"""A process between a command and a Ray cluster, run by `jobs.ray_cluster`: it alone is connected to the cluster.

Ray may end the process that is connected to it, takes over its signals and writes to its terminal. The command is
spared all that: this process listens to its standard input, and tells on its standard output.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, BinaryIO

import ray
from ray.exceptions import RayActorError, RayError

from renderer.jobs.hand import Hand
from renderer.jobs.machine import fastest_precision

LOCAL = "local"
"""In place of an address: a cluster of this machine alone, which ends with this process."""

_WAIT_SECONDS = 0.05
_LOOK_SECONDS = 2.0
_END_SECONDS = 5.0
_CALLS_AT_ONCE = 4
"""Of one worker: what it tells is waited for, while it is given something or called off."""

Tell = Callable[..., None]


class Bridge:
    """The workers on the Ray cluster. Its methods are what the command may ask for, by their names."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._workers: dict[int, Any] = {}
        self._listening: dict[Any, int] = {}
        self._answer: Any = None
        self._equipment, self._inputs = b"", list[Any]()
        self._needs: dict[str, float] = {}
        self._looked, self._nodes = 0.0, list[tuple[float, float]]()
        self._ending: list[Thread] = []

    @property
    def is_listening(self) -> bool:
        """Whether anything is waited for."""
        return bool(self._listening or self._answer)

    def find_precision(self, device: str | tuple[str, ...], needs: dict[str, float]) -> None:
        """Find what arithmetic is the fastest where a worker would be."""
        self._answer = ray.remote(max_retries=0, **needs)(fastest_precision).remote(device)

    def equip(self, equipment: bytes, inputs: list[str], needs: dict[str, float]) -> None:
        """What all workers from now on are given.

        Args:
            equipment: An `Equipment`.
            inputs: The input files.
            needs: What a worker needs: `num_cpus`, `num_gpus`.
        """
        self._equipment, self._needs = equipment, needs
        self._inputs = [ray.put(Path(path).read_bytes()) for path in inputs]

    def hire(self, worker: int) -> None:
        """Begin a worker, and listen to it."""
        kind = ray.remote(max_restarts=0, max_task_retries=0, max_concurrency=_CALLS_AT_ONCE, **self._needs)(Hand)
        self._workers[worker] = kind.remote(self._equipment, *self._inputs)
        self._listen(worker)

    def give(self, worker: int, job: bytes) -> None:
        """Pass on a job."""
        if worker in self._workers:
            self._workers[worker].give.remote(job)

    def call_off(self, worker: int, number: int) -> None:
        """Pass it on."""
        if worker in self._workers:
            self._workers[worker].call_off.remote(number)

    def let_go(self, worker: int) -> None:
        """End a worker; nobody waits until it has removed what it leaves."""
        if actor := self._workers.pop(worker, None):
            self._listening = {ref: one for ref, one in self._listening.items() if one != worker}
            self._ending.append(Thread(target=_end, args=(actor,), daemon=True))
            self._ending[-1].start()

    def listen(self) -> None:
        """Tell what workers have told by now, and which of them are gone."""
        waiting = [*self._listening, *([self._answer] if self._answer else [])]
        ready = ray.wait(waiting, num_returns=len(waiting), timeout=_WAIT_SECONDS)[0] if waiting else []
        for ref in ready:
            if ref == self._answer:
                self._answer = None
                self._tell("precision", *_got(ref))
            else:
                self._hear(self._listening.pop(ref), ref)
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()

    def close(self) -> None:
        """Let all workers go, and wait for that."""
        for worker in list(self._workers):
            self.let_go(worker)
        for thread in self._ending:
            thread.join(2 * _END_SECONDS)  # one that does not end by itself is killed after half of it

    def _hear(self, worker: int, ref: Any) -> None:
        events, reason = _got(ref)
        if events is None:
            with suppress(RayError):
                ray.kill(self._workers.pop(worker))
            self._tell("lost", worker, reason)
        else:
            self._tell("events", worker, events)
            self._listen(worker)

    def _listen(self, worker: int) -> None:
        self._listening[self._workers[worker].take.remote()] = worker

    def _look(self) -> None:
        """Tell what machines there are, where that has changed; end if this one's part of the cluster is gone."""
        self._looked = time.monotonic()
        found, own = ray.nodes(), ray.get_runtime_context().get_node_id()
        if any(node["NodeID"] == own and not node["Alive"] for node in found):
            what = "its process on this machine (the raylet, with the object store)"
            self._tell("gone", f"{what} was killed, or does not answer")
            os._exit(1)  # Ray cannot end in order any more
        alive = [node["Resources"] for node in found if node["Alive"]]
        nodes = [(one.get("CPU", 0.0), one.get("GPU", 0.0)) for one in alive]
        if nodes != self._nodes:
            self._nodes = nodes
            self._tell("nodes", nodes)


def connect(address: str, cores: int, folder: str) -> None:
    """Connect to a cluster, or make one of this machine alone.

    Args:
        address: `local`, `auto`, `host:port`, or `ray://host:port`.
        cores: How many cores a local one has.
        folder: Where a local one keeps its files.
    """
    options: dict[str, Any] = {"namespace": "neuron-atlas", "log_to_driver": False}
    if address == LOCAL:
        options |= {"num_cpus": cores, "include_dashboard": False, "_temp_dir": folder}
    ray.init(address=address, configure_logging=False, **options)


def _got(ref: Any) -> tuple[Any, str]:
    """What has come, or None and why nothing has."""
    try:
        return ray.get(ref), ""
    except RayError as error:
        return None, _why(error)


def _end(actor: Any) -> None:
    with suppress(RayError, ValueError):
        ray.get(actor.close.remote(), timeout=_END_SECONDS)
    with suppress(RayError, ValueError):
        ray.kill(actor)


def _why(error: RayError) -> str:
    """Why an actor is gone, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if isinstance(error, RayActorError):
        detail = [line.partition("Worker exit detail: ")[2] for line in lines if "Worker exit detail: " in line]
        lines = detail[:1] or lines[:1]
    return lines[-1].removesuffix(".")


def _read(stream: BinaryIO, commands: Queue[tuple[Any, ...] | None]) -> None:
    """Commands as they come; None where the command has ended, in whatever way."""
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            commands.put(pickle.load(stream))  # noqa: S301  from the command that began this process
    commands.put(None)


def _come(commands: Queue[tuple[Any, ...] | None], seconds: float) -> Iterator[tuple[Any, ...] | None]:
    """Those that have come, after waiting for one."""
    with suppress(Empty):
        yield commands.get(timeout=seconds) if seconds else commands.get_nowait()
        while True:
            yield commands.get_nowait()


def _serve(bridge: Bridge, commands: Queue[tuple[Any, ...] | None]) -> None:
    while True:
        for command in _come(commands, 0.0 if bridge.is_listening else 0.2):
            if command is None:
                return
            name, *given = command
            getattr(bridge, name)(*given)
        bridge.listen()


def main() -> None:
    """Connect as the first command says, and do what the others say until there are no more."""
    told, commands = os.fdopen(os.dup(1), "wb"), Queue[tuple[Any, ...] | None]()
    os.dup2(2, 1)  # what Ray prints is no message

    def tell(*message: Any) -> None:
        pickle.dump(message, told, pickle.HIGHEST_PROTOCOL)
        told.flush()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the command to answer
    Thread(target=_read, args=(sys.stdin.buffer, commands), daemon=True).start()
    first = commands.get()
    if first is None:
        return
    try:
        connect(*first)
    except (Exception, SystemExit) as error:  # noqa: BLE001  Ray raises anything
        tell("refused", f"{error}" or type(error).__name__)
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    bridge = Bridge(tell)
    with suppress(BrokenPipeError):
        bridge.listen()
        _serve(bridge, commands)
    bridge.close()
    ray.shutdown()
    if first[0] == LOCAL:
        shutil.rmtree(first[2], ignore_errors=True)


if __name__ == "__main__":
    main()
