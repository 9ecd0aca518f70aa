"""Checkpoints as training leaves them are taken as they are, and what does not fit is explained in three lines."""

import logging
import pickle
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.networks.architectures import fit, fitting_names
from renderer.networks.checkpoints import parts
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.store.log_file import configure

NAME = "mobilenet_v3_small"
State = dict[str, Tensor]


def random_module(name: str = NAME, classes: int = 3, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module: nn.Module = models.get_model(name, weights=None, num_classes=classes)
    return module.eval()


@cache
def random_state(name: str = NAME, classes: int = 3, seed: int = 0) -> State:
    return dict(random_module(name, classes, seed).state_dict())


def prefixed(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def of_robust_training(state: State) -> dict[str, Any]:
    """As MadryLab's `robustness` and microsoft/robust-models-transfer write it: the same weights stand there twice."""
    normal = {"new_mean": torch.full((3, 1, 1), 0.5), "new_std": torch.full((3, 1, 1), 0.2)}
    model = prefixed("module.normalizer.", normal) | prefixed("module.model.", state)
    model |= prefixed("module.attacker.normalize.", normal) | prefixed("module.attacker.model.", state)
    return {"model": model, "optimizer": optimizer_state(), "schedule": None, "epoch": 89, "amp": None}


def optimizer_state() -> dict[str, Any]:
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return dict(optimizer.state_dict())


def averaged(state: State) -> dict[str, Any]:
    """As torchvision's own training writes moving averages."""
    return {"n_averaged": torch.tensor(10), **prefixed("module.", state)}


OTHER = random_state(seed=1)
LAYOUTS: dict[str, tuple[Callable[[State], object], str]] = {
    "state_dict": (lambda s: {"state_dict": s, "epoch": 3}, 'under "state_dict"'),
    "model": (lambda s: {"model": s, "optimizer": optimizer_state(), "arch": "small"}, 'under "model"'),
    "model_state_dict": (lambda s: {"model_state_dict": s, "loss": 0.3}, 'under "model_state_dict"'),
    "network": (lambda s: {"network": OrderedDict(s), "step": 10}, 'under "network"'),
    "any other key": (lambda s: {"net": s, "acc": 91.2}, 'under "net"'),
    "nested": (lambda s: {"checkpoint": {"model": {"state_dict": s}}}, 'under "checkpoint.model.state_dict"'),
    "with the command line": (lambda s: {"model": s, "args": Namespace(lr=0.1, name="x")}, 'under "model"'),
    "averaged by timm": (lambda s: {"state_dict": OTHER, "state_dict_ema": s}, 'under "state_dict_ema"'),
    "averaged by torchvision": (lambda s: {"model": OTHER, "model_ema": averaged(s)}, 'the prefix "module."'),
    "averaged by Lightning": (
        lambda s: {"state_dict": prefixed("model.", OTHER) | prefixed("ema_model.", s)}, 'the prefix "ema_model."'
    ),
    "not averaged, though it sounds so": (lambda s: {"model": s, "schema": OTHER}, 'under "model"'),
    "module.": (lambda s: prefixed("module.", s), 'without the prefix "module."'),
    "model.": (lambda s: {"state_dict": prefixed("model.", s)}, 'the prefix "model."'),
    "module.model.": (lambda s: prefixed("module.model.", s), 'the prefix "module.model."'),
    "backbone.": (lambda s: prefixed("backbone.", s), 'the prefix "backbone."'),
    "_orig_mod.": (lambda s: {"model": prefixed("_orig_mod.", s)}, 'the prefix "_orig_mod."'),
    "module.attacker.model.": (lambda s: {"model": prefixed("module.attacker.model.", s)}, '"module.attacker.model."'),
    "of robust training": (
        of_robust_training,
        'under "model", without the prefix "module.model.", leaving out "module.normalizer.new_mean" and 247 more',
    ),
    "a mapping that holds itself": (lambda s: _holding_itself({"model": s}), 'under "model"'),
}  # fmt: skip


def _holding_itself(mapping: dict[str, Any]) -> dict[str, Any]:
    return mapping | {"itself": mapping, "deeper": {"again": mapping}}


def load(path: Path, name: str = NAME) -> nn.Module:
    return TorchvisionNetwork(name=name, weights=str(path)).load().module.eval()


def answers(module: nn.Module) -> Tensor:
    with torch.no_grad():
        answer: Tensor = module(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    return answer


@pytest.fixture
def plain(tmp_path: Path) -> Tensor:
    """What the network answers that is loaded from nothing but a state dict."""
    torch.save(random_state(), tmp_path / "plain.pth")
    return answers(load(tmp_path / "plain.pth"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_what_the_plain_state_dict_gives(
    layout: str, plain: Tensor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    wrapped, said = LAYOUTS[layout]
    torch.save(wrapped(random_state()), tmp_path / "trained.ckpt")
    assert torch.equal(answers(load(tmp_path / "trained.ckpt")), plain)
    (note,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said in note and "trained.ckpt" in note and "\n" not in note


@pytest.mark.parametrize("ending", [".pth", ".pt", ".ckpt", ".bin", ".PTH", ".safetensors"])
def test_each_ending_is_a_file(ending: str, plain: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (save_file if ending == ".safetensors" else torch.save)(random_state(), f"weights{ending}")
    assert torch.equal(answers(load(Path(f"weights{ending}"))), plain)


def test_files_of_old_versions_of_torch_are_read(plain: Tensor, tmp_path: Path) -> None:
    torch.save({"model": random_state()}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(answers(load(tmp_path / "old.pth")), plain)


def test_what_was_unwrapped_is_said_once_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(verbose=False)
    torch.save(of_robust_training(random_state()), tmp_path / "robust.ckpt")
    torch.save(random_state(), tmp_path / "plain.pth")
    for name in ("robust.ckpt", "robust.ckpt", "plain.pth"):
        load(tmp_path / name)
    assert capsys.readouterr().err.splitlines() == [
        f'weights {tmp_path / "robust.ckpt"}: took what stands under "model", without the prefix "module.model.", '
        'leaving out "module.normalizer.new_mean" and 247 more'
    ]


def resnet(**changes: object) -> dict[str, object]:
    state: dict[str, object] = {**random_state("resnet18"), **changes}
    return {name: tensor for name, tensor in state.items() if tensor is not None}


def detector() -> State:
    with torch.random.fork_rng():
        return dict(models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).state_dict())


def bare_resnet() -> State:
    return {name: tensor for name, tensor in random_state("resnet18").items() if not name.startswith("fc.")}


class Own:
    """A class that nobody else has."""


MISFITS: dict[str, tuple[Callable[[], object], str]] = {
    "of another architecture": (lambda: random_state("squeezenet1_1"), "fits squeezenet1_1: set network.name=sq"),
    "of a deeper one": (lambda: random_state("resnet34"), "fits resnet34: set network.name=resnet34"),
    "of another one in training": (
        lambda: {"model": prefixed("module.", random_state("squeezenet1_0"))}, "network.name=squeezenet1_0"
    ),
    "of another one, averaged": (lambda: {"model_ema": averaged(random_state())}, f"set network.name={NAME}"),
    "without its last layer": (bare_resnet, 'the file is without "fc.weight" and 1 more'),
    "of self-supervised training": (lambda: prefixed("backbone.", bare_resnet()), 'without "fc.weight"'),
    "of a detector": (detector, "No architecture of torchvision fits"),
    "without a layer": (lambda: resnet(**{"layer3.0.conv1.weight": None}), 'without "layer3.0.conv1.weight'),
    "with a layer more": (lambda: resnet(extra=torch.zeros(3)), 'the model is without "extra"'),
    "with a transposed layer": (
        lambda: resnet(**{"layer2.0.conv1.weight": torch.zeros(64, 128, 3, 3)}),
        '"layer2.0.conv1.weight" is of shape (64, 128, 3, 3), not (128, 64, 3, 3) as in the model',
    ),
    "with a head that disagrees": (
        lambda: resnet(**{"fc.bias": torch.zeros(5)}), '"fc.bias" is of shape (5,), not (3,) as in the model'
    ),
    "of small pictures": (
        lambda: resnet(**{"conv1.weight": torch.zeros(64, 3, 3, 3)}), '"conv1.weight" is of shape (64, 3, 3, 3), not'
    ),
    "twice as wide": (
        lambda: {name: torch.cat([tensor] * 2) if tensor.ndim else tensor for name, tensor in resnet().items()},  # type: ignore[attr-defined,list-item]
        "and so are 99 more",
    ),
    "of whole numbers": (
        lambda: {name: tensor.to(torch.int8) for name, tensor in resnet().items()}, "whole numbers"  # type: ignore[attr-defined]
    ),
    "with an epoch among the tensors": (lambda: resnet(epoch=3), '"epoch" is no tensor, but of type int'),
    "of an optimizer": (optimizer_state, '"state" and 1 more instead'),
    "of training without weights": (lambda: {"epoch": 3, "optimizer": optimizer_state()}, "does not hold a state dict"),
    "empty": (dict, "it is empty"),
    "empty under its key": (lambda: {"state_dict": {}}, '"state_dict" instead'),
    "a list": (lambda: [torch.zeros(3)], "of type list"),
    "a text": (lambda: "resnet18", "of type str"),
    "a tensor": (lambda: torch.zeros(3), "of type Tensor"),
    "numbered": (lambda: dict(enumerate(random_state("resnet18").values())), "does not hold a state dict"),
    "names without end": (lambda: prefixed("a" * 5000, resnet()), "No architecture of torchvision fits"),
    "names of dots": (lambda: prefixed("." * 1_000_000, bare_resnet()), "the file is without"),
    "names on many lines": (lambda: prefixed("a\n" * 50, resnet()), "No architecture of torchvision fits"),
    "a whole module": (lambda: random_module("resnet18"), '"torchvision.models.resnet.ResNet", which only'),
    "a class of its own": (lambda: {"model": resnet(), "config": Own()}, "Own"),
    "numpy's numbers": (lambda: {"model": resnet(), "best": np.float64(0.7)}, "numpy"),
}  # fmt: skip


def explained(path: Path, name: str = "resnet18") -> str:
    """What is said of a file that cannot be taken; short, whatever it is."""
    with pytest.raises(UserError) as error:
        load(path, name)
    said = str(error.value)
    assert said.startswith("network.weights: ") and path.name in said
    assert len(said.splitlines()) <= 3 and max(map(len, said.splitlines())) <= 300
    return said


@pytest.mark.parametrize("kind", MISFITS)
def test_what_does_not_fit_is_explained_in_three_lines(kind: str, tmp_path: Path) -> None:
    make, problem = MISFITS[kind]
    torch.save(make(), tmp_path / "odd.pth")
    assert problem in explained(tmp_path / "odd.pth")


def write_torchscript(path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), path)


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")


def write_cut(path: Path) -> None:
    torch.save(random_state("resnet18"), path)
    path.write_bytes(path.read_bytes()[:1_000_000])


FILES: dict[str, Callable[[Path], object]] = {
    "cut": write_cut,
    "text": lambda path: path.write_text("no weights"),
    "nothing": lambda path: path.write_bytes(b""),
    "onnx": lambda path: path.write_bytes(b"\x08\x07\x12\x07pytorch\x1a\x052.1.0" + bytes(range(256)) * 8),
    "a zip": write_zip,
    "TorchScript": write_torchscript,
    "a plain pickle": lambda path: path.write_bytes(pickle.dumps({"fc.weight": [1.0, 2.0]})),
    "a page of the web": lambda path: path.write_text("<!DOCTYPE html><html>Not found</html>"),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_checkpoint_is_explained_in_three_lines(kind: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"odd{ending}"
    FILES[kind](path)
    assert "cannot be read" in explained(path)


@pytest.mark.parametrize("content", [random_state("squeezenet1_1"), {"c": Own()}, [1], {"fc.weight": torch.zeros(3)}])
def test_a_long_path_is_shown_by_its_end(content: object, tmp_path: Path) -> None:
    path = tmp_path / ("folder" * 30) / ("other" * 30) / "odd.pth"
    path.parent.mkdir(parents=True)
    torch.save(content, path)
    assert "other/odd.pth " in explained(path)


@pytest.mark.parametrize(
    "checkpoint",
    [
        random_module,
        lambda: {"model": random_module(), "epoch": 3},
        lambda: {"model": random_state(), "b": Own()},
    ],
    ids=["module", "module under a key", "state dict beside another thing"],
)
def test_the_remedy_for_files_with_code_works(
    checkpoint: Callable[[], object], plain: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(checkpoint(), tmp_path / "own.pt")
    code = explained(tmp_path / "own.pt", NAME).split("\n", 1)[1]
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102  it is what the user is told to run
    assert torch.equal(answers(load(tmp_path / "weights.pth")), plain)


def test_the_command_line_ends_with_2_and_the_explanation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(random_state("resnet18"), tmp_path / "r.ckpt")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "classes",
                "imagenet",
                "--set",
                f"network.weights={tmp_path / 'r.ckpt'}",
                "--set",
                "classes.order=similarity",
            ]
        )
    assert ended.value.code == 2
    assert "It fits resnet18: set network.name=resnet18." in capsys.readouterr().err


def empty_state(name: str) -> State:
    """As training leaves it, with the heads that only training needs; of zeros, which take no memory."""
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        shapes = models.get_model(name, weights=None, num_classes=7, **options).state_dict()
    return {key: torch.zeros(tensor.shape) for key, tensor in shapes.items()}


@pytest.mark.parametrize(
    "name",
    [
        "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet0_5", "regnet_y_400mf", "swin_v2_t",
        "shufflenet_v2_x0_5", "vgg11_bn", "vit_b_32",
    ],
)  # fmt: skip
def test_a_file_tells_of_which_architecture_it_is(name: str) -> None:
    assert fitting_names(parts({"state_dict": prefixed("module.", empty_state(name))})) == [name]


@pytest.mark.parametrize(
    ("name", "today", "published"),
    [
        ("densenet121", "denselayer1.norm1.", "denselayer1.norm.1."),
        ("vit_b_32", "encoder_layer_3.mlp.0.", "encoder_layer_3.mlp.linear_1."),
        ("vit_b_32", "encoder_layer_3.mlp.3.", "encoder_layer_3.mlp.linear_2."),
    ],
)
def test_the_old_names_of_published_files_are_known(name: str, today: str, published: str) -> None:
    state = {key.replace(today, published): tensor for key, tensor in empty_state(name).items()}
    assert state.keys() != empty_state(name).keys()
    assert fit(name, parts(state)).problem is None
