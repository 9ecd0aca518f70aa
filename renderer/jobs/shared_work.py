"""The film and the fresh stills of a run as work that may be shared: tasks of rounds, and what each needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from renderer.atlas.seen import SeenRun
from renderer.common.exhaustion import hits_all
from renderer.common.progress import Amount
from renderer.jobs.amounts import done_of, fresh_stills, left_of, saved_of_film, whole_of
from renderer.jobs.inputs import files_for_film, files_for_stills
from renderer.jobs.messages import FilmJob, StillsJob
from renderer.jobs.plan import Batch, Plan, make_plan, strands_of
from renderer.jobs.schedule import Lease
from renderer.jobs.stills import Failure
from renderer.store.run import Run

_NOTHING = Amount(0, 0)


@dataclass(frozen=True)
class Share:
    """What a lease is for.

    Attributes:
        job: What the worker is given, but for its number.
        rounds: Names of the segments of each round; none for stills, which are a round by themselves.
        there: How much of its task was there before.
    """

    job: FilmJob | StillsJob
    rounds: Sequence[frozenset[str]]
    there: Amount


class SharedWork(ABC):
    """Tasks that need nothing of each other, each of rounds that come one after another.

    What is done of them is to be seen in the run's directory alone.

    Attributes:
        run: The run.
        unit: What its pictures are, for those who show progress.
        over: The tasks of which a lease has ended.
    """

    unit: str

    def __init__(self, run: Run) -> None:
        self.run, self.over = run, set[int]()

    @cached_property
    def json(self) -> str:
        """What workers are told of the run."""
        return self.run.file.model_dump_json()

    @property
    @abstractmethod
    def total(self) -> Amount:
        """All of the film, or all stills, with what is done."""

    @property
    @abstractmethod
    def costs(self) -> Sequence[Sequence[float]]:
        """Of each task what the rounds cost that are left."""

    @property
    @abstractmethod
    def besides(self) -> Amount:
        """What of the total is of no task."""

    @abstractmethod
    def there(self, task: int) -> Amount:
        """How much of a task is there now."""

    @abstractmethod
    def share(self, lease: Lease) -> Share | None:
        """What a worker is to be given for a lease; None if nothing of it is left to do."""

    def bears(self, task: int, error: Exception) -> bool:  # noqa: ARG002
        """Whether an error ends a task alone; else it is tried again elsewhere, and ends all in the end."""
        return False


class FilmWork(SharedWork):
    """The strands of a film."""

    unit = "frames"
    besides = _NOTHING

    def __init__(self, run: Run, plan: Plan) -> None:
        """Take a film, and what is missing of it."""
        super().__init__(run)
        self._plan, self._strands = plan, strands_of(run)

    @property
    def total(self) -> Amount:
        """The film."""
        return whole_of(self.run.film_recipe, self._plan)

    @property
    def costs(self) -> Sequence[Sequence[float]]:
        """In steps of all pictures."""
        strand_of = {one: number for number, strand in enumerate(self._strands) for chain in strand for one in chain}
        costs: list[list[float]] = [[] for _ in self._strands]
        for batches in self._plan.rounds:
            for batch in batches:
                costs[strand_of[batch[0].segment]].append(self._cost(batch))
        return costs

    def there(self, task: int) -> Amount:
        """With what was saved of it."""
        return self._there(make_plan(SeenRun(self.run), {task}))

    def share(self, lease: Lease) -> Share | None:
        """The next rounds that are missing of the strand."""
        seen = SeenRun(self.run)
        left = make_plan(seen, {lease.task})
        if not left.rounds:
            return None
        plan = replace(left, rounds=left.rounds[: lease.rounds])
        batches = [[item for batch in batches for item in batch] for batches in plan.rounds]
        rounds = [frozenset(item.segment.name for item in items if item.is_missing) for items in batches]
        return Share(FilmJob(0, self.json, files_for_film(seen, plan), plan), rounds, self._there(left))

    def _there(self, plan: Plan) -> Amount:
        return sum(saved_of_film(self.run, plan).values(), done_of(self.run.film_recipe, plan))

    def _cost(self, batch: Batch) -> float:
        return max(1.0, float(left_of(self.run.film_recipe, batch).work))


class StillsWork(SharedWork):
    """Batches of fresh stills.

    Attributes:
        failures: Those that could not be dreamed.
        errors: Why not.
    """

    unit = "stills"

    def __init__(self, run: Run, batches: Sequence[Sequence[int]], total: int) -> None:
        """Take the places of the targets of each batch, and how many targets there are in all."""
        super().__init__(run)
        self._batches, self._targets = batches, total
        self.failures: list[Failure] = []
        self.errors: list[Exception] = []

    @property
    def total(self) -> Amount:
        """The stills of all targets."""
        return fresh_stills(self.run, self._targets)

    @property
    def costs(self) -> Sequence[Sequence[float]]:
        """A round a batch."""
        return [[float(self._whole(task).work)] for task in range(len(self._batches))]

    @property
    def besides(self) -> Amount:
        """Those of all other targets."""
        return self.total - sum((self._whole(task) for task in range(len(self._batches))), _NOTHING)

    def there(self, task: int) -> Amount:
        """All or nothing."""
        return self._whole(task) if task in self.over else _NOTHING

    def share(self, lease: Lease) -> Share | None:
        """The batch."""
        batch = self._batches[lease.task]
        return Share(StillsJob(0, self.json, files_for_stills(SeenRun(self.run), batch), batch), [], _NOTHING)

    def bears(self, task: int, error: Exception) -> bool:
        """As in `dream_stills`: torch's errors, unless they are about the machine."""
        if not isinstance(error, RuntimeError) or hits_all(error):
            return False
        self.errors.append(error)
        self.failures += [Failure(self.run.targets[place], str(error)) for place in self._batches[task]]
        self.over.add(task)
        return True

    def _whole(self, task: int) -> Amount:
        return fresh_stills(self.run, len(self._batches[task]))
