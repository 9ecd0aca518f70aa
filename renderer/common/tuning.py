"""How this process takes memory and waits for its threads: set before torch is loaded, which never asks again.

On glibc, memory of large tensors would go back to the system as soon as it is free, and come again as pages that the
system fills with zeros; most of a film's time went there. Threads that wait for one another would keep their cores
busy, so that two programs on one machine stop each other. What the user's own environment says comes first. This
module loads next to nothing, for it comes first.
"""

from __future__ import annotations

import os

from renderer.common.processor import usable_cores

_UNLIMITED = -1
_TOP_PAD = 1 << 28  # bytes by which the heap grows at least; untouched pages take no memory
_MALLOPT = {  # by the names of glibc's tunables: the number of `mallopt`, and the value
    "mmap_max": (-4, 0),
    "trim_threshold": (-1, _UNLIMITED),
    "top_pad": (-2, _TOP_PAD),
    # Each heap keeps what it has once had, and threads that begin take another one as long as there may be more: a heap
    # for each thread that computes, and two for those beside them.
    "arena_max": (-8, 2 + usable_cores()),
}
_SAME_MATTER = {  # who sets one of the latter means the former too
    "mmap_max": ("mmap_threshold",),
    # What is mapped is what the heap has no room for: with so much to spare, large tensors would come from there.
    "top_pad": ("mmap_threshold", "mmap_max"),
}
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def prepare() -> None:
    """Keep freed memory, and have waiting threads sleep; does nothing where the user or the system has it otherwise."""
    sleep_while_waiting()
    if _is_glibc():
        _keep_memory()


def sleep_while_waiting() -> None:
    """Have waiting threads sleep, unless the user has it otherwise."""
    if not any(name in os.environ for name in _WAITING):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # Windows; other libraries
        return False


def _keep_memory() -> None:
    import ctypes  # noqa: PLC0415  not needed elsewhere

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # a program may bring an allocator of its own
        return
    for name, (number, value) in _MALLOPT.items():
        if not any(map(_user_has_set, (name, *_SAME_MATTER.get(name, ())))):
            mallopt(ctypes.c_int(number), ctypes.c_int(value))


def _user_has_set(name: str) -> bool:
    """Whether the environment says something about one of the allocator's values."""
    variables = {f"MALLOC_{name.upper()}", f"MALLOC_{name.upper()}_"}  # glibc's names end in either way
    return bool(variables & os.environ.keys()) or f"glibc.malloc.{name}=" in os.environ.get("GLIBC_TUNABLES", "")
