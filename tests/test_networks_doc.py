"""`docs/networks.md`: what it tells the reader to write does what it says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import Request, render
from renderer.jobs.local_worker import LocalWorker
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.settings.loading import load_settings, parse_settings
from renderer.targets.target import OUTPUTS
from tests.film_helpers import Recorder

DOCUMENT = Path(__file__).parents[1] / "docs" / "networks.md"


def blocks_of(heading: str) -> dict[str, str]:
    """The code under a heading, by language."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"```(python|text|yaml)\n(.*?)```", section, re.DOTALL))


def test_networks_that_dream_together_are_named_as_the_document_says() -> None:
    network = parse_settings(blocks_of("Networks that dream together")["yaml"], "together.yaml").network
    assert network.names == "squeezenet1_1, mobilenet_v2 and mine:network"


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tutorial after its first command."""
    folder = tmp_path_factory.mktemp("tutorial")
    blocks = blocks_of("A network of your own")
    for kind, name in (("python", "digits.py"), ("text", "digits.txt"), ("yaml", "digits.yaml")):
        (folder / name).write_text(blocks[kind], encoding="utf-8")
    subprocess.run([sys.executable, "digits.py"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def _there(tutorial: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tutorial)
    yield
    sys.modules.pop("digits", None)


SHORT = ["film.seconds_per_class=0.25", "film.fps=8", "film.width=64", "film.height=64"]


@pytest.mark.usefixtures("_there")
def test_the_digits_of_the_tutorial_are_dreamed_and_recognized(tutorial: Path) -> None:
    settings = load_settings("digits.yaml", [*SHORT, "dream.fresh_steps=32"]).settings
    outcome = render(Request("digits", settings, tutorial / "run"), Recorder(), LocalWorker)
    assert outcome.film
    titles = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert [entry.title for entry in outcome.index.classes] == titles
    assert len(list(outcome.paths.stills.iterdir())) == 10
    assert len(outcome.unrecognized) <= 3
    picture = load_picture(outcome.paths.stills / "0003-three.png")
    assert np.ptp(picture.astype(int), axis=2).max() <= 1


@pytest.mark.usefixtures("_there")
def test_the_tutorial_s_network_is_exported_as_the_document_says(tutorial: Path) -> None:
    blocks = blocks_of("An exported network")
    subprocess.run([sys.executable, "-c", blocks["python"]], cwd=tutorial, check=True, capture_output=True)
    exported = load_network(parse_settings(blocks["yaml"], "exported.yaml").network)
    plain = load_network(load_settings("digits.yaml", []).settings.network)
    views = torch.rand(3, 3, 32, 32, generator=torch.manual_seed(0))
    assert torch.allclose(exported.activations(views)[OUTPUTS], plain.activations(views)[OUTPUTS], atol=1e-4)


def test_mixtures_are_written_as_the_document_on_targets_says() -> None:
    text = (DOCUMENT.parent / "targets.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    targets = chosen_targets(parse_settings(example, "mixtures.yaml"))
    assert [target.title for target in targets] == ["lion", "lionfish", "lion fish"]
    assert [weight for _, weight in targets[2].units] == [1, 0.7, -0.3]
