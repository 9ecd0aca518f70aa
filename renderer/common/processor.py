"""What this machine offers to a program, without loading torch: cores, and fast arithmetic in bfloat16."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
_AMD_CARDS = Path("/dev/kfd")


def usable_cores() -> int:
    """How many cores this process may use: no more than it may run on, and than its control group (container) grants.

    What the system shows as several processors of one core counts once.
    """
    return max(1, min(_physical_cores(_allowed_processors()), math.ceil(min(granted_cores(), 1e6))))


def granted_cores(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """Cores' worth of time that the process's control groups grant; infinite where none sets a limit.

    Args:
        groups: Where the system shows control groups, of version 1 or 2.
        own: Where it tells the process's own.
    """
    return min((_granted_by(group) for group in _control_groups(groups, _read(own))), default=math.inf)


def has_fast_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies in bfloat16 itself (AVX512-BF16, AMX); False where the system does not tell."""
    flags = (line.partition(":")[2] for line in _read(cpuinfo).splitlines() if line.startswith("flags"))
    return not _FAST_BFLOAT16.isdisjoint(next(flags, "").split())


def may_have_cuda() -> bool:
    """Whether there is a driver for torch's device `cuda`; torch knows for certain, but takes seconds to load."""
    if sys.platform == "darwin":
        return False
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    with suppress(OSError):
        ctypes.CDLL(driver)
        return True
    return _AMD_CARDS.exists()


def _allowed_processors() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _physical_cores(processors: set[int]) -> int:
    return len({_read(Path(_TOPOLOGY.format(number))) or str(number) for number in processors})


def _control_groups(groups: Path, own: str) -> Iterator[Path]:
    """The folders of the process's control groups that may limit its time, and of those around them."""
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            root = groups / "cpu" if controllers else groups
            group = PurePosixPath(path)
            yield from (root / str(each).lstrip("/") for each in (group, *group.parents))


def _granted_by(group: Path) -> float:
    said = _read(group / "cpu.max") or f"{_read(group / 'cpu.cfs_quota_us')} {_read(group / 'cpu.cfs_period_us')}"
    match said.split():
        case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
            return int(quota) / int(period)
        case _:  # "max", -1, or nothing
            return math.inf


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
