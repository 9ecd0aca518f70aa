"""`docs/networks.md`: what it tells the reader to write does what it says."""

import re
from pathlib import Path

import pytest

from renderer.jobs.commands import Request, render
from renderer.jobs.local_worker import LocalWorker
from renderer.settings.loading import load_settings, parse_settings
from tests.film_helpers import Recorder

DOCUMENT = Path(__file__).parents[1] / "docs" / "networks.md"


def blocks_of(heading: str) -> dict[str, str]:
    """The code under a heading, by language."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"```(python|csv|yaml)\n(.*?)```", section, re.DOTALL))


def test_networks_that_dream_together_are_named_as_the_document_says() -> None:
    network = parse_settings(blocks_of("Networks that dream together")["yaml"], "together.yaml").network
    assert network.names == "squeezenet1_1, mobilenet_v2 and mine:network"


def test_a_network_of_ones_own_dreams_as_the_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = blocks_of("A network of your own")
    for kind, name in (("python", "mine.py"), ("csv", "digits.csv"), ("yaml", "digits.yaml")):
        (tmp_path / name).write_text(blocks[kind], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    short = ["film.seconds_per_class=0.25", "dream.fresh_steps=2", "dream.steps_per_frame=1"]
    settings = load_settings("digits.yaml", short).settings
    outcome = render(Request("digits", settings, tmp_path / "run"), Recorder(), LocalWorker)
    assert outcome.film
    assert [entry.title for entry in outcome.index.classes][:3] == ["zero", "one", "two"]
    assert len(list(outcome.paths.stills.iterdir())) == 10
