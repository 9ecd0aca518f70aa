"""What computes batches: the interface, the worker that a run has, and what is told of its gradients."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float

from renderer.common.progress import Progress, Stepped
from renderer.dream.health import Health
from renderer.film.film_recipe import FilmRecipe
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import NOT_SAVING, Frame, Picture, Saved, Saving, SegmentTask, Still, StillTask
from renderer.settings.sections import Settings
from renderer.targets.target import Aim, Score, Target

Result = TypeVar("Result")

SAVED_SHARE = 0.5
"""After this share of the time that may be lost, groups save; the rest is for what they do until they can."""


class Observer(Protocol):
    """Shows pictures to the network."""

    def score(self, aim: Aim, picture: Picture) -> Score:
        """What the network says of a picture that is to show a target."""
        ...

    def outputs(self, picture: Picture) -> Float[np.ndarray, " outputs"]:
        """All that the network answers to a whole picture, before the softmax."""
        ...

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer, a row for each class; raises LookupError if it has no such layer."""
        ...


class Worker(Observer, Protocol):
    """Computes whole batches; holds nothing between two calls but the network.

    Each batch is computed on one device: whole on a card, on a processor in groups that follow from the batch alone. So
    how many devices there are, and which of them computes it, changes no pixel as long as each group has one thread;
    the threads of a processor that is named several times are divided.
    """

    @property
    def devices(self) -> int:
        """How many batches are computed side by side."""
        ...

    def segments(
        self,
        recipe: FilmRecipe,
        batches: Sequence[Sequence[SegmentTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
        *,
        score_all: bool,
    ) -> Iterator[Frame | Saved]:
        """Compute batches of segments, frame by frame; a shorter segment ends earlier.

        Args:
            recipe: What the film is made from.
            batches: The segments, none of which depends on another one of the call.
            stepped: Is told of each ascent step; by any thread, several at a time too.
            saving: How often a group is to tell where it stands, and where it stood.
            score_all: Score every frame, not only the last one of a class.
        """
        ...

    def stills(
        self,
        recipe: StillRecipe,
        batches: Sequence[Sequence[StillTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
    ) -> Iterator[Still | Saved]:
        """Compute batches of stills; `stepped` and `saving` as for segments."""
        ...

    def close(self) -> None:
        """Give back what the worker holds."""
        ...


MakeWorker = Callable[[Settings], Worker]
"""Makes a worker from the settings that say where: network, device, precision, threads; see `RunFile.decided`."""


def local_worker(settings: Settings) -> Worker:
    """A worker in this process."""
    from renderer.jobs.local_worker import LocalWorker  # noqa: PLC0415  torch takes seconds

    return LocalWorker(settings)


@contextmanager
def closed(results: Iterator[Result]) -> Iterator[Iterator[Result]]:
    """What a worker gives; where the block ends early, the worker dreams no further."""
    try:
        yield results
    finally:
        if isinstance(results, Generator):
            results.close()


def note_health(progress: Progress, target: Target, health: Health, *, then: str = "") -> None:
    """Tell what was wrong with the gradients of a target, if anything was, and what comes of it."""
    if health.complaints:
        # The title of what is no class has its number already.
        name = f"class {target.index} {target.title}" if target.is_class else target.title
        progress.note(f"{name}: {'; '.join(health.complaints)}{then}")
