"""Batches computed in this process, on one device or side by side on several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import Queue
from threading import Event, Lock
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float

from renderer.common.progress import Stepped
from renderer.film.recipe import FilmRecipe, StillRecipe
from renderer.film.sequence import dream_segments, dream_stills
from renderer.film.tasks import Frame, SegmentTask, Still, StillTask
from renderer.networks.devices import find_devices
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings

Task = TypeVar("Task")
Result = TypeVar("Result")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_WAITING = 8  # Results of a device that may wait to be taken.


class LocalWorker:
    """Dreams on some devices; each holds the network and takes whole batches."""

    def __init__(self, settings: Settings) -> None:
        """Load the network; nothing else of the settings is looked at, since pixels follow from recipes.

        Args:
            settings: Say which network, and where and how it computes; nothing of that may be `auto` but the device.

        Raises:
            UserError: A device is not there, or the network cannot be loaded.
        """
        chosen = Chosen.of(settings)
        torch.set_num_threads(chosen.threads)
        dtype = _PRECISIONS[chosen.precision]
        devices = find_devices(settings.run.device)
        self._networks = [load_network(settings.network, device, dtype) for device in devices]

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return len(self._networks)

    def segments(
        self, recipe: FilmRecipe, batches: Sequence[Sequence[SegmentTask]], stepped: Stepped, *, score_all: bool
    ) -> Iterator[Frame]:
        """Compute batches of segments; see `Worker.segments`."""
        stepped = _one_at_a_time(stepped)

        def dream(network: Network, tasks: Sequence[SegmentTask]) -> Iterator[Frame]:
            for frames in dream_segments(network, recipe, tasks, stepped):
                for frame in frames:
                    last = frame.segment.ends_class and frame.ends_segment
                    yield _scored(network, recipe, frame) if score_all or last else frame

        return self._compute(dream, batches)

    def stills(self, recipe: StillRecipe, batches: Sequence[Sequence[StillTask]], stepped: Stepped) -> Iterator[Still]:
        """Compute batches of stills; see `Worker.stills`."""
        stepped = _one_at_a_time(stepped)

        def dream(network: Network, tasks: Sequence[StillTask]) -> Iterator[Still]:
            for task, picture, health in dream_stills(network, recipe, tasks, stepped):
                yield Still(task, picture, network.scores(picture[None], [task.aim])[0], health)

        return self._compute(dream, batches)

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer; see `Worker.output_weights`."""
        return self._networks[0].output_weights()

    def close(self) -> None:
        """Let the networks go."""
        self._networks.clear()

    def _compute(
        self, dream: Callable[[Network, Sequence[Task]], Iterator[Result]], batches: Sequence[Sequence[Task]]
    ) -> Iterator[Result]:
        """Batches take turns on each device; the devices work side by side."""

        def stream(network: Network, own: Sequence[Sequence[Task]]) -> Iterator[Result]:
            for batch in own:
                yield from dream(network, batch)

        shares = [batches[number :: self.devices] for number in range(self.devices)]
        streams = [stream(network, own) for network, own in zip(self._networks, shares, strict=True)]
        return streams[0] if len(streams) == 1 else _side_by_side(streams)


def _one_at_a_time(stepped: Stepped) -> Stepped:
    lock = Lock()

    def tell(pictures: int) -> None:
        with lock:
            stepped(pictures)

    return tell


def _scored(network: Network, recipe: FilmRecipe, frame: Frame) -> Frame:
    aim = recipe.aims[frame.segment.position]
    return replace(frame, score=network.scores(frame.picture[None], [aim])[0])


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
