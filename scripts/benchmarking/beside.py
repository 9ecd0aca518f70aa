"""Processes that keep the cores busy, to dream beside them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SPIN = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""
_SECONDS_TO_BEGIN = 0.3


@contextmanager
def spinning(count: int) -> Iterator[None]:
    """Lets so many processes spin meanwhile; they also end with this one."""
    spinners = [subprocess.Popen([sys.executable, "-c", _SPIN, str(os.getpid())]) for _ in range(count)]
    try:
        time.sleep(_SECONDS_TO_BEGIN)
        yield
    finally:
        for one in spinners:
            one.kill()
            one.wait()


def fair_share(cores: int, threads: int, spinners: int) -> float:
    """What our threads get, of what they have alone, where all that want a core have as much of it."""
    alone = min(1.0, cores / threads)
    return min(1.0, cores / (threads + spinners)) / alone
