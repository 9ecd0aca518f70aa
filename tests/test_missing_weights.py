"""Tests pass in a fork that has no trained weights, also in continuous integration, and say what they left out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
def test_one(squeezenet_weights): assert squeezenet_weights.is_file()
def test_both(squeezenet_weights, mobilenet_weights): pass
def test_without(): pass
"""


def run_tests(checkout: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run three tests, two of which need weights, in a checkout of their own."""
    (checkout / "tests").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("conftest.py"), checkout / "tests")
    (checkout / "tests" / "test_some.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir=.", "tests"]
    return subprocess.run(
        command, cwd=checkout, env=environment | variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}], ids=["by hand", "in continuous integration"])
def test_without_weights_tests_are_skipped_and_counted(tmp_path: Path, variables: dict[str, str]) -> None:
    done = run_tests(tmp_path / "fork", variables)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    weights = tmp_path / "shared" / "weights"
    assert f"there is no {weights / 'squeezenet1_1_imagenet.safetensors'}; not tested: " in done.stdout
    assert f"2 tests were skipped for want of weights in {weights}.\nNot tested: " in done.stdout


def test_with_weights_nothing_is_skipped_or_said(tmp_path: Path) -> None:
    weights = tmp_path / "shared" / "weights"
    weights.mkdir(parents=True)
    for name in ("squeezenet1_1_imagenet.safetensors", "mobilenet_v2_imagenet.safetensors"):
        (weights / name).touch()
    done = run_tests(tmp_path / "fork", {"CI": "true"})
    assert "3 passed" in done.stdout
    assert "for want of weights" not in done.stdout
