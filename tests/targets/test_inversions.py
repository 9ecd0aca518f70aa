"""What layers know of a photograph."""

from pathlib import Path

import numpy as np
import torch

from renderer.common.photographs import CAT, read_photograph
from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.inversions import Inversions
from tests.film_helpers import Recorder, chapters, request

LAYERS = ("features.1", "features.3", "features.7")
TARGETS = f"network.targets={{kind: inversion, layers: [{', '.join(LAYERS)}]}}"


def test_the_deeper_a_layer_the_less_it_knows(tmp_path: Path) -> None:
    settings = (TARGETS, "classes.select=all", "stills={width: 72, height: 48, steps: 96, retries: 0}")
    outcome = render_stills(request(tmp_path, *settings, "dream.transforms.views=2"), Recorder(), LocalWorker)
    photo = read_photograph(CAT, (48, 72)).picture.transpose(1, 2, 0).mean(2)

    def likeness(path: Path) -> float:
        return float(np.corrcoef(load_picture(path).mean(2).ravel(), photo.ravel())[0, 1])

    found = [likeness(tmp_path / str(entry.still)) for entry in outcome.index.classes]
    assert found[0] > 0.9 and found[0] > found[2] + 0.03 > 0.5
    assert all(entry.rank is None and 0 < (entry.logit or 0) <= 1 for entry in outcome.index.classes)


def test_the_photograph_itself_is_all_that_is_known() -> None:
    network = load_network(EmbeddedNetwork(targets=Inversions(layers=LAYERS)))
    aims = network.kind.known(EmbeddedNetwork(targets=network.kind))
    photo = (read_photograph(CAT, (48, 72)).picture.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    for aim in aims:
        whole, black = (network.scores(one[None], [aim])[0].activation for one in (photo, np.zeros_like(photo)))
        assert whole > 0.9999 and black < 0.5


def test_the_answer_has_no_slope_at_the_photograph() -> None:
    network = load_network(EmbeddedNetwork(targets=Inversions(layers=LAYERS)))
    view = torch.rand(1, 3, network.size, network.size)
    beside = network.activations(view, LAYERS)
    seen = {name: found.clone().requires_grad_() for name, found in network.activations(view, LAYERS).items()}
    network.kind.answers(seen, torch.tensor([[1]]), [beside]).sum().backward()
    gradient = seen[LAYERS[1]].grad
    assert gradient is not None and not gradient.any()


def test_a_film_walks_over_the_layers(tmp_path: Path) -> None:
    few = ("classes.select=all", "film.seconds_per_class=0.5", "film.blend_seconds=0.25", "dream.fresh_steps=2")
    render(request(tmp_path, TARGETS, *few), Recorder(), LocalWorker)
    assert [title for title, _ in chapters(tmp_path / "atlas.mp4")] == list(LAYERS)
