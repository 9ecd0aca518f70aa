"""What workers, network and losses are like: every figure that the simulation does not take from the settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from cluster.film import Round

Times = tuple[tuple[int, float], ...]
"""Milliseconds of an ascent step, by the number of pictures in it; what is between is interpolated."""


@dataclass(frozen=True)
class Machines:
    """Workers, network and losses.

    Attributes:
        step_ms: How long an ascent step takes.
        encode_ms: Processor time for a frame: text, clean frames, film.
        cores: How many encode, on each worker.
        encodes_beside: Whether others do than those that dream, as beside a graphics card.
        start_seconds: Until a new worker is ready: import, network to the device.
        lease_seconds: From a lease to its first step.
        worker_gbit: What a worker sends in a second.
        driver_gbit: What the machine of the drivers takes in a second, from all workers together.
        driver_machines: On how many machines the drivers run.
        write_ms: What a driver needs for the files of a segment.
        assemble_seconds: From a film's last segment to the film.
        lost_an_hour: Share of the workers that are lost within an hour.
        notice_seconds: Until that is noticed.
        back_minutes: Until there is another machine in place of one that was lost.
        spread: By how much rounds differ in time: the standard deviation of its logarithm.
        slow_share: Share of the machines that are slow.
        slow_factor: How many times as long these take.
    """

    step_ms: Times = ((1, 1.0),)
    encode_ms: float = 0.0
    cores: float = 1.0
    encodes_beside: bool = True
    start_seconds: float = 0.0
    lease_seconds: float = 0.0
    worker_gbit: float = math.inf
    driver_gbit: float = math.inf
    driver_machines: int = 1
    write_ms: float = 0.0
    assemble_seconds: float = 0.0
    lost_an_hour: float = 0.0
    notice_seconds: float = 0.0
    back_minutes: float = 0.0
    spread: float = 0.0
    slow_share: float = 0.0
    slow_factor: float = 1.0

    def dream_seconds(self, batch: Round) -> float:
        """How long a round is dreamed; where the same cores encode, with that."""
        dreamed = sum(steps * self._step_ms(pictures) for steps, pictures in batch.steps)
        return (dreamed + (0 if self.encodes_beside else self._encoding_ms(batch))) / 1000

    def encode_seconds(self, batch: Round) -> float:
        """How long the frames of a round are encoded beside the dreaming."""
        return self._encoding_ms(batch) / 1000 if self.encodes_beside else 0.0

    @property
    def losses_a_second(self) -> float:
        """How often a worker is lost."""
        return -math.log1p(-self.lost_an_hour) / 3600

    def _encoding_ms(self, batch: Round) -> float:
        return batch.frames * self.encode_ms / self.cores

    def _step_ms(self, pictures: int) -> float:
        return interpolated(self.step_ms, pictures)


def interpolated(times: Times, pictures: int) -> float:
    """The time of a step with so many pictures; beyond the last one that is known, in proportion."""
    if pictures <= times[0][0]:
        return times[0][1]
    for (few, shorter), (many, longer) in pairwise(times):
        if pictures <= many:
            return shorter + (longer - shorter) * (pictures - few) / (many - few)
    return times[-1][1] * pictures / times[-1][0]


_COMMON = Machines(
    start_seconds=30,
    lease_seconds=1,
    worker_gbit=10,
    driver_gbit=10,
    write_ms=20,
    assemble_seconds=60,
    notice_seconds=30,
    back_minutes=5,
)
_CORES = replace(_COMMON, start_seconds=10, cores=2, encodes_beside=False, worker_gbit=1)
_CARD = replace(_COMMON, cores=8)


def _passes(*times: tuple[int, float]) -> Times:
    return tuple((pictures, pictures * milliseconds) for pictures, milliseconds in times)


class Kind(NamedTuple):
    """Machines whose figures are known, or guessed, for one film.

    Attributes:
        told: What they are.
        film: Settings of the film.
        machines: The figures.
    """

    told: str
    film: tuple[str, ...]
    machines: Machines


def _film(network: str, width: int, height: int) -> tuple[str, ...]:
    named = (f"network={{source: torchvision, name: {network}}}",)
    return (*named, f"film.width={width}", f"film.height={height}")


KINDS = {
    "cpu-512": Kind(
        "two cores, SqueezeNet, 512x512; measured",
        _film("squeezenet1_1", 512, 512),
        replace(_CORES, step_ms=_passes((1, 47.8), (8, 18.4), (16, 20.3)), encode_ms=25),
    ),
    "cpu-1080": Kind(
        "two cores, SqueezeNet, 1920x1080; measured",
        _film("squeezenet1_1", 1920, 1080),
        replace(_CORES, step_ms=_passes((1, 82.8), (2, 53.6)), encode_ms=165),
    ),
    "cpu-resnet": Kind(
        "two cores, ResNet-50, 1920x1080; measured in a quick run",
        _film("resnet50", 1920, 1080),
        replace(_CORES, step_ms=_passes((2, 136.9)), encode_ms=165),
    ),
    "cpu-convnext": Kind(
        "two cores, ConvNeXt-Base, 1920x1080; measured in a quick run",
        _film("convnext_base", 1920, 1080),
        replace(_CORES, step_ms=_passes((2, 876.0)), encode_ms=165),
    ),
    "card-512": Kind(
        "a graphics card with eight cores beside it, a small network, 512x512; the time of a step is a guess",
        _film("squeezenet1_1", 512, 512),
        replace(_CARD, step_ms=((1, 20), (16, 32), (64, 80)), encode_ms=25),
    ),
    "card-1080": Kind(
        "the same, a large network, 1920x1080; the time of a step is a guess",
        _film("convnext_base", 1920, 1080),
        replace(_CARD, step_ms=((1, 40), (16, 150), (64, 550)), encode_ms=165),
    ),
}
"""Machines by name."""


def parse_times(text: str) -> Times:
    """Read `1:20,16:32`; raises ValueError."""
    times = tuple((int(pictures), float(ms)) for pictures, ms in (one.split(":") for one in text.split(",")))
    if not _rises([pictures for pictures, _ in times]) or min(ms for _, ms in times) <= 0:
        raise ValueError(text)
    return times


def _rises(numbers: Sequence[int]) -> bool:
    return numbers[0] > 0 and all(one < other for one, other in pairwise(numbers))
