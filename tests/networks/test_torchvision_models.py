"""Weights are loaded by name or from a file, and whatever is wrong with them is said in one message."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.hub import load_state_dict_from_url
from torchvision import models

from renderer.common.errors import UserError
from renderer.networks.loaded import load_network
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.networks.torchvision_models import download_path, load_torchvision, model_names

CPU = torch.device("cpu")


def squeezenet_state(classes: int = 1000) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(models.squeezenet1_1(weights=None, num_classes=classes).state_dict())


def settings(weights: Path | str, name: str = "squeezenet1_1", classes: Path | None = None) -> TorchvisionNetwork:
    return TorchvisionNetwork(name=name, weights=str(weights), classes=classes)


def test_a_file_of_either_kind_gives_the_same_network(tmp_path: Path) -> None:
    save_file(squeezenet_state(), tmp_path / "a.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in squeezenet_state().items()}}, tmp_path / "b.pth")
    views = torch.rand(1, 3, 64, 64)
    first, second = (load_network(settings(tmp_path / name), CPU).logits(views) for name in ("a.safetensors", "b.pth"))
    assert torch.equal(first, second)


def test_input_and_classes_come_with_the_network(tmp_path: Path) -> None:
    save_file(squeezenet_state(), tmp_path / "a.safetensors")
    network = load_network(settings(tmp_path / "a.safetensors"), CPU)
    assert network.size == 224
    assert network.classes[281].wnid == "n02123045"


def test_a_network_of_ones_own_brings_its_classes(tmp_path: Path) -> None:
    save_file(squeezenet_state(classes=3), tmp_path / "own.safetensors")
    (tmp_path / "own.csv").write_text("index,title\n0,ant\n1,bee\n2,cat\n")
    network = load_network(settings(tmp_path / "own.safetensors", classes=tmp_path / "own.csv"), CPU)
    assert [record.title for record in network.classes] == ["ant", "bee", "cat"]
    assert network.logits(torch.rand(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(UserError, match=r"network\.classes.*3 outputs.*1000 classes"):
        load_network(settings(tmp_path / "own.safetensors"), CPU)


def test_no_class_is_dead_at_the_start(tmp_path: Path) -> None:
    save_file(squeezenet_state(), tmp_path / "a.safetensors")
    network = load_network(settings(tmp_path / "a.safetensors"), CPU)
    views = torch.full((1, 3, 64, 64), 0.5, requires_grad=True)
    logits = network.logits(views)[0]
    dead = int((logits == 0).nonzero()[0])
    logits[dead].backward()
    assert views.grad is not None and float(views.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "mobilenet_v3_small"])
def test_files_of_other_families_fit(tmp_path: Path, name: str) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    state = models.get_model(name, weights=None, **options).state_dict()
    if name == "densenet121":  # The published files use older names.
        state = {k.replace("norm1", "norm.1").replace("conv1", "conv.1"): v for k, v in state.items()}
    torch.save(dict(state), tmp_path / "weights.pth")
    module, _ = load_torchvision(settings(tmp_path / "weights.pth", name))
    assert not isinstance(module.eval()(torch.rand(2, 3, 64, 64)), tuple)


def test_a_published_file_is_known_by_its_name(tmp_path: Path) -> None:
    weights = models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1
    path = tmp_path / weights.url.rpartition("/")[2]
    torch.save(models.vit_b_16(weights=None, image_size=384).state_dict(), path)
    module, preprocessing = load_torchvision(settings(path, "vit_b_16"))
    assert preprocessing.size == 384
    with torch.no_grad():
        assert module.eval()(torch.rand(1, 3, 384, 384)).shape == (1, 1000)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("run",))


def wrong_files(folder: Path) -> dict[str, Path]:
    paths = {name: folder / f"{name}.pth" for name in ("evil", "text", "list", "other")}
    torch.save({"x": _Evil()}, paths["evil"])
    paths["text"].write_text("no weights")
    torch.save([1, 2], paths["list"])
    torch.save({"fc.weight": torch.zeros(2, 2)}, paths["other"])
    cut = folder / "cut.safetensors"
    save_file(squeezenet_state(), cut)
    cut.write_bytes(cut.read_bytes()[:100_000])
    return {**paths, "cut": cut, "missing": folder / "missing.pth"}


@pytest.mark.parametrize("kind", ["evil", "text", "list", "other", "cut", "missing"])
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = wrong_files(tmp_path)[kind]
    with pytest.raises(UserError) as error:
        load_torchvision(settings(path))
    assert "network.weights" in str(error.value) and path.name in str(error.value)
    assert capsys.readouterr().out == ""  # The pickle's code did not run.


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"network\.name.*squeezenet9"):
        load_torchvision(settings("DEFAULT", "squeezenet9"))
    with pytest.raises(UserError, match=r"network\.weights.*IMAGENET1K_V1"):
        load_torchvision(settings("IMAGENET1K_V9"))


def test_a_failed_download_says_which_file_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(UserError) as error:
        load_torchvision(settings("IMAGENET1K_V1"))
    weights = models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    assert weights.url in str(error.value)
    assert str(download_path(weights)) in str(error.value)
    assert "--set network.weights=" in str(error.value)


def test_a_file_put_there_by_hand_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = download_path(models.SqueezeNet1_1_Weights.IMAGENET1K_V1)
    path.parent.mkdir(parents=True)
    torch.save(squeezenet_state(), path)
    monkeypatch.setattr("torch.hub._is_legacy_tar_format", lambda *a: False, raising=False)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", _without_hash(), raising=True)
    module, _ = load_torchvision(settings("IMAGENET1K_V1"))
    assert torch.equal(module.state_dict()["classifier.1.bias"], squeezenet_state()["classifier.1.bias"])


def _without_hash() -> object:
    return lambda url, **options: load_state_dict_from_url(url, **{**options, "check_hash": False})


def test_every_model_of_torchvision_is_listed() -> None:
    assert {"squeezenet1_1", "vgg16", "vit_b_16", "resnet50"} <= set(model_names())


def test_a_real_network_knows_what_it_sees(squeezenet_weights: Path, mobilenet_weights: Path) -> None:
    squeezenet = load_network(settings(squeezenet_weights), CPU)
    mobilenet = load_network(settings(mobilenet_weights, "mobilenet_v2"), CPU)
    gray = np.full((1, 100, 140, 3), 128, np.uint8)
    for network in (squeezenet, mobilenet):
        assert 0 < network.scores(gray, [0])[0].probability < 1
    assert squeezenet.output_weights().shape == (1000, 512)
    assert mobilenet.output_weights().shape == (1000, 1280)
