"""A card takes a batch in turns where its memory does not hold all of it at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Protocol, TypeVar

import torch

from renderer.common.exhaustion import is_out_of_memory
from renderer.common.progress import Stepped
from renderer.film.tasks import in_batches
from renderer.networks.network import Network

_LOG = logging.getLogger(__name__)


class Placed(Protocol):
    """A result that can be told from the others of its batch."""

    @property
    def place(self) -> Hashable:
        """What it is of."""
        ...


Task = TypeVar("Task")
Result = TypeVar("Result", bound=Placed)
Dreaming = Callable[[Network, Sequence[Task], Stepped], Iterator[Result]]
"""Computes tasks together, tells of each step, and gives results as they come."""


class Turns:
    """Remembers how many pictures a device can take at once.

    The pictures are the same in fewer turns and in more, but for what cards round differently.
    """

    def __init__(self) -> None:
        self._most: int | None = None

    def compute(
        self, dream: Dreaming[Task, Result], network: Network, batch: Sequence[Task], stepped: Stepped
    ) -> Iterator[Result]:
        """Compute a batch, at once if that can be done; what runs out of memory is done again in halves.

        Nothing is given twice, and no step told twice. Raises what `dream` does, also where memory does not do for a
        single picture.
        """
        waiting, given, told = deque(in_batches(batch, self._most or len(batch))), set[Hashable](), _Told(stepped)
        while waiting:
            group = waiting.popleft()
            told.begin()
            try:
                for result in dream(network, group, told):
                    if result.place not in given:
                        given.add(result.place)
                        yield result
            except Exception as error:
                if len(group) == 1 or not is_out_of_memory(error):
                    raise
            else:
                continue
            told.begin_again()
            self._halve(len(group), network.device)
            waiting = deque(part for one in (group, *waiting) for part in in_batches(one, self._most or 1))

    def _halve(self, pictures: int, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.empty_cache()
        elif device.type == "mps":
            torch.mps.empty_cache()
        self._most = -(-pictures // 2)
        text = "the memory of %s does not hold %d pictures at once: from now on it takes up to %d"
        _LOG.warning(text, device, pictures, self._most)


class _Told:
    """Tells of steps, but not again of those that are done again."""

    def __init__(self, stepped: Stepped) -> None:
        self._stepped, self._again, self._done = stepped, 0, 0

    def begin(self) -> None:
        self._done = 0

    def begin_again(self) -> None:
        self._again += self._done

    def __call__(self, pictures: int) -> None:
        known = min(pictures, self._again)
        self._again -= known
        self._done += pictures
        self._stepped(pictures - known)
