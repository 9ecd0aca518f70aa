"""Every preset, and what suits every family, really dreams."""

from functools import cache

import pytest
import torch

from renderer.dream.randomness import PictureKey
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.settings.loading import parse_settings
from renderer.settings.presets import families, presets
from tests.dream import climbing
from tests.networks.tiny import logits as logits_of

SIZE = (56, 72)
STEPS = 20
KEYS = [PictureKey(0, "0058"), PictureKey(0, "0500")]


@cache
def embedded() -> Network:
    return load_network(EmbeddedNetwork(), torch.device("cpu"))


def logits(pictures: torch.Tensor) -> list[float]:
    size = (embedded().size, embedded().size)
    views = torch.nn.functional.interpolate(pictures, size, mode="bilinear", antialias=True)
    outputs = logits_of(embedded(), views)
    return [float(outputs[place, key.number]) for place, key in enumerate(KEYS)]


@pytest.mark.parametrize(
    ("family", "preset"),
    [*(("embedded", preset) for preset in presets()), *((family, "null") for family in families())],
)
def test_it_dreams(family: str, preset: str) -> None:
    # Where there are companions, the settings are those of networks that dream together.
    begin = next(iter(families()[family].networks), "squeezenet, companions: [{source: embedded}]")
    network = "embedded" if begin == "embedded" else f"torchvision, name: {begin}"
    dream = parse_settings(f"network: {{source: {network}}}\ndream: {{preset: {preset}}}", "f.yaml").dream
    noise = climbing.noise(KEYS, SIZE)
    pictures = climbing.ascend(embedded(), dream, noise, KEYS, [0, 0], STEPS).pictures
    assert bool(torch.isfinite(pictures).all())
    assert all(after > before + 1 for before, after in zip(logits(noise), logits(pictures), strict=True))
    assert pictures.min() >= 0 and pictures.max() <= 1 and pictures.std() > 0.02
