"""The wheel that is built: what is in it, and that the program works from it alone."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder in which it is installed, and nothing else."""
    target = wheel.parent / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(target), str(wheel)], check=True)
    return target


def test_it_has_all_that_the_program_reads_and_no_pictures(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    ours = [path.relative_to(ROOT) for path in (ROOT / "renderer").rglob("*") if path.is_file()]
    assert {path.as_posix() for path in ours if "__pycache__" not in path.parts} <= names
    for folder in ("docs", "docs/farm", "configs"):
        shipped = {f"renderer/{folder}/{path.name}" for path in (ROOT / folder).iterdir() if path.is_file()}
        assert shipped == {name for name in names if name.rpartition("/")[0] == f"renderer/{folder}"}
    assert "renderer/py.typed" in names


def test_the_program_works_from_it_alone(installed: Path, tmp_path: Path) -> None:
    script = (
        f"import renderer; assert renderer.__file__.startswith({str(installed)!r}); from renderer.program import main"
    )

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", f"{script}; main()", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    assert "settings" in run("docs")
    assert run("docs", "networks") == (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    run("init", "mine")
    assert (tmp_path / "neuron-atlas.schema.json").stat().st_size > 10_000
    assert "ok       text" in run("check", "mine.yaml", "--quick")
    assert len(run("classes", "quickstart").splitlines()) == 13
