"""Networks from Caffe's files answer as OpenCV, which reads the same files, says that they should, layer by layer."""

import json
import re
from math import prod
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.local_worker import LocalWorker
from renderer.networks.caffe_layers import BandNorm
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.sources.caffe import PUBLISHED, CaffeNetwork
from renderer.settings.loading import parse_settings
from renderer.settings.presets import family_of
from renderer.targets.target import OUTPUTS
from tests.film_helpers import Recorder, request
from tests.networks.caffe_writing import (
    SIDES,
    Age,
    Row,
    caffemodel,
    definition,
    prototxt,
    random_blobs,
    weight_shapes,
    write_network,
)

NAMES = sorted(PUBLISHED)
MEANS = {"alexnet": (104, 117, 123), "googlenet": (104, 117, 123)}
VGG_MEAN = (103.939, 116.779, 123.68)


def network_of(path: Path, name: str) -> Network:
    return load_network(CaffeNetwork(name=name, weights=path))


def module_name(layer: str) -> str:
    """What a layer of Caffe's is called here."""
    return layer.replace("/output", "").replace("/", ".") if layer.startswith("inception") else layer.replace("/", "_")


def as_caffe_sees(views: torch.Tensor, name: str) -> np.ndarray:
    """Blue, green and red from 0 to 255, less their mean."""
    colors = 255.0 * views.numpy()[:, ::-1] - np.reshape(MEANS.get(name, VGG_MEAN), (1, 3, 1, 1))
    return np.ascontiguousarray(colors, np.float32)


def random_views(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def answers_of_opencv(text: str, model: Path, seen: np.ndarray, layers: list[str]) -> dict[str, np.ndarray]:
    (definition_file := model.with_suffix(".prototxt")).write_text(text)
    reference = cv2.dnn.readNetFromCaffe(str(definition_file), str(model))
    reference.enableFusion(fusion=False)
    reference.setInput(seen)
    return dict(zip(layers, reference.forward(layers), strict=True))


def deviation(answer: torch.Tensor, reference: np.ndarray) -> float:
    """Largest difference, as a share of the largest number."""
    assert answer.numel() == reference.size
    return float(np.abs(answer.numpy().reshape(reference.shape) - reference).max() / np.abs(reference).max())


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_answers_as_in_opencv(tmp_path: Path, name: str) -> None:
    rows, _ = write_network(tmp_path / "v1.caffemodel", name, age="v1", legacy=True)
    network = network_of(tmp_path / "v1.caffemodel", name)
    views, layers = random_views(network.size, network.size), [row.name for row in rows]
    with torch.no_grad():
        answers = network.activations(views, [module_name(layer) for layer in layers])
    text = prototxt(rows, network.size, network.size)
    reference = answers_of_opencv(text, tmp_path / "v1.caffemodel", as_caffe_sees(views, name), layers)
    assert {
        layer: error for layer in layers if (error := deviation(answers[module_name(layer)], reference[layer])) > 1e-4
    } == {}


@pytest.mark.parametrize("name", NAMES)
def test_larger_pictures_of_any_shape_are_answered_with_the_mean_over_places(tmp_path: Path, name: str) -> None:
    rows, blobs = write_network(tmp_path / "a.caffemodel", name)
    network = network_of(tmp_path / "a.caffemodel", name)
    last, side, views = rows[-1].name, SIDES.get(name, 6), random_views(network.size + 130, network.size + 70)
    # OpenCV's fully connected layers work at one place only, so they are convolutions there.
    kernels = {"fc6": side, last: 1}
    shaped = {
        layer: (weight.reshape(len(bias), -1, *2 * (kernels.get(layer, 1),)), bias) if weight.ndim == 2 else both
        for layer, both in blobs.items()
        for weight, bias in [both]
    }
    (tmp_path / "b.caffemodel").write_bytes(caffemodel(rows, shaped))
    text = prototxt(rows, *views.shape[2:], kernels=kernels)
    (reference,) = answers_of_opencv(text, tmp_path / "b.caffemodel", as_caffe_sees(views, name), [last]).values()
    assert reference.shape[2] > reference.shape[3] >= 2
    with torch.no_grad():
        answer = network.activations(views)[OUTPUTS]
    assert answer.shape == (1, 1000)
    assert deviation(answer, reference.mean((2, 3))) < 1e-4


@pytest.mark.parametrize(
    ("age", "legacy", "doubles"),
    [
        ("v0", True, False),
        ("v1", True, False),
        ("v1", False, False),
        ("current", True, False),
        ("current", False, True),
    ],
)
def test_files_of_every_age_give_the_same_network(tmp_path: Path, age: Age, legacy: bool, doubles: bool) -> None:
    rows, blobs = write_network(tmp_path / "a.caffemodel", "vgg_cnn_s")
    (tmp_path / "b.caffemodel").write_bytes(caffemodel(rows, blobs, age, legacy=legacy, doubles=doubles))
    first, second = (
        CaffeNetwork(weights=tmp_path / file).load().module.state_dict() for file in ("a.caffemodel", "b.caffemodel")
    )
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_network_of_2015_has_the_sizes_of_its_paper(tmp_path: Path) -> None:
    write_network(tmp_path / "a.caffemodel", "vgg_cnn_s")
    network = network_of(tmp_path / "a.caffemodel", "vgg_cnn_s")
    layers = ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    with torch.no_grad():
        answers = network.activations(random_views(224, 224), layers)
    assert [answers[layer].shape[-1] for layer in layers] == [109, 37, 33, 17, 17, 6]
    full = weight_shapes(definition("vgg_cnn_s", part=1), side=6)
    assert sum(prod(shape) + shape[0] for shape in full.values()) == 102_908_520


def test_local_response_normalization_is_that_of_the_paper() -> None:
    values = 100 * torch.randn(2, 12, 5, 7, generator=torch.Generator().manual_seed(0))
    exact, squares = values.double().numpy(), values.double().numpy() ** 2
    near = [squares[:, max(0, channel - 2) : channel + 3].sum(1) for channel in range(12)]
    reference = exact / (2 + 5e-4 / 5 * np.stack(near, 1)) ** 0.75
    assert deviation(BandNorm(12, 5e-4, 2.0)(values), reference) < 1e-6
    ours, plain = (
        torch.autograd.grad(norm(leaf).square().sum(), leaf)[0]
        for norm in (BandNorm(12, 5e-4, 2.0), nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0))
        for leaf in [values.clone().requires_grad_()]
    )
    assert deviation(ours, plain.numpy()) < 1e-5


