"""Weights are loaded by name or from a file, and whatever is wrong with them is said in one message."""

import zipfile
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.hub import load_state_dict_from_url
from torchvision import models

from renderer.common.errors import UserError
from renderer.networks.architectures import architecture_names
from renderer.networks.loaded import load_network
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.networks.torchvision_models import download_path
from tests.networks.tiny import aims, logits

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
    first, second = (logits(load_network(settings(tmp_path / name), CPU), views) for name in ("a.safetensors", "b.pth"))
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
    assert logits(network, torch.rand(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(UserError, match=r"network\.classes.*3 outputs.*1000 classes"):
        load_network(settings(tmp_path / "own.safetensors"), CPU)


def test_no_class_is_dead_at_the_start(tmp_path: Path) -> None:
    save_file(squeezenet_state(), tmp_path / "a.safetensors")
    network = load_network(settings(tmp_path / "a.safetensors"), CPU)
    views = torch.full((1, 3, 64, 64), 0.5, requires_grad=True)
    answers = logits(network, views)[0]
    dead = int((answers == 0).nonzero()[0])
    answers[dead].backward()
    assert views.grad is not None and float(views.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "mobilenet_v3_small"])
def test_files_of_other_families_fit(tmp_path: Path, name: str) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    state = models.get_model(name, weights=None, **options).state_dict()
    if name == "densenet121":  # The published files use older names.
        state = {k.replace("norm1", "norm.1").replace("conv1", "conv.1"): v for k, v in state.items()}
    torch.save(dict(state), tmp_path / "weights.pth")
    module = settings(tmp_path / "weights.pth", name).load().module
    assert not isinstance(module.eval()(torch.rand(2, 3, 64, 64)), tuple)


def test_a_published_file_is_known_by_its_name(tmp_path: Path) -> None:
    weights = models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1
    path = tmp_path / weights.url.rpartition("/")[2]
    torch.save(models.vit_b_16(weights=None, image_size=384).state_dict(), path)
    loaded = settings(path, "vit_b_16").load()
    module, preprocessing = loaded.module, loaded.preprocessing
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
        settings(path).load()
    assert "network.weights" in str(error.value) and path.name in str(error.value)
    assert capsys.readouterr().out == ""  # The pickle's code did not run.


def changed(name: str, tensor: object) -> dict[object, object]:
    """Weights of SqueezeNet for three classes, one of which is another tensor, or something else."""
    return {**squeezenet_state(classes=3), name: tensor}


HEAD = "classifier.1.weight"
BAD_STATES: dict[str, Callable[[], object]] = {
    "numbers as names": lambda: {number: torch.zeros(2) for number in range(3)},
    "no tensor": lambda: changed("epoch", 3),
    "nested without end": lambda: reduce(lambda inner, _: {"state_dict": inner}, range(50), squeezenet_state(3)),
    "scalar head": lambda: changed(HEAD, torch.tensor(1.0)),
    "head without rows": lambda: changed(HEAD, torch.zeros(0, 512, 1, 1)),
    "head of another rank": lambda: changed(HEAD, torch.zeros(3, 512)),
    "two terabytes": lambda: changed(HEAD, torch.zeros(1).expand(10**9, 512, 1, 1)),
    "more than can be counted": lambda: changed(HEAD, torch.zeros(1).expand(2**40, 2**20, 1, 1)),
    "complex": lambda: changed(HEAD, torch.zeros(3, 512, 1, 1, dtype=torch.complex64)),
    "yes and no": lambda: changed(HEAD, torch.zeros(3, 512, 1, 1, dtype=torch.bool)),
    "whole numbers": lambda: changed(HEAD, torch.zeros(3, 512, 1, 1, dtype=torch.int8)),
    "sparse": lambda: changed("classifier.1.bias", torch.zeros(3).to_sparse()),
    "without values": lambda: changed("classifier.1.bias", torch.zeros(3, device="meta")),
    "a name on two lines": lambda: changed("a\nb" * 1000, torch.zeros(3)),
    "of a vision transformer": lambda: {
        "encoder.pos_embedding": torch.zeros(1, 197, 768),
        "conv_proj.weight": torch.zeros(768, 3, 16, 16),
    },
}


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize("kind", BAD_STATES)
@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18"])
def test_whatever_a_file_holds_one_message_says_what_is_wrong(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(BAD_STATES[kind](), path)
    with pytest.raises(UserError) as error:
        settings(path, name).load()
    assert str(error.value).startswith("network.weights: ") and path.name in str(error.value)
    assert str(error.value).count("\n") < 3
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"conv_proj.weight": torch.zeros(768)}, '"conv_proj.weight" is of shape'),
        ({"encoder.pos_embedding": torch.zeros(768)}, '"encoder.pos_embedding" is of shape'),
        ({"encoder.pos_embedding": torch.zeros(1, 0, 768)}, '"encoder.pos_embedding" is of shape'),
        ({"encoder.pos_embedding": torch.zeros(1, 190, 768)}, '"encoder.pos_embedding" is of shape'),
        ({"encoder.pos_embedding": torch.zeros(1, 20_000, 768)}, '"encoder.pos_embedding" is of shape'),
    ],
)
def test_odd_places_of_a_vision_transformer_are_refused(
    tmp_path: Path, changes: dict[str, torch.Tensor], problem: str
) -> None:
    with torch.device("meta"):
        shapes = models.vit_b_32(weights=None).state_dict()
    save_file(
        {name: torch.zeros(tensor.shape) for name, tensor in shapes.items()} | changes, tmp_path / "v.safetensors"
    )
    with pytest.raises(UserError, match=problem):
        settings(tmp_path / "v.safetensors", "vit_b_32").load()


