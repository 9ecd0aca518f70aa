"""Several short turns of each contender, one after the other: what slows the machine down for a while slows all."""

import statistics
import time
from collections.abc import Mapping
from typing import Protocol

import torch


class Contender(Protocol):
    """Something that makes passes."""

    least: int
    """The smallest amount that it can be asked for."""

    def make(self, amount: int) -> int:
        """Makes an amount of its own units (batches, frames, steps); gives how many passes that were."""


def race(contenders: Mapping[str, Contender], turns: int, seconds: float) -> dict[str, list[float]]:
    """Lets each have its turns, in turn; gives milliseconds a pass of each turn, by name."""
    amounts = {name: fitting(one, seconds) for name, one in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(turns):
        for name, one in contenders.items():
            times[name].append(timed(one, amounts[name]))
    return times


def timed(contender: Contender, amount: int) -> float:
    """Milliseconds a pass."""
    synchronize()
    began = time.perf_counter()
    passes = contender.make(amount)
    synchronize()
    return 1000 * (time.perf_counter() - began) / passes


def synchronize() -> None:
    """Waits for a graphics card that is in use."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
    if torch.backends.mps.is_available():
        torch.mps.synchronize()


def fitting(contender: Contender, seconds: float) -> int:
    """How much takes about so long; the first try warms up."""
    contender.make(contender.least)
    began = time.perf_counter()
    contender.make(contender.least)
    synchronize()
    took = (time.perf_counter() - began) / contender.least
    return max(contender.least, round(seconds / max(took, 1e-6)))


def spread(times: list[float]) -> dict[str, float]:
    """Median, lower quartile, and both ends."""
    quartile = statistics.quantiles(times, n=4, method="inclusive")[0] if len(times) > 1 else times[0]
    return {
        "median": statistics.median(times),
        "lower_quartile": quartile,
        "lowest": min(times),
        "highest": max(times),
        "turns": len(times),
    }


def ratios(over: list[float], under: list[float]) -> dict[str, float]:
    """Spread of the ratio of turns that were neighbors."""
    return spread([above / below for above, below in zip(over, under, strict=True)])
