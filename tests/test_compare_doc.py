"""`docs/compare.md`: the commands that it tells the reader to give do what it says."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.cli import main
from renderer.common.interruption import SIGNALS

DOCUMENT = Path(__file__).parents[1] / "docs" / "compare.md"
QUICK = ("film.width=32", "film.height=32", "film.seconds_per_class=0.1", "dream.fresh_steps=2")
QUICKER = ("dream.steps_per_frame=1", 'classes.select=["dog face", "pizza"]')


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def commands(block: int) -> list[list[str]]:
    """The commands of a block, without the program's name."""
    blocks = re.findall(r"```console\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line)[1:] for line in blocks[block].splitlines()]


def run(arguments: list[str]) -> None:
    quick = [part for value in (*QUICK, *QUICKER) for part in ("--set", value)] if arguments[0] == "render" else []
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *quick])
    assert ended.value.code in (0, None), arguments


def test_two_seeds_are_compared_as_the_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (*commands(0), *commands(1)):
        run(command)
    files = re.findall(r"^\| `([\w.]+)/?` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    written = Path("runs/compare-seed-0-seed-1")
    assert {path.name for path in written.iterdir()} == {*files, "state"}
    contents = json.loads((written / "compare.json").read_text(encoding="utf-8"))
    assert [run["differences"] for run in contents["runs"]] == [{"run.seed": "0"}, {"run.seed": "1"}]
    assert [row["title"] for row in contents["rows"]] == ["dog face", "pizza"]
    assert (Path("runs/seeds") / "films").is_dir()
