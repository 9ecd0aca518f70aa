"""A card takes a batch in turns where its memory does not hold all of it at once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from renderer.common.exhaustion import is_out_of_memory
from renderer.common.progress import Stepped
from renderer.film.tasks import in_batches
from renderer.networks.network import Network

_LOG = logging.getLogger(__name__)

Task = TypeVar("Task")
Result = TypeVar("Result")
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
        """Compute a batch, at once if that can be done.

        What runs out of memory before it gives anything is done again in halves. Raises what `dream` does when a
        single picture is too much, or when memory runs out later: other programs have taken it then.
        """
        waiting = deque(in_batches(batch, self._most or len(batch)))
        while waiting:
            group = waiting.popleft()
            results = dream(network, group, stepped)
            if len(group) == 1:
                yield from results
                continue
            first = _first(results)
            if first is not None:
                yield first
                yield from results
                continue
            del results  # and with it the memory that it holds
            _give_back(network.device)
            self._most = -(-len(group) // 2)
            _LOG.warning(
                "the memory of %s does not hold %d pictures at once: from now on it takes up to %d",
                network.device,
                len(group),
                self._most,
            )
            waiting = deque(part for one in (group, *waiting) for part in in_batches(one, self._most))


def _first(results: Iterator[Result]) -> Result | None:
    """The first result; None if memory runs out before it is there."""
    try:
        return next(results)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None


def _give_back(device: torch.device) -> None:
    """What a failed attempt has left is given back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
