"""Channels of a hidden layer, through film, stills, page and evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import render, render_stills
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.local_worker import LocalWorker
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.layer_channels import LayerChannels
from tests.film_helpers import Recorder, chapters, frame_digests, request, tiny_settings
from tests.networks.tiny import CLASSES, tiny_network

LAYER = "features.3"
SETTINGS = (f"network.targets={{kind: channels, layer: {LAYER}}}", "dream.fresh_steps=4", "film.seconds_per_class=0.5")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a film of four channels."""
    directory = tmp_path_factory.mktemp("channels") / "run"
    render(request(directory, *SETTINGS), Recorder(), LocalWorker)
    return directory


def test_a_film_of_channels_has_their_titles_stills_and_page(film: Path) -> None:
    titles = [f"{LAYER} · {unit}" for unit in (1, 2, 3, 5)]
    assert [title for title, _ in chapters(film / "atlas.mp4")] == titles
    assert len(frame_digests(film / "atlas.mp4")) == 16
    index = json.loads((film / "atlas.json").read_text())["classes"]
    assert [(entry["index"], entry["title"], entry["rank"]) for entry in index] == [
        (unit, title, None) for unit, title in zip((1, 2, 3, 5), titles, strict=True)
    ]
    assert [entry["still"] for entry in index] == [f"stills/{LAYER}-{unit:04d}.png" for unit in (1, 2, 3, 5)]
    assert all((film / entry["still"]).is_file() for entry in index)
    page = (film / "index.html").read_text(encoding="utf-8")
    # The key is what the page's addresses end with.
    assert titles[0] in page and f'"key":"{LAYER}-0001"' in page


def test_every_still_excites_its_own_channel_more_than_noise_does(tmp_path: Path) -> None:
    wanted = request(
        tmp_path, *SETTINGS, "stills.width=128", "stills.height=96", "stills.steps=32", "run.precision=float32"
    )
    outcome = render_stills(wanted, Recorder(), LocalWorker)
    network = load_network(EmbeddedNetwork(targets=LayerChannels(layer=LAYER)))
    targets = chosen_targets(wanted.settings)
    gray = np.random.default_rng(0).normal(128, 13, (96, 128, 3)).clip(0, 255).astype(np.uint8)
    for entry, target in zip(outcome.index.classes, targets, strict=True):
        (dreamed,) = network.scores(load_picture(tmp_path / str(entry.still))[None], [target])
        (plain,) = network.scores(gray[None], [target])
        assert dreamed.activation > plain.activation + 0.02
        assert entry.logit == pytest.approx(dreamed.activation, abs=1e-4)
    assert not outcome.unrecognized


def test_a_channel_answers_by_its_mean_whatever_the_scale_of_the_layer() -> None:
    network = load_network(EmbeddedNetwork(targets=LayerChannels(layer=LAYER)))
    seen = network.activations(torch.rand(2, 3, network.size, network.size), [LAYER])
    answers, units = network.kind.answers, torch.tensor([[3], [5]])
    share = seen[LAYER][:, 3].mean(dim=(1, 2)) / seen[LAYER].square().mean(dim=(1, 2, 3)).sqrt()
    assert torch.allclose(answers(seen, torch.tensor([[3], [3]])), 10 * share[:, None])
    assert torch.allclose(answers({LAYER: 100 * seen[LAYER]}, units), answers(seen, units), rtol=1e-4)
    assert torch.equal(answers({LAYER: 0 * seen[LAYER]}, units), torch.zeros(2, 1))
    assert network.kind.rivals(seen) is None


def test_the_dreaming_network_is_asked_and_others_cannot_be(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = evaluate(film, [], Recorder())
    (figures, *_) = evaluation.network.figures
    assert figures.top_1 is None and figures.mean_activation is not None
    with pytest.raises(UserError, match="classes only"):
        evaluate(film, named_networks(["embedded"], []), Recorder())
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(film), "--worst", "3"])
    assert ended.value.code == 0
    assert "mean activation" in capsys.readouterr().out


def test_a_finished_film_of_channels_is_not_dreamed_again(film: Path) -> None:
    before = (film / "atlas.mp4").read_bytes()
    render(request(film, *SETTINGS), Recorder(), lambda settings: pytest.fail("nothing is left to dream"))
    assert (film / "atlas.mp4").read_bytes() == before
    with pytest.raises(UserError, match=r"network\.targets\.layer: was \"features\.3\", is \"features\.4\""):
        render(request(film, *SETTINGS, "network.targets.layer=features.4"), Recorder(), LocalWorker)


@pytest.mark.parametrize(("layer", "message"), [("featurs.3", "features.3"), ("classifier.9", "no layer")])
def test_a_layer_that_is_not_there_is_named(layer: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        chosen_targets(tiny_settings(f"network.targets={{kind: channels, layer: {layer}}}"))


def test_the_channels_of_tokens_are_not_the_tokens() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.answer = nn.Flatten(2), nn.Linear(3, CLASSES)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = nn.functional.layer_norm(self.tokens(x).movedim(1, 2), [3])
            answer: torch.Tensor = self.answer(self.mixed(rows).mean(1))
            return answer

    module = Tokens()
    module.mixed = nn.Identity()
    assert tiny_network(module=module).channels("mixed") == 3


def test_a_layer_that_is_missing_is_asked_for() -> None:
    with pytest.raises(UserError, match=r"network\.targets\.layer: is missing; set it to text like 'features\.12'"):
        tiny_settings("network.targets={kind: channels}")
