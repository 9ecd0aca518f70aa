"""A network that a Python function makes, through film, stills, page and evaluation."""

import json
from pathlib import Path

import pytest
import torch

from renderer.common.errors import UserError
from renderer.jobs.commands import make_page, render, render_stills
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.local_worker import LocalWorker
from renderer.networks import source as source_module
from renderer.networks.loaded import load_network
from renderer.networks.network_input import NetworkInput
from renderer.networks.sources.python import PythonNetwork
from tests.film_helpers import Recorder, frame_digests, request

MODULE = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 5), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 6))


def broken():
    raise RuntimeError("no weights here")


number = 7
"""
SETTINGS = (
    "network={source: python, name: 'own_net:build', classes: c.csv, "
    "input: {size: 32, mean: [0.5, 0.5, 0.5], std: [1, 1, 1]}}"
)
SHORT = ("film.seconds_per_class=0.25", "dream.fresh_steps=2", "dream.steps_per_frame=1", "stills.steps=3")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's, with a module and a class list, which is the current one."""
    (tmp_path / "own_net.py").write_text(MODULE)
    (tmp_path / "c.csv").write_text("index,title\n" + "".join(f"{n},thing {n}\n" for n in range(6)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_net", raising=False)
    return tmp_path


def test_it_goes_through_film_stills_page_and_evaluation(folder: Path) -> None:
    outcome = render(request(folder / "film", SETTINGS, *SHORT), Recorder(), LocalWorker)
    assert outcome.film
    assert len(frame_digests(outcome.film)) == 8
    assert [entry.title for entry in outcome.index.classes] == ["thing 1", "thing 2", "thing 3", "thing 5"]
    assert outcome.index.network == {"source": "python", "name": "own_net:build", "weights": None}
    stills = render_stills(request(folder / "stills", SETTINGS, *SHORT), Recorder(), LocalWorker)
    assert all(entry.rank and entry.still for entry in stills.index.classes)
    assert "own_net:build" in make_page(folder / "film").paths.page.read_text(encoding="utf-8")
    judge = json.dumps({"source": "python", "name": "own_net:build", "input": {"size": 32}, "classes": "c.csv"})
    evaluation = evaluate(folder / "film", named_networks([judge], []), Recorder())
    assert [one.pictures for one in evaluation.network.figures] == [4, 4]
    assert [one.pictures for one in evaluation.judges[0].figures] == [4, 4]


def test_pictures_are_normalized_as_it_says(folder: Path) -> None:
    plain, shifted = (
        load_network(PythonNetwork(name="own_net:build", input=expected, classes=Path("c.csv")))
        for expected in (NetworkInput(size=32, mean=(mean,) * 3, std=(1.0,) * 3) for mean in (0.0, 0.25))
    )
    views = torch.full((1, 3, 32, 32), 0.5)
    assert torch.allclose(
        plain.activations(views - 0.25)["(outputs)"], shifted.activations(views)["(outputs)"], atol=1e-5
    )


def test_a_run_is_not_continued_with_another_function_or_other_files(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"1")
    wanted = request(folder / "run", SETTINGS.replace("c.csv", "c.csv, reads: [weights.bin]"), *SHORT)
    render(wanted, Recorder(), LocalWorker)
    (folder / "weights.bin").write_bytes(b"2")
    with pytest.raises(UserError, match=r"network\.reads\[0\]: the file is not the one"):
        render(wanted, Recorder(), LocalWorker)
    (folder / "weights.bin").write_bytes(b"1")
    (folder / "own_net.py").write_text(MODULE.replace("manual_seed(0)", "manual_seed(1)"))
    with pytest.raises(UserError, match=r"network\.module: the file is not the one"):
        render(wanted, Recorder(), LocalWorker)


def test_modules_beside_it_that_it_imports_count_too(folder: Path) -> None:
    (folder / "pk").mkdir()
    (folder / "pk" / "__init__.py").write_text("from .net import build\n")
    (folder / "pk" / "net.py").write_text("from . import parts\n" + MODULE)
    (folder / "pk" / "parts.py").write_text("width = 8\n")
    files = PythonNetwork(name="pk:build", classes=Path("c.csv")).files()
    assert {path.name for path in files.values()} == {"__init__.py", "net.py", "parts.py"}
    before = PythonNetwork(name="pk:build", classes=Path("c.csv")).identity()
    (folder / "pk" / "parts.py").write_text("width = 9\n")
    assert PythonNetwork(name="pk:build", classes=Path("c.csv")).identity() != before


def test_only_the_network_that_dreamed_is_evaluated_as_that(folder: Path) -> None:
    render_stills(request(folder / "run", SETTINGS, *SHORT), Recorder(), LocalWorker)
    (folder / "own_net.py").write_text(MODULE.replace("manual_seed(0)", "manual_seed(1)"))
    with pytest.raises(UserError, match="not the one that dreamed"):
        evaluate(folder / "run", [], Recorder())


def test_each_device_has_a_module_of_its_own(folder: Path) -> None:
    (folder / "own_net.py").write_text(f"{MODULE}\n\nkept = build()\n\n\ndef again():\n    return kept\n")
    source = PythonNetwork(name="own_net:again", input=NetworkInput(size=32), classes=Path("c.csv"))
    assert source.load().module is not source.load().module


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:build", "there is no Python module nowhere"),
        ("nowhere.at.all:build", "there is no Python module"),
        ("own_net:missing", "^network.name: own_net has no function missing"),
        ("own_net:number", "has no function number"),
        ("own_net:broken", r"^network.name: own_net:broken failed \(RuntimeError: no weights here"),
        ("sys:exit", r"SystemExit"),
        ("builtins:list", "return a torch.nn.Module"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_network(PythonNetwork(name=name, input=NetworkInput(size=32), classes=Path("c.csv")))


@pytest.mark.parametrize("name", ["own_net", "own_net:", ":build", "own net:build", "own_net:build:more"])
def test_a_name_is_a_module_and_a_function(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"network\.name: must be text like 'package\.module:function'"):
        request(folder / "run", SETTINGS.replace("own_net:build", name))


@pytest.mark.parametrize(("outputs", "first", "last"), [(10, "class 0", "class 9"), (1000, "tench", "toilet tissue")])
def test_without_a_class_list_outputs_are_counted(outputs: int, first: str, last: str, folder: Path) -> None:
    (folder / f"net_of_{outputs}.py").write_text(MODULE.replace("32, 6)", f"32, {outputs})"))
    network = load_network(PythonNetwork(name=f"net_of_{outputs}:build", input=NetworkInput(size=32)))
    assert len(network.classes) == outputs
    assert (network.classes[0].title, network.classes[-1].title) == (first, last)


def test_networks_of_very_many_outputs_dream(folder: Path) -> None:
    (folder / "own_net.py").write_text(MODULE.replace("32, 6)", "32, 21841)"))
    (folder / "many.txt").write_text("".join(f"title {number}\n" for number in range(21841)))
    wanted = request(
        folder / "run", SETTINGS.replace("c.csv", "many.txt"), *SHORT, "classes.select=[21840, title 7]", "run.batch=2"
    )
    rendered = render(wanted, Recorder(), LocalWorker)
    assert [entry.title for entry in rendered.index.classes] == ["title 7", "title 21840"]


def test_a_module_that_flattens_with_view_dreams(folder: Path) -> None:
    """As the modules of many tutorials do; it works with pictures in torch's usual order of memory alone."""
    flat = "nn.Sequential(nn.Conv2d(3, 8, 5), Flat(), nn.Linear(8 * 28 * 28, 6))"
    flatten = "class Flat(nn.Module):\n    def forward(self, x):\n        return x.view(len(x), -1)\n"
    (folder / "flat_net.py").write_text(f"from torch import nn\n\n\n{flatten}\n\ndef build():\n    return {flat}\n")
    rendered = render(request(folder / "run", SETTINGS.replace("own_net", "flat_net"), *SHORT), Recorder(), LocalWorker)
    assert len(rendered.index.classes) == 4


def test_a_run_is_looked_at_without_its_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code may be somebody else's: only those who dream or judge run it."""
    wanted = request(folder / "run", SETTINGS.replace("classes: c.csv, ", ""), *SHORT, "classes.limit=2")
    rendered = render(wanted, Recorder(), LocalWorker)
    assert all(guess.title == f"class {guess.index}" for guess in rendered.index.classes[0].top)
    source_module._channels_by_layer.cache_clear()
    monkeypatch.setattr(PythonNetwork, "load", lambda self: pytest.fail("the network was loaded"))
    assert make_page(folder / "run").paths.page.read_text(encoding="utf-8").count("class 5")


def test_networks_that_scale_each_picture_by_its_contrast_are_taken(folder: Path) -> None:
    """Gray has none, and they divide by it."""
    (folder / "own_scaled.py").write_text(
        "import torch\n"
        "class scaled(torch.nn.Sequential):\n"
        "    def forward(self, x):\n"
        "        return super().forward((x - x.mean()) / x.std())\n"
        "def build():\n"
        "    return scaled(torch.nn.Conv2d(3, 6, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())\n"
    )
    load_network(PythonNetwork(name="own_scaled:build", input=NetworkInput(size=32), classes=Path("c.csv")))


def test_what_is_expected_counts_however_it_was_written() -> None:
    usual, written, other = (
        NetworkInput(**keys).identity()
        for keys in ({}, {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}, {"range": (0.0, 255.0)})
    )
    assert usual == written != other
    assert usual == {"size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def test_pictures_that_it_does_not_take_are_answered_with_the_key(folder: Path) -> None:
    source = PythonNetwork(name="own_net:build", input=NetworkInput(size=32, channels=1), classes=Path("c.csv"))
    with pytest.raises(UserError, match=r"own_net:build does not take pictures of 1 x 32 x 32 .*set network\.input"):
        load_network(source)
    with pytest.raises(UserError, match=r"write the module without \.py: own_net:FUNCTION"):
        load_network(PythonNetwork(name="own_net.py:build"))
