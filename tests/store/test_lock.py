"""One process at a time; a killed one is no obstacle."""

import subprocess
import sys
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.store.lock import holder, locked

_HOLD = """
import sys
from pathlib import Path
from renderer.store.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_and_a_killed_one_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    process = _hold(path)
    try:
        assert holder(path) == process.pid
        with pytest.raises(UserError, match=rf"process {process.pid} .*--output"), locked(path):
            pass
    finally:
        process.kill()
        process.wait()
    assert holder(path) is None
    with locked(path):
        assert holder(path) is not None
    assert holder(path) is None


def test_an_unlocked_file_has_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path / "lock") is None
    (tmp_path / "lock").write_text("12345")
    assert holder(tmp_path / "lock") is None
