"""Every shipped configuration is rendered, shrunk, by the program as it is."""

import re
from collections.abc import Sequence
from pathlib import Path

import av
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision import models

from renderer.jobs.commands import Request, render, render_stills
from renderer.networks.source import NetworkSource
from renderer.networks.sources.caffe import CaffeNetwork
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.loading import load_settings
from renderer.settings.shipped import shipped_configs
from renderer.targets.selection import select_classes
from renderer.targets.target import Target
from tests.film_helpers import Recorder
from tests.networks.caffe_writing import write_network

SHRUNK = (
    "film.width=48",
    "film.height=34",
    "film.fps=4",
    "film.seconds_per_class=0.5",
    "classes.limit=2",
    "dream.steps_per_frame=1",
    "dream.fresh_steps=2",
    "stills.width=40",
    "stills.height=32",
    "stills.steps=2",
    "run.device=cpu",
)


OF_STILLS_ALONE = {"generator"}


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SqueezeNet without sense, so that nothing is downloaded."""
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(models.squeezenet1_1(weights=None).state_dict(), path)
    return path


def _of_caffe(folder: Path) -> Path:
    """The network of 2015 without sense, and with an eighth of its channels."""
    path = folder / "VGG_CNN_S.caffemodel"
    if not path.exists():
        write_network(path, "vgg_cnn_s", age="v1", legacy=True)
    return path


def _with_random_weights(companion: NetworkSource, folder: Path) -> str:
    """The companion as the settings have it, but nothing is downloaded."""
    path = folder / f"{companion.label}.safetensors"
    if not path.exists():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            save_file(models.get_model(companion.label, weights=None).state_dict(), path)
    return f"{{source: torchvision, name: {companion.label}, weights: {path}}}"


def request(name: str, weights: Path, folder: Path) -> Request:
    overrides, network = list(SHRUNK), load_settings(name).settings.network
    if isinstance(network, TorchvisionNetwork):
        overrides.append(f"network.weights={weights}")
    if isinstance(network, CaffeNetwork):
        overrides.append(f"network.weights={_of_caffe(weights.parent)}")
    if network.companions:
        own = [_with_random_weights(one, weights.parent) for one in network.companions]
        overrides.append(f"network.companions=[{', '.join(own)}]")
    if load_settings(name).settings.film.projection == "equirectangular":
        overrides.append("film.height=24")
    loaded = load_settings(name, overrides)
    return Request(loaded.name, loaded.settings, folder)


@pytest.mark.parametrize("name", sorted(shipped_configs().keys() - OF_STILLS_ALONE))
def test_film(name: str, random_weights: Path, tmp_path: Path) -> None:
    asked = request(name, random_weights, tmp_path)
    outcome = render(asked, Recorder())
    assert not outcome.failures
    with av.open(str(outcome.film)) as film:
        titles = [chapter["metadata"]["title"] for chapter in film.chapters()]
        sizes = [(frame.width, frame.height) for frame in film.decode(video=0)]
    classes = 1 if name == "guide" else 2
    frames = 19 if name == "music" else 2 * classes  # 2 x 4 beats, 100 of them a minute
    assert sizes == [(48, asked.settings.film.height)] * frames
    assert titles == [entry.title for entry in outcome.index.classes] and len(titles) == classes


def test_the_film_of_2015_comes_in_two_parts_as_its_head_says() -> None:
    head = shipped_configs()["original-2015"].read_text(encoding="utf-8")
    parts = re.findall(r"render original-2015 --set '(.*)' --output", head)
    assert len(parts) == 2
    animals, others = ([entry.index for entry in _selected("original-2015", part)] for part in parts)
    assert len(animals) == 398 and sorted(animals + others) == list(range(1000))


def _selected(name: str, override: str) -> Sequence[Target]:
    settings = load_settings(name, [override]).settings
    return select_classes(settings.classes, settings.network.class_list(), seed=0, output_weights=None)


@pytest.mark.parametrize("name", ["stills", "emoji", "facets", "generator", "photo", "inversion"])
def test_stills(name: str, random_weights: Path, tmp_path: Path) -> None:
    asked = request(name, random_weights, tmp_path)
    outcome = render_stills(asked, Recorder())
    assert not outcome.failures and outcome.film is None
    sizes = [Image.open(path).size for path in sorted(outcome.paths.stills.iterdir())]
    assert sizes == [(40, 32)] * 2 * asked.settings.stills.variants
