"""Work side by side in threads: on several devices, and on the cores of a processor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event, Lock
from typing import TypeVar

import torch

from renderer.common.progress import Stepped
from renderer.film.tasks import in_batches
from renderer.networks.network import Network

_LOG = logging.getLogger(__name__)
_GROUP = 4  # Pictures that one lane steps together: as fast a picture as more, and their tensors fit the caches.
_WAITING = 8  # Results of a stream that may wait to be taken.

Task = TypeVar("Task")
Result = TypeVar("Result")
Dreaming = Callable[[Network, Sequence[Task], Stepped], Iterator[Result]]
"""Computes tasks together, tells of each step, and gives results as they come."""


class Together:
    """Streams of results that are computed at the same time; where one is left early, all end within a step."""

    def __init__(self, stepped: Stepped) -> None:
        """Begin; `stepped` is told of each step, by one thread at a time."""
        self._tell, self._lock, self._stop = stepped, Lock(), Event()

    def stepped(self, pictures: int) -> None:
        """Tell of a step; raises `_Stopped` where nobody waits for what comes of it."""
        if self._stop.is_set():
            raise _Stopped
        with self._lock:
            self._tell(pictures)

    def results(self, streams: Sequence[Iterator[Result]]) -> Iterator[Result]:
        """Results of all streams as they come; several streams have a thread each."""
        if len(streams) == 1:
            yield from streams[0]
            return
        results: Queue[Result | None] = Queue(maxsize=_WAITING * len(streams))
        with ThreadPoolExecutor(len(streams)) as threads:
            running = [threads.submit(self._run, stream, results) for stream in streams]
            try:
                for _ in streams:
                    yield from iter(results.get, None)
                for thread in running:
                    thread.result()
            except BaseException:
                self._stop.set()
                raise
            finally:
                while not all(thread.done() for thread in running):
                    _drain(results)

    def _run(self, stream: Iterator[Result], results: Queue[Result | None]) -> None:
        try:
            for result in stream:
                results.put(result)
                if self._stop.is_set():
                    return
        except _Stopped:
            return
        except BaseException:
            self._stop.set()
            raise
        finally:
            results.put(None)


class Lanes:
    """A device with its network; a processor is divided into lanes.

    There a batch is computed in groups of a few pictures, several at the same time: threads that compute one picture
    each need not wait for one another after every operation, as those do that share one. The groups follow from the
    batch alone, so the number of lanes changes no pixel; what does is the number of threads of each group, where there
    are more threads than groups.
    """

    def __init__(self, network: Network, threads: int) -> None:
        """Take a network.

        Args:
            network: The network, on its device.
            threads: How many threads compute on a processor.
        """
        self.network, self._threads = network, threads
        self._networks = [network]

    def compute(self, dream: Dreaming[Task, Result], batch: Sequence[Task], together: Together) -> Iterator[Result]:
        """Compute a batch; results come as they are ready."""
        groups = in_batches(batch, _GROUP) if self.network.device.type == "cpu" else [list(batch)]
        each = max(1, round(self._threads / len(groups)))

        def stream(network: Network, own: Sequence[Sequence[Task]]) -> Iterator[Result]:
            prepare_thread(each)
            for group in own:
                yield from dream(network, group, together.stepped)

        networks = self._twins(min(self._threads, len(groups)))
        shares = [groups[number :: len(networks)] for number in range(len(networks))]
        return together.results([stream(network, own) for network, own in zip(networks, shares, strict=True)])

    def _twins(self, count: int) -> list[Network]:
        """So many networks that share their weights; fewer where the module cannot be copied."""
        try:
            while len(self._networks) < count:
                self._networks.append(self.network.twin())
        except Exception:  # noqa: BLE001  it is the user's module; what it raises cannot be known
            _LOG.warning("the network cannot be copied, so one group is computed after another", exc_info=True)
        return self._networks[:count]


def prepare_thread(threads: int) -> None:
    """Prepare the calling thread to compute, with so many threads that it shares its work with.

    Numbers so small that a processor takes a hundred times as long for them become 0: the gradients of a film have more
    of them from frame to frame, as it gets surer of its classes.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)


class _Stopped(Exception):  # noqa: N818  it ends a thread, and nobody sees it
    """Nobody waits for the results any more."""


def _drain(results: Queue[Result | None]) -> None:
    while not results.empty():
        results.get_nowait()