def test_a_vision_transformer_looks_at_pictures_of_the_size_that_its_file_is_for(tmp_path: Path) -> None:
    save_file(models.vit_b_32(weights=None, image_size=64).state_dict(), tmp_path / "own.safetensors")
    loaded = settings(tmp_path / "own.safetensors", "vit_b_32").load()
    module, preprocessing = loaded.module, loaded.preprocessing
    assert preprocessing.size == 64
    with torch.no_grad():
        assert module.eval()(torch.rand(1, 3, 64, 64)).shape == (1, 1000)


def test_a_compressed_file_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1_000_000)}, tmp_path / "whole.pth")
    with zipfile.ZipFile(tmp_path / "whole.pth") as whole, zipfile.ZipFile(tmp_path / "small.pth", "w") as small:
        for entry in whole.infolist():
            small.writestr(entry.filename, whole.read(entry), zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match=r"network\.weights: .*small\.pth.*compressed"):
        settings(tmp_path / "small.pth").load()


def test_a_checkpoint_of_training_on_several_devices_fits_in_any_kind_of_file(tmp_path: Path) -> None:
    state = squeezenet_state()
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    save_file(parallel, tmp_path / "a.safetensors")
    torch.save({"model": parallel, "epoch": 90}, tmp_path / "b.pth")
    for name in ("a.safetensors", "b.pth"):
        module = settings(tmp_path / name).load().module
        assert torch.equal(module.state_dict()[HEAD], state[HEAD])


def test_other_floating_point_numbers_and_those_that_are_none_are_taken(tmp_path: Path) -> None:
    state = {name: tensor.half() for name, tensor in squeezenet_state(classes=3).items()}
    state[HEAD][0] = torch.nan
    save_file(state, tmp_path / "half.safetensors")
    module = settings(tmp_path / "half.safetensors").load().module
    assert module.state_dict()[HEAD].dtype == torch.float32


def test_weights_that_give_no_number_are_told_whosever_they_are(tmp_path: Path) -> None:
    state = squeezenet_state()
    save_file(state, tmp_path / "good.safetensors")
    save_file(state | {HEAD: state[HEAD] * torch.nan}, tmp_path / "bad.safetensors")
    good, bad = (settings(tmp_path / f"{name}.safetensors") for name in ("good", "bad"))
    with pytest.raises(UserError, match=r"^network: .* no finite number"):
        load_network(bad, dtype=torch.bfloat16)
    with pytest.raises(UserError, match=r"^network\.companions\[1\]: .* no finite number"):
        load_network(good.model_copy(update={"companions": [good, bad]}))


def test_a_damaged_download_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = download_path(models.SqueezeNet1_1_Weights.IMAGENET1K_V1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no weights")
    with pytest.raises(UserError) as error:
        settings("IMAGENET1K_V1").load()
    assert str(path) in str(error.value)


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError, match=r"network\.name.*squeezenet9"):
        settings("DEFAULT", "squeezenet9").load()
    with pytest.raises(UserError, match=r"network\.weights.*IMAGENET1K_V1"):
        settings("IMAGENET1K_V9").load()


def test_a_failed_download_says_which_file_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(UserError) as error:
        settings("IMAGENET1K_V1").load()
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
    module = settings("IMAGENET1K_V1").load().module
    assert torch.equal(module.state_dict()["classifier.1.bias"], squeezenet_state()["classifier.1.bias"])


def _without_hash() -> object:
    return lambda url, **options: load_state_dict_from_url(url, **{**options, "check_hash": False})


def test_every_model_of_torchvision_is_listed() -> None:
    assert {"squeezenet1_1", "vgg16", "vit_b_16", "resnet50"} <= set(architecture_names())


def test_a_real_network_knows_what_it_sees(squeezenet_weights: Path, mobilenet_weights: Path) -> None:
    squeezenet = load_network(settings(squeezenet_weights), CPU)
    mobilenet = load_network(settings(mobilenet_weights, "mobilenet_v2"), CPU)
    gray = np.full((1, 100, 140, 3), 128, np.uint8)
    for network in (squeezenet, mobilenet):
        assert 0 < network.scores(gray, aims(0))[0].probability < 1
    assert squeezenet.output_weights().shape == (1000, 512)
    assert mobilenet.output_weights().shape == (1000, 1280)
