"""`docs/networks.md`: what it tells the reader to write does what it says."""

import re
from pathlib import Path

import pytest

from renderer.jobs.commands import Request, render
from renderer.jobs.local_worker import LocalWorker
from renderer.settings.loading import load_settings
from tests.film_helpers import Recorder

DOCUMENT = Path(__file__).parents[1] / "docs" / "networks.md"


def test_a_network_of_ones_own_dreams_as_the_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = dict(re.findall(r"```(python|csv|yaml)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL))
    for kind, name in (("python", "mine.py"), ("csv", "digits.csv"), ("yaml", "digits.yaml")):
        (tmp_path / name).write_text(blocks[kind], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    short = ["film.seconds_per_class=0.25", "dream.fresh_steps=2", "dream.steps_per_frame=1"]
    settings = load_settings("digits.yaml", short).settings
    outcome = render(Request("digits", settings, tmp_path / "run"), Recorder(), LocalWorker)
    assert outcome.film
    assert [entry.title for entry in outcome.index.classes][:3] == ["zero", "one", "two"]
    assert len(list(outcome.paths.stills.iterdir())) == 10