def test_another_mean_is_subtracted_where_it_is_said(tmp_path: Path) -> None:
    write_network(tmp_path / "a.caffemodel", "vgg_cnn_f")
    usual = CaffeNetwork(name="vgg_cnn_f", weights=tmp_path / "a.caffemodel")
    other = usual.model_copy(update={"mean": (113.939, 136.779, 153.68)})
    views, brighter = random_views(224, 224) / 2, torch.tensor([30, 20, 10]).view(3, 1, 1) / 255  # of red, green, blue
    with torch.no_grad():
        first = load_network(usual).activations(views)[OUTPUTS]
        second = load_network(other).activations(views + brighter)[OUTPUTS]
    assert deviation(second, first.numpy()) < 1e-4
    assert usual.identity() != other.identity()


def test_a_relative_with_other_widths_and_classes_fits(tmp_path: Path) -> None:
    """As those of VGG CNN-M, which were published with 128, 1024 and 2048 channels before the classes."""
    rows = [
        Row(row.kind, row.name, row.bottoms, {"num_output": {"fc7": 24, "fc8": 3}[row.name]})
        if row.name in ("fc7", "fc8")
        else row
        for row in definition("vgg_cnn_m")
    ]
    (tmp_path / "own.caffemodel").write_bytes(caffemodel(rows, random_blobs(rows, 6)))
    (tmp_path / "own.csv").write_text("index,title\n0,ant\n1,bee\n2,cat\n")
    source = CaffeNetwork(name="vgg_cnn_m", weights=tmp_path / "own.caffemodel", classes=tmp_path / "own.csv")
    network = load_network(source)
    assert [entry.title for entry in network.classes] == ["ant", "bee", "cat"]
    assert network.output_weights().shape == (3, 24)
    with pytest.raises(UserError, match=r"network\.classes.*3 outputs.*1000 classes"):
        load_network(source.model_copy(update={"classes": None}))


def test_seven_networks_are_listed_each_with_a_family() -> None:
    assert {row["name"]: row["weights"] for row in CaffeNetwork.choices()} == {
        "vgg_cnn_f": "VGG_CNN_F.caffemodel",
        "vgg_cnn_m": "VGG_CNN_M.caffemodel",
        "vgg_cnn_s": "VGG_CNN_S.caffemodel",
        "alexnet": "bvlc_alexnet.caffemodel",
        "googlenet": "bvlc_googlenet.caffemodel",
        "vgg16": "VGG_ILSVRC_16_layers.caffemodel",
        "vgg19": "VGG_ILSVRC_19_layers.caffemodel",
    }
    families = {name: family_of(CaffeNetwork.family({"name": name})) for name in NAMES}
    assert {name: family and family.name for name, family in families.items()} == {
        name: "inception" if name == "googlenet" else "vgg" for name in NAMES
    }


def test_the_document_names_networks_and_files_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "docs" / "caffe.md").read_text(encoding="utf-8")
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        assert isinstance(parse_settings(block, "caffe.md").network, CaffeNetwork)
    assert dict(re.findall(r"^\| `(\w+)` \| `([\w.]+)`", text, re.MULTILINE)) == {
        row["name"]: row["weights"] for row in CaffeNetwork.choices()
    }
    for address in PUBLISHED.values():
        assert address.rpartition("/")[0] + "/" in text


def test_it_goes_through_film_page_and_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_network(tmp_path / "own.caffemodel", "vgg_cnn_s", part=16, classes=6)
    (tmp_path / "c.csv").write_text("index,title\n" + "".join(f"{n},thing {n}\n" for n in range(6)))
    monkeypatch.chdir(tmp_path)
    network = {"source": "caffe", "name": "vgg_cnn_s", "weights": "own.caffemodel", "classes": "c.csv"}
    short = ("film.seconds_per_class=0.25", "dream.fresh_steps=1", "dream.steps_per_frame=1", "stills.retries=0")
    outcome = render(request(tmp_path / "run", f"network={json.dumps(network)}", *short), Recorder(), LocalWorker)
    assert not outcome.failures
    assert outcome.index.network == {"source": "caffe", "name": "vgg_cnn_s", "weights": "own.caffemodel"}
    evaluation = evaluate(tmp_path / "run", named_networks([json.dumps(network)], []), Recorder())
    assert [one.pictures for one in evaluation.network.figures] == [4, 4]


@pytest.mark.parametrize("name", ["vgg_cnn_s", "googlenet"])
def test_layers_are_dreamed_by_the_names_that_caffe_has_for_them(tmp_path: Path, name: str) -> None:
    write_network(tmp_path / "a.caffemodel", name)
    source = CaffeNetwork(name=name, weights=tmp_path / "a.caffemodel")
    expected = {"vgg_cnn_s": {"conv5": 64, "pool2": 32}, "googlenet": {"inception_4c": 64, "inception_4c.3x3": 32}}
    assert {layer: source.channels(layer) for layer in expected[name]} == expected[name]
