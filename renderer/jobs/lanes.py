"""Work side by side in threads: on several devices, and on the cores of a processor."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from queue import Empty, Queue
from threading import Event
from typing import TypeVar

from renderer.common.progress import Stepped
from renderer.film.tasks import in_batches
from renderer.jobs.turns import Dreaming, Placed, Turns
from renderer.networks.network import Network
from renderer.networks.threads import prepare_thread
from renderer.networks.twins import Twins

# Pictures that one lane steps together. Two take hardly longer a picture than four, and make twice as many groups: most
# films have chains enough to fill the lanes.
_GROUP = 2
_MOST = 32  # Lanes; more would wait for Python, which runs in one thread at a time.
_WAITING = 8  # Results of a stream that may wait to be taken.

Task = TypeVar("Task")
Result = TypeVar("Result", bound=Placed)
Stream = Generator[Result, None, None]


class Together:
    """Streams of results that are computed at the same time; where one fails or is left early, all end within a step.

    A stream may itself have several streams, which end with it.
    """

    def __init__(self, stepped: Stepped) -> None:
        """Begin; `stepped` is told of each step, by any thread."""
        self._tell, self._stop = stepped, Event()

    def stepped(self, pictures: int) -> None:
        """Tell of a step; raises `_Stopped` where nobody waits for what comes of it."""
        self._go_on()
        self._tell(pictures)

    def results(self, streams: Sequence[Stream[Result]]) -> Stream[Result]:
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
                self._go_on()  # What has been stopped is not complete.
            except BaseException:
                self._stop.set()
                raise
            finally:
                _drain(results, running)

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _run(self, stream: Stream[Result], results: Queue[Result | None]) -> None:
        # It goes on after a stop until it ends by itself, within a step: it may be about to say why all were stopped.
        try:
            with closing(stream):
                for result in stream:
                    results.put(result)
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
    are more threads than groups. Where the network cannot be copied groups take turns, with the same threads.
    """

    def __init__(self, network: Network, threads: int) -> None:
        """Take a network.

        Args:
            network: The network, on its device.
            threads: How many threads compute on a processor.
        """
        self._threads, self._on_processor = threads, network.device.type == "cpu"
        self._twins = Twins(network, min(threads, _MOST) if self._on_processor else 1)
        self._turns = Turns()

    @property
    def network(self) -> Network:
        """The network that was given."""
        return self._twins.original

    def prepare(self) -> None:
        """Make what threads need before the network is asked for a gradient; after that it may not be copied."""
        if self._on_processor:
            self._twins.networks(1)

    def compute(self, dream: Dreaming[Task, Result], batch: Sequence[Task], together: Together) -> Stream[Result]:
        """Compute a batch; results come as they are ready."""
        if not self._on_processor:
            yield from self._turns.compute(dream, self.network, batch, together.stepped)
            return
        groups = in_batches(batch, _GROUP)
        networks = self._twins.networks(len(groups))
        # Also where groups have to take turns: another number of threads would give other pixels.
        each = max(1, self._threads // min(len(groups), _MOST))

        def stream(network: Network, own: Sequence[Sequence[Task]]) -> Stream[Result]:
            prepare_thread(each)
            for group in own:
                yield from dream(network, group, together.stepped)

        shares = [groups[number :: len(networks)] for number in range(len(networks))]
        yield from together.results([stream(network, own) for network, own in zip(networks, shares, strict=True)])


class _Stopped(Exception):  # noqa: N818  it ends a thread, and nobody sees it
    """Nobody waits for the results any more."""


def _drain(results: Queue[Result | None], running: Sequence[Future[None]]) -> None:
    """Take what nobody wants until all threads have ended, which may wait for room."""
    while not all(thread.done() for thread in running):
        with suppress(Empty):
            results.get(timeout=0.05)
