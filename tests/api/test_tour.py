"""The notebook and the page about Python: executed as users do, in a kernel of Jupyter."""

import ast
import base64
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

import renderer

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOUR = DOCS / "tour.ipynb"
MOST_BYTES = 200_000
INTERRUPTED = """
import os, signal, renderer

class Pressed:
    left = 3
    def begin(self, unit, *, total, done): pass
    def advance(self, amount, showing):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)  # as Jupyter does
    def end(self): pass
    def note(self, text): pass

tiny = dict(
    classes={"select": ["pizza"]},
    film={"width": 32, "height": 24, "fps": 4, "seconds_per_class": 1},
    dream={"steps_per_frame": 1, "fresh_steps": 8},
)
try:
    renderer.render("quickstart", "run", progress=Pressed(), **tiny)
except KeyboardInterrupt:
    print(renderer.open_run("run").status.is_finished)
"""


def executed(notebook: Any, folder: Path) -> Any:
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook: Any, kind: str) -> list[str]:
    """All that is displayed as a kind of data."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"][kind] for output in found if output.get("data", {}).get(kind)]


def printed(notebook: Any) -> str:
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output["text"] for output in found if output["output_type"] == "stream")


def test_the_tour_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    tour = executed(nbformat.read(TOUR, as_version=4), tmp_path)
    pictures = [Image.open(BytesIO(base64.b64decode(data))) for data in outputs(tour, "image/png")]
    assert [picture.size for picture in pictures] == [(160, 160)] * 2
    gallery, run = outputs(tour, "text/html")
    assert gallery.count("<figcaption>") == run.count("<figcaption>") == 3
    assert "<video" in run
    assert "overrides: film.widht: unknown key; did you mean film.width?" in printed(tour)
    assert printed(tour).count("probability") == 4
    assert (tmp_path / "runs" / "tour" / "atlas.mp4").is_file()


def test_the_tour_is_saved_small_and_with_its_pictures() -> None:
    assert TOUR.stat().st_size < MOST_BYTES
    saved = nbformat.read(TOUR, as_version=4)
    nbformat.validate(saved)
    assert len(outputs(saved, "image/png")) == len(outputs(saved, "text/html")) == 2
    for text in (printed(saved), *outputs(saved, "text/plain")):
        assert not re.search(r"Error|(^|\s)/\w", text), "an error, or the path of somebody's own folder"


def test_a_cell_that_is_stopped_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    cells = [INTERRUPTED, 'run = renderer.render("quickstart", "run", **tiny)\nprint(run.status.is_finished)', "run"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    executed(notebook, tmp_path)
    assert printed(notebook) == "False\nTrue\n"
    assert "<video" in outputs(notebook, "text/html")[-1]
    assert notebook.cells[1].outputs[0]["output_type"] == "display_data", "the bar, which is taken away at the end"


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(), re.DOTALL))
def test_the_page_names_what_there_is(block: str) -> None:
    tree = ast.parse(block)
    named = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_renderer(node.value)]
    assert named
    assert set(named) <= set(renderer.__all__)


def is_renderer(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "renderer"


def test_the_page_has_all_functions() -> None:
    rows = re.findall(r"^\| `(\w+)\(", (DOCS / "python.md").read_text(), re.MULTILINE)
    assert rows == ["load", "dream_of", "render", "stills", "open_run", "unload"]
    assert set(rows) == {name for name in renderer.__all__ if name.islower()}
