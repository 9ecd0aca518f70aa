"""What it was measured on."""

import os
import platform
from pathlib import Path

import torch

from renderer.common.processor import has_fast_bfloat16, usable_cores
from renderer.store.run_file import current_versions


def describe_machine(device: torch.device, threads: int) -> dict[str, object]:
    """All that a figure may depend on."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "threads": threads,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "fast_bfloat16": has_fast_bfloat16(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "system": platform.platform(),
        "memory_gb": _memory(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "versions": current_versions(),
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(_TELLING)},
    }


_TELLING = ("OMP_", "GOMP_", "KMP_", "MALLOC_", "GLIBC_TUNABLES", "MKL_", "ONEDNN_")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
