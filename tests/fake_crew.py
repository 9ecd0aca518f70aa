"""A cluster in this process: workers are threads, and may be killed at any moment."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from renderer.common.progress import Progress
from renderer.jobs.cluster import ClusterComputer
from renderer.jobs.computing import Computer
from renderer.jobs.hand import Hand
from renderer.jobs.inputs import equipment, input_files
from renderer.jobs.messages import Event, Job, Lost
from renderer.jobs.worker import MakeWorker
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.store.run_file import RunFile
from tests.fake_worker import FakeWorker

Watch = Callable[["FakeCluster", int, Event], None]


class FakeCluster:
    """Computes a run as a cluster does, and is a crew itself.

    Attributes:
        workers: Most workers at a time.
        hired: How many workers have been begun.
        told: What has been told, and by whom.
        watch: Is called with each event before the command hears of it.
    """

    def __init__(
        self, workers: int = 2, make_worker: MakeWorker = FakeWorker, watch: Watch = lambda *given: None
    ) -> None:
        self.workers, self.watch, self.hired = workers, watch, 0
        self.told: list[tuple[int, Event]] = []
        self.gave: list[Job] = []
        self._make_worker = make_worker
        self._events = Queue[tuple[int, Event]]()
        self._hands: dict[int, Hand] = {}

    def choose(self, settings: Settings, begun: Chosen | None) -> Chosen:
        return Chosen(precision="float32", threads=1)

    def computer(self, wanted: RunFile, progress: Progress) -> Computer:
        inputs = input_files(wanted)
        self._equip(pickle.dumps(equipment(wanted, inputs, "cpu", 1)), inputs)
        return ClusterComputer(self, progress)

    def room(self) -> int:
        return self.workers

    def hire(self, worker: int) -> None:
        self.hired += 1
        self._hands[worker] = Hand(self._given[0], *self._given[1:], make_worker=self._make_worker, alone=False)
        Thread(target=self._listen, args=(worker,), daemon=True).start()

    def give(self, worker: int, job: Job) -> None:
        self.gave.append(job)
        if worker in self._hands:
            self._hands[worker].give(pickle.dumps(job))

    def call_off(self, worker: int, number: int) -> None:
        if worker in self._hands:
            self._hands[worker].call_off(number)

    def let_go(self, worker: int) -> None:
        if hand := self._hands.pop(worker, None):
            Thread(target=hand.close, daemon=True).start()

    def kill(self, worker: int) -> None:
        """What it has not told by now is never told."""
        if worker in self._hands:
            self.let_go(worker)
            self._events.put((worker, Lost("killed")))

    def next_event(self, seconds: float) -> tuple[int, Event] | None:
        try:
            found = self._events.get(timeout=seconds)
        except Empty:
            return None
        self.told.append(found)
        self.watch(self, *found)
        return found

    def _equip(self, packed: bytes, inputs: Sequence[Path]) -> None:
        self._given = (packed, *(path.read_bytes() for path in inputs))

    def _listen(self, worker: int) -> None:
        while hand := self._hands.get(worker):
            events = pickle.loads(hand.take())  # noqa: S301
            if worker in self._hands:
                for event in events:
                    self._events.put((worker, event))
