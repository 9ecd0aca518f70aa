"""Networks from files of torch.export and TorchScript: they answer as the original does, and dream."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from renderer.common.errors import UserError
from renderer.jobs.commands import render
from renderer.jobs.local_worker import LocalWorker
from renderer.networks.loaded import load_network
from renderer.networks.network_input import NetworkInput
from renderer.networks.sources.exported import ExportedNetwork
from tests.film_helpers import Recorder, request

SIZE = 24
INPUT = NetworkInput(size=SIZE, mean=(0.5,) * 3, std=(0.5,) * 3)
SHORT = ("film.seconds_per_class=0.25", "dream.fresh_steps=2", "dream.steps_per_frame=1")


class Small(nn.Module):
    """Six classes; the view is one that only takes pictures in torch's usual order of memory."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2))
        self.drop = nn.Dropout()
        self.classifier = nn.Linear(8 * 25, 6)

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.features(pictures)
        answers: Tensor = self.classifier(self.drop(features.view(features.shape[0], -1)))
        return answers


@pytest.fixture
def original() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


def exported(module: nn.Module, path: Path) -> None:
    free = ({0: torch.export.Dim.AUTO},)
    torch.export.save(torch.export.export(module, (torch.rand(2, 3, SIZE, SIZE),), dynamic_shapes=free), path)


def exported_for_one(module: nn.Module, path: Path) -> None:
    torch.export.save(torch.export.export(module, (torch.rand(1, 3, SIZE, SIZE),)), path)


def exported_for_two(module: nn.Module, path: Path) -> None:
    torch.export.save(torch.export.export(module, (torch.rand(2, 3, SIZE, SIZE),)), path)


def traced(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.trace(module, torch.rand(1, 3, SIZE, SIZE)), path)


def scripted(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.script(module), path)


WRITERS = pytest.mark.parametrize(
    ("write", "name"),
    [(exported, "small.pt2"), (exported_for_one, "small.pt2"), (traced, "small.pt"), (scripted, "small.pt")],
)


@WRITERS
def test_the_file_answers_as_the_original_with_a_gradient(
    write: Callable[[nn.Module, Path], None], name: str, original: nn.Module, tmp_path: Path
) -> None:
    write(original, tmp_path / name)
    network = load_network(ExportedNetwork(file=tmp_path / name, input=INPUT))
    assert [target.title for target in network.classes] == [f"class {number}" for number in range(6)]
    views = torch.rand(3, 3, SIZE, SIZE, requires_grad=True)
    gradients = [
        torch.autograd.grad(answers.square().sum(), views)[0]
        for answers in (network.activations(views)["(outputs)"], original((views - 0.5) / 0.5))
    ]
    assert torch.allclose(*gradients, atol=1e-5)
    assert gradients[0].abs().amax((1, 2, 3)).min() > 0
    views = views.detach()
    twin = network.twin()
    assert torch.equal(twin.activations(views)["(outputs)"], network.activations(views)["(outputs)"])


@WRITERS
def test_it_renders_a_film(
    write: Callable[[nn.Module, Path], None], name: str, original: nn.Module, tmp_path: Path
) -> None:
    write(original, tmp_path / name)
    said = {"source": "exported", "file": str(tmp_path / name), "input": {"size": SIZE}}
    rendered = render(request(tmp_path / "run", f"network={json.dumps(said)}", *SHORT), Recorder(), LocalWorker)
    assert rendered.index.network["name"] == "small"
    assert [entry.title for entry in rendered.index.classes] == ["class 1", "class 2", "class 3", "class 5"]


def test_layers_of_an_exported_program_can_be_dreamed(original: nn.Module, tmp_path: Path) -> None:
    layers = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6))
    exported(layers.eval(), tmp_path / "layers.pt2")
    network = load_network(ExportedNetwork(file=tmp_path / "layers.pt2", input=INPUT))
    assert [network.channels(layer) for layer in ("0", "4")] == [8, 6]


@pytest.mark.parametrize("name", ["cut.pt2", "cut.pt", "text.pt2", "state.pt"])
def test_what_is_no_such_file_is_answered_with_the_key(name: str, original: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "state.pt":
        torch.save(original.state_dict(), path)
    else:
        (exported if path.suffix == ".pt2" else traced)(original, path)
        path.write_bytes(b"no network" if "text" in name else path.read_bytes()[:900])
    with pytest.raises(UserError, match=r"network\.file: .* cannot be loaded .*torch\.export\.save"):
        load_network(ExportedNetwork(file=path, input=INPUT))


def test_a_program_for_a_fixed_number_of_pictures_is_refused(original: nn.Module, tmp_path: Path) -> None:
    exported_for_two(original, tmp_path / "two.pt2")
    with pytest.raises(UserError, match=r"in any number or one by one .*dynamic_shapes"):
        load_network(ExportedNetwork(file=tmp_path / "two.pt2", input=INPUT))


def test_pictures_of_another_size_are_answered_with_what_to_set(original: nn.Module, tmp_path: Path) -> None:
    exported(original, tmp_path / "small.pt2")
    with pytest.raises(UserError, match=r"does not take pictures of 3 x 40 x 40.*network\.input\.size"):
        load_network(ExportedNetwork(file=tmp_path / "small.pt2", input=NetworkInput(size=40)))


def test_a_missing_file_is_answered_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"network\.file: there is no file .*nowhere\.pt2"):
        load_network(ExportedNetwork(file=tmp_path / "nowhere.pt2"))


@WRITERS
def test_what_bfloat16_cannot_hold_is_no_matter(
    write: Callable[[nn.Module, Path], None], name: str, original: nn.Module, tmp_path: Path
) -> None:
    write(original, tmp_path / name)
    source = ExportedNetwork(file=tmp_path / name, input=INPUT)
    coarse = load_network(source, dtype=torch.bfloat16)
    views = torch.rand(2, 3, SIZE, SIZE)
    precise = load_network(source).activations(views)["(outputs)"]
    assert torch.equal(coarse.activations(views, precise=True)["(outputs)"], precise)
    assert coarse.parameters == sum(parameter.numel() for parameter in original.parameters())
