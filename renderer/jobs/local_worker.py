"""Chains computed in this process, on one device or shared among several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float

from renderer.dream.randomness import PictureKey
from renderer.film.sequence import dream_segments, dream_stills
from renderer.jobs.worker import Frame, SegmentTask, Still, StillTask
from renderer.networks.devices import find_devices
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.settings.sections import Settings

Result = TypeVar("Result")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_WAITING = 8  # Results of a device that may wait to be taken.


class LocalWorker:
    """Dreams on the devices that the settings name; each holds the network and computes its share of the tasks."""

    def __init__(self, settings: Settings) -> None:
        """Load the network.

        Raises:
            UserError: A device is not there, or the network cannot be loaded.
        """
        self._settings = settings
        precision = _PRECISIONS[settings.run.precision]
        self._networks = [load_network(settings.network, device, precision) for device in find_devices(settings.run)]

    def segments(self, tasks: Sequence[SegmentTask], *, score_all: bool) -> Iterator[Frame]:
        """Compute the segments of a round; see `Worker.segments`."""

        def dream(network: Network, places: Sequence[int]) -> Iterator[Frame]:
            segments = [tasks[place].segment for place in places]
            starts = [tasks[place].start for place in places]
            for number, frames in enumerate(dream_segments(network, self._settings, segments, starts)):
                for own, picture, health in frames:
                    last = segments[own].ends_class and number + 1 == segments[own].frames
                    wanted = score_all or last
                    scores = network.scores(picture[None], [segments[own].class_index]) if wanted else (None,)
                    yield Frame(places[own], number, picture, scores[0], health)

        return self._share(dream, len(tasks))

    def stills(self, tasks: Sequence[StillTask]) -> Iterator[Still]:
        """Compute stills; see `Worker.stills`."""

        def dream(network: Network, places: Sequence[int]) -> Iterator[Still]:
            own = [tasks[place] for place in places]
            keys = [PictureKey(task.seed, task.class_index) for task in own]
            for task, (picture, health) in zip(own, dream_stills(network, self._settings, keys), strict=True):
                yield Still(task, picture, network.scores(picture[None], [task.class_index])[0], health)

        return self._share(dream, len(tasks))

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer; see `Worker.output_weights`."""
        return self._networks[0].output_weights()

    def close(self) -> None:
        """Let the networks go."""
        self._networks.clear()

    def _share(self, compute: Callable[[Network, Sequence[int]], Iterator[Result]], count: int) -> Iterator[Result]:
        """Divide the tasks into equal batches, which take turns on each device; the devices work side by side."""
        devices = len(self._networks)
        batches = max(devices, -(-count // self._settings.run.batch))
        shares = [range(count)[batch::batches] for batch in range(min(batches, count))]
        queues = [
            (compute(network, share) for share in shares[number::devices])
            for number, network in enumerate(self._networks)
        ]
        streams = [(result for results in queue for result in results) for queue in queues]
        return streams[0] if devices == 1 else _side_by_side(streams)


def _side_by_side(streams: Sequence[Iterator[Result]]) -> Iterator[Result]:
    """Results of all streams as they come, each stream in a thread of its own."""
    results: Queue[Result | None] = Queue(maxsize=_WAITING * len(streams))
    stop = Event()

    def run(stream: Iterator[Result]) -> None:
        try:
            for result in stream:
                results.put(result)
                if stop.is_set():
                    return
        finally:
            results.put(None)

    with ThreadPoolExecutor(len(streams)) as threads:
        running = [threads.submit(run, stream) for stream in streams]
        try:
            for _ in streams:
                yield from iter(results.get, None)
            for thread in running:
                thread.result()
        finally:
            stop.set()
            while not all(thread.done() for thread in running):
                _drain(results)


def _drain(results: Queue[Result | None]) -> None:
    while not results.empty():
        results.get_nowait()
