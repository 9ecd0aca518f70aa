"""Who computes a run: this process, or a cluster in its place; all else that a command does is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from renderer.common.progress import Progress
from renderer.jobs.live import Live
from renderer.jobs.machine import choose, note_machine
from renderer.jobs.plan import Plan
from renderer.jobs.segments import render_film
from renderer.jobs.stills import Failure, dream_stills
from renderer.jobs.worker import MakeWorker, Observer, Worker
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.store.run import Run
from renderer.store.run_file import RunFile


class Computer(Protocol):
    """Computes what is missing of a run, into the run's directory."""

    @property
    def observer(self) -> Observer:
        """What shows pictures to the run's network."""
        ...

    def film(self, run: Run, plan: Plan, live: Live) -> None:
        """Compute the planned batches; raises as `render_film`."""
        ...

    def stills(self, run: Run, batches: Sequence[Sequence[int]], live: Live, total: int) -> list[Failure]:
        """Dream the fresh stills of the given batches, of so many in all; raises as `dream_stills`."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class Means(Protocol):
    """By what a run is computed, and where."""

    def choose(self, settings: Settings, begun: Chosen | None) -> Chosen:
        """Decide what `auto` stands for there; see `machine.choose`."""
        ...

    def computer(self, wanted: RunFile, progress: Progress) -> Computer:
        """Make ready; raises UserError where the network cannot be had."""
        ...


class Here:
    """This process computes."""

    def __init__(self, make_worker: MakeWorker) -> None:
        self._make_worker = make_worker

    def choose(self, settings: Settings, begun: Chosen | None) -> Chosen:
        """What the run has, or what this machine does best."""
        return choose(settings, begun)

    def computer(self, wanted: RunFile, progress: Progress) -> Computer:
        """A worker in this process."""
        note_machine(wanted, progress)
        return _OwnComputer(self._make_worker(wanted.decided))


class _OwnComputer:
    """A worker that is called."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @property
    def observer(self) -> Observer:
        return self._worker

    def film(self, run: Run, plan: Plan, live: Live) -> None:
        render_film(run, plan, self._worker, live)

    def stills(self, run: Run, batches: Sequence[Sequence[int]], live: Live, total: int) -> list[Failure]:
        return dream_stills(run, batches, self._worker, live, total)

    def close(self) -> None:
        self._worker.close()
