"""How the program takes memory and waits, seen from outside: in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_CHURN = """
import resource
from renderer.common import tuning
if PREPARE: tuning.prepare()
import torch
for _ in range(20):  # until the heap has room for all of them
    torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

_HEAPS = """
import ctypes, os, threading
from renderer.common import tuning
if PREPARE: tuning.prepare()
import torch
from renderer.common.processor import usable_cores
several = 8 + 2 * os.cpu_count()
meeting = threading.Barrier(several)
def use():
    meeting.wait()
    for _ in range(100):
        torch.ones(1 << 10)
    meeting.wait()
threads = [threading.Thread(target=use) for _ in range(several)]
[one.start() for one in threads], [one.join() for one in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"heaps.xml", b"w"))
libc.malloc_info(0, file), libc.fclose(file)
print(open("heaps.xml").read().count("<heap ") - usable_cores())
"""


def is_glibc() -> bool:
    return sys.platform == "linux" and "CS_GNU_LIBC_VERSION" in os.confstr_names


def ran(arguments: list[str], folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with nothing of the tuning's subject in the environment but what is given."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "OMP_", "GOMP_"))}
    given = {**usual, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=given, capture_output=True, text=True, check=True
    )


def page_faults(prepare: bool, **environment: str) -> int:
    return int(ran(["-c", _CHURN.replace("PREPARE", str(prepare))], **environment).stdout)


@pytest.mark.skipif(not is_glibc(), reason="another C library")
def test_memory_of_large_tensors_is_kept_unless_the_user_has_it_otherwise() -> None:
    usual = page_faults(prepare=False)
    assert page_faults(prepare=True) < usual / 10
    for environment in ({"MALLOC_MMAP_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.mmap_max=1000"}):
        assert page_faults(prepare=True, **environment) > usual / 2


@pytest.mark.skipif(not is_glibc(), reason="another C library")
def test_threads_share_a_few_heaps_each_of_which_keeps_its_memory(tmp_path: Path) -> None:
    def heaps(prepare: bool, **environment: str) -> int:
        """How many there are beyond one for each core."""
        return int(ran(["-c", _HEAPS.replace("PREPARE", str(prepare))], tmp_path, **environment).stdout)

    assert heaps(prepare=True) <= 2 < heaps(prepare=False)
    assert heaps(prepare=True, MALLOC_ARENA_MAX="1000") > 2


@pytest.mark.parametrize(
    ("environment", "spins"),
    [({}, "0"), ({"GOMP_SPINCOUNT": "1234"}, "1234"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "30000000000")],
)
def test_waiting_threads_sleep_unless_the_user_has_it_otherwise(
    tmp_path: Path, environment: dict[str, str], spins: str
) -> None:
    settings = ["stills.steps=1", "stills.width=16", "stills.height=16", "classes.limit=1", "stills.retries=0"]
    given = [part for value in settings for part in ("--set", value)]
    command = ["-c", "from renderer.program import main; main()", "stills", "quickstart", "-o", "run", *given]
    told = ran(command, tmp_path, OMP_DISPLAY_ENV="VERBOSE", **environment).stderr  # as it has it when it is loaded
    if "GOMP_SPINCOUNT" not in told:
        pytest.skip("torch comes with another OpenMP here")
    assert f"GOMP_SPINCOUNT = '{spins}'" in told
