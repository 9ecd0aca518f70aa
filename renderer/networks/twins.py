"""Copies of a network for several threads, and the proof that they do not meddle with one another."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

import renderer
from renderer.networks.network import Network
from renderer.networks.threads import prepare_thread

_LOG = logging.getLogger(__name__)
_SHARES = (0.25, 0.75)  # Of the gradient, for the network and for its twin: each has to use its own.
_PATIENCE = 10.0  # Seconds that one waits for the other; a module may have a lock that both want.
# Code that shares nothing between threads by mistake: torch's and ours, and the standard library.
_KNOWN = tuple(Path(file).parent for file in (torch.__file__, renderer.__file__))
_LIBRARY, _INSTALLED = Path(threading.__file__).parent, {"site-packages", "dist-packages"}


class Twins:
    """A network and its copies, as many as threads; the network alone where a copy does not do.

    A module may be copied and still be wrong: functions are not copied, so one that names the module, such as a hook,
    goes on naming the first one.
    """

    def __init__(self, original: Network, most: int) -> None:
        """Take a network.

        Args:
            original: The network.
            most: How many there may be, with the network itself.
        """
        self.original, self._most = original, most
        self._all: list[Network] = []

    def networks(self, count: int) -> list[Network]:
        """So many networks that share their weights, or fewer; call it before the first gradient.

        All are made at the first call, because a module that remembers what it computed cannot be copied after that.
        """
        if not self._all:
            self._all = [self.original, *self._copies()]
        return self._all[:count]

    def _copies(self) -> list[Network]:
        try:
            copies = [self.original.twin() for _ in range(1, self._most)]
            if copies:
                for member, copied in zip(self.original.members, copies[0].members, strict=True):
                    prove(member, copied)
        except Exception as error:  # noqa: BLE001  it is the user's module; what it raises cannot be known
            _LOG.warning("the network cannot be used by several threads, so groups take turns: %s", error)
            return []
        return copies


def prove(network: Network, twin: Network) -> None:
    """Prove that a network and its twin answer at the same time as the network does alone, bit for bit.

    Both go from module to module side by side, and in the module's own code from line to line, so what they share by
    mistake is wrong for one of them.

    Raises:
        RuntimeError: They do not.
        Exception: What else the module raises.
    """
    meeting = _Meeting()
    with ThreadPoolExecutor(2, initializer=prepare_thread, initargs=(1,)) as threads:
        alone = [threads.submit(_answer, network, number).result() for number in range(2)]
        beside = list(threads.map(meeting.answer, (network, twin), range(2)))
    for one, other in zip(alone, beside, strict=True):
        if not all(map(torch.equal, one, other)):
            raise RuntimeError("its copy, or the network beside it, gives another answer")


class _Meeting:
    """A network and its twin, each in a thread; they wait for one another before and after each module."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2, timeout=_PATIENCE)
        self._own = threading.local()

    def answer(self, network: Network, number: int) -> list[Tensor]:
        """What it answers to a probe."""
        self._own.network = network
        try:
            with network.telling(partial(self._meet, network)), _each_line(partial(self._meet, network)):
                self._meet(network)
                return _answer(network, number)
        finally:
            self._barrier.abort()  # The other one need not wait any more.

    def _meet(self, network: Network) -> None:
        if network is not self._own.network:
            raise RuntimeError("its copy computes with modules of the original")
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait()


@contextmanager
def _each_line(tell: Callable[[], None]) -> Iterator[None]:
    """Call a function before each line of Python that this thread runs in the network's own code."""

    def of_line(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            tell()
        return of_line

    def of_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return None if _is_known(frame.f_code.co_filename) else of_line

    before = sys.gettrace()
    sys.settrace(of_call)
    try:
        yield
    finally:
        sys.settrace(before)


@lru_cache
def _is_known(file: str) -> bool:
    """Whether code in a file is none of the network's own."""
    path = Path(file)
    if file.startswith("<") or any(path.is_relative_to(folder) for folder in _KNOWN):
        return True
    # What is installed may lie in a folder of the library.
    return path.is_relative_to(_LIBRARY) and _INSTALLED.isdisjoint(path.relative_to(_LIBRARY).parts)


def _answer(network: Network, number: int) -> list[Tensor]:
    """What a network answers to a probe, and the gradient of that."""
    noise = torch.rand(1, 3, network.size, network.size, generator=torch.Generator().manual_seed(number))
    views = noise.to(network.device).requires_grad_()
    answers = list(network.activations(views, network.kind.watched(), residual_gradient=_SHARES[number]).values())
    reached = torch.stack([one.square().sum() for one in answers]).sum()
    return [*(one.detach() for one in answers), *torch.autograd.grad(reached, views)]
