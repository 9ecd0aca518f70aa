"""What a machine offers, as systems show it."""

import math
import os
from pathlib import Path

import pytest

from renderer.common.processor import granted_cores, has_fast_bfloat16, usable_cores


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("own", "files", "granted"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2.0),
        ("4:memory:/x\n1:cpu,acct:/x", {"cpu/x/cpu.cfs_quota_us": "50000", "cpu/x/cpu.cfs_period_us": "100000"}, 0.5),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ("", {}, math.inf),
    ],
)
def test_control_groups_grant_cores(tmp_path: Path, own: str, files: dict[str, str], granted: float) -> None:
    for name, text in files.items():
        written(tmp_path / "groups" / name, text)
    assert granted_cores(tmp_path / "groups", written(tmp_path / "own", own)) == granted


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to processors")
def test_only_processors_that_the_process_may_run_on_count() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert 1 <= usable_cores() <= len(allowed)


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("fpu avx512f avx512_bf16", True), ("fpu amx_bf16 amx_tile", True), ("fpu avx2 avx512f avx512_vnni", False)],
)
def test_flags_tell_of_bfloat16(tmp_path: Path, flags: str, fast: bool) -> None:
    told = f"processor\t: 0\nmodel name\t: avx512_bf16 in name alone\nflags\t\t: {flags}\nbugs\t\t: none\n"
    assert has_fast_bfloat16(written(tmp_path / "cpuinfo", told)) == fast
    assert not has_fast_bfloat16(tmp_path / "none")
