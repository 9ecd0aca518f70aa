"""The README and `docs/changing.md`: every command can be pasted, one after another, and links lead somewhere."""

import ast
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torchvision import models

import renderer
from renderer.cli import main
from renderer.common.documents import documents
from renderer.common.interruption import SIGNALS
from renderer.common.photographs import CAT
from renderer.networks.torchvision_models import download_path

ROOT = Path(__file__).parents[1]
README, CHANGING = ROOT / "README.md", ROOT / "docs" / "changing.md"
QUICK = (
    "film.width=32",
    "film.height=32",
    "film.fps=4",
    "film.seconds_per_class=0.5",
    "dream.steps_per_frame=1",
    "dream.fresh_steps=2",
    "stills.width=32",
    "stills.height=32",
    "stills.steps=2",
    "run.device=cpu",
)
DOWNLOADED = ("squeezenet1_1", "mobilenet_v2", "efficientnet_b0", "resnet50")


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(document: Path) -> list[str]:
    """What is typed, in order."""
    lines = [line for block in blocks(document, "console") for line in block.splitlines()]
    return [command.strip() for line in lines for command in line.split("&&")]


def run(command: str, *changed: str) -> None:
    """Run a command, with other settings where it renders, so that it is quick."""
    name, *arguments = shlex.split(command)
    assert name == "neuron-atlas"
    shape = ["film.height=16"] if "panorama" in arguments else []
    quick = [part for value in (*changed, *shape) for part in ("--set", value)]
    if arguments[0] not in {"render", "check"}:
        quick = []
    if arguments[0] == "dream":
        quick = ["--size", "48"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *quick])
    assert ended.value.code in (0, None), command


def told_of_a_run() -> set[str]:
    """What the README says that a run's directory holds."""
    block = README.read_text(encoding="utf-8").split("```\nruns/quickstart/\n")[1].split("```")[0]
    return set(re.findall(r"^  ([\w.]+)", block, re.MULTILINE))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def _weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights without sense where torchvision keeps what it has downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name in DOWNLOADED:
            for weights in models.get_model_weights(name):
                path = download_path(weights)
                path.parent.mkdir(parents=True, exist_ok=True)
                torch.save(models.get_model(name, weights=None).state_dict(), path)


@pytest.mark.usefixtures("_weights")
def test_the_commands_of_the_readme_can_be_pasted_one_after_another() -> None:
    (written,) = blocks(README, "yaml")
    Path("terriers.yaml").write_text(written, encoding="utf-8")
    for photograph in ("me.jpg", "clouds.jpg"):
        shutil.copy(CAT, photograph)
    pasted = [command for command in commands(README) if command.startswith("neuron-atlas")]
    assert pasted[0] == "neuron-atlas render quickstart"
    for command in pasted:
        run(command, *QUICK, "classes.limit=2")
    left = {path.name for path in Path("runs/quickstart").iterdir()}
    assert left <= {*told_of_a_run(), "thumbs", "sheet.webp"} and told_of_a_run() <= {*left, "logits.npy"}


def test_the_readme_begins_with_a_moving_picture_and_two_commands() -> None:
    before, first = README.read_text(encoding="utf-8").split("```console\n", 1)
    assert re.search(r"!\[[^]]+]\(docs/images/clip\.webp\)", before)
    assert first.split("```")[0] == "pip install . && neuron-atlas render quickstart\n"


def test_the_python_of_the_readme_names_what_there_is() -> None:
    (block,) = blocks(README, "python")
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)}
    assert calls == {"renderer.dream_of", "renderer.render"}
    assert {call.removeprefix("renderer.") for call in calls} <= set(renderer.__all__)


def contents_of(run_directory: str) -> dict[str, int]:
    """The dreamed frames of a run, with when they were written."""
    return {path.name[:8]: path.stat().st_mtime_ns for path in (Path(run_directory) / "segments").iterdir()}


def test_changing_costs_what_the_document_says(capsys: pytest.CaptureFixture[str]) -> None:
    first, text, codec, page, two, three, other, another, *_measured, status, assemble = commands(CHANGING)
    run(first, *QUICK)
    dreamed = contents_of("runs/quickstart")
    for command, film in ((text, "atlas.mp4"), (codec, "atlas.webm"), (page, "atlas.mp4")):
        run(command, *QUICK)
        assert contents_of("runs/quickstart") == dreamed
        assert [path.name for path in Path("runs/quickstart").glob("atlas.[mw]*")] == [film]
    run(two, *QUICK)
    pair = contents_of("runs/growing")
    run(three, *QUICK)
    trio = contents_of("runs/growing")
    assert pair.items() < trio.items() and len(trio) == len(pair) + 1
    capsys.readouterr()
    run(other, *QUICK)
    assert "the frames of 1 of 3 classes would be dreamed anew (pizza)" in capsys.readouterr().err
    assert contents_of("runs/growing")["0187-000"] == trio["0187-000"], "the dog face is kept"
    for command in (another, status, assemble):
        run(command)
    assert (Path("runs/another-seed") / "atlas.mp4").is_file()


def anchors(document: Path) -> set[str]:
    """What a link into a document may name, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [README, *documents().values()], ids=lambda path: path.stem)
def test_links_lead_to_what_is_there(document: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_picture_is_shown() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in (README, *documents().values()))
    there = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert there == set(re.findall(r"images/([\w-]+\.webp)", shown))
