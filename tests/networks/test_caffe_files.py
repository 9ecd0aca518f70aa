"""Whatever a `.caffemodel` file holds, one message says what is wrong with it."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.networks.loaded import load_network
from renderer.networks.sources.caffe import PUBLISHED, CaffeNetwork
from renderer.networks.sources.embedded import EmbeddedNetwork
from tests.networks.caffe_writing import (
    Blobs,
    Row,
    blob,
    caffemodel,
    counted,
    definition,
    held,
    layer,
    prototxt,
    random_blobs,
    write_network,
)

ROWS = definition("vgg_cnn_f", part=16, classes=10)
BLOBS = random_blobs(ROWS, side=6)
CONV1 = ROWS[0]


def refusal(path: Path, name: str = "vgg_cnn_f") -> str:
    """What is said of a file, which is one short message about it."""
    with pytest.raises(UserError) as error:
        CaffeNetwork(name=name, weights=path).load()
    message = str(error.value)
    assert message.startswith(f"network.weights: {path} ") and len(message) < 1000 and message.count("\n") < 3
    return message


def with_blobs(name: str, *arrays: np.ndarray) -> Blobs:
    return {**BLOBS, name: arrays}


def file_with(first: bytes) -> bytes:
    """A file whose first layer is another."""
    return first + caffemodel(ROWS[1:], BLOBS)


def swapped(first: str, second: str) -> list[Row]:
    """The same layers, two of them in each other's place, as in a network that pools before it normalizes."""
    names = [row.name for row in ROWS]
    order = {names.index(first): names.index(second), names.index(second): names.index(first)}
    return [ROWS[order.get(place, place)] for place in range(len(ROWS))]


WEIGHT, BIAS = BLOBS["conv1"]
WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "it is empty"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "its definition": (lambda: prototxt(ROWS, 224, 224).encode(), r"not its \.prototxt"),
    "a page of an error": (lambda: b"<!DOCTYPE html>\n<title>404</title>", "Is it whole"),
    "other numbers": (lambda: np.random.default_rng(0).bytes(10_000), "Is it whole"),
    "a name only": (lambda: held(1, "net"), "it holds no layers"),
    "layers without end": (lambda: held(100, b"") * 200_000, "more than 100,000 pieces"),
    "blobs without end": (lambda: held(100, held(7, b"") * 200_000), "more than 100,000 pieces"),
    "cut": (lambda: caffemodel(ROWS, BLOBS)[:100_000], "it is damaged"),
    "cut between two layers": (lambda: caffemodel(ROWS[:-1], BLOBS), "without the layer fc8; it has 'conv1, "),
    "without weights": (lambda: caffemodel(ROWS, {}), "without the layer conv1"),
    "without biases": (lambda: caffemodel(ROWS, with_blobs("conv1", WEIGHT)), "with 1 arrays in place of two"),
    "a layer twice": (lambda: caffemodel([CONV1, *ROWS], BLOBS), "weights for 'conv1' twice"),
    "a layer more": (
        lambda: caffemodel([*ROWS, Row("Convolution", "conv9", ())], with_blobs("conv9", WEIGHT, BIAS)),
        "also has weights for 'conv9'",
    ),
    "another name": (lambda: caffemodel(ROWS, {**BLOBS, "fc8_own": BLOBS["fc8"], "fc8": ()}), "without the layer fc8"),
    "height and width for channels": (
        lambda: caffemodel(ROWS, with_blobs("conv1", WEIGHT.transpose(0, 2, 3, 1), BIAS)),
        r"conv1 has weights of shape \(4, 11, 11, 3\)",
    ),
    "another kernel": (lambda: caffemodel(ROWS, with_blobs("conv1", WEIGHT[..., :7, :7], BIAS)), "layer conv1 has"),
    "too few biases": (lambda: caffemodel(ROWS, with_blobs("conv1", WEIGHT, BIAS[:3])), r"and \(3,\)"),
    "another order": (lambda: caffemodel(swapped("norm1", "pool1"), BLOBS), "its layer pool1 works before norm1"),
    "another stride": (
        lambda: file_with(layer(Row("Convolution", "conv1", (), {"stride": 2}), map(blob, (WEIGHT, BIAS)), "v1")),
        "conv1 has a stride of 2, in the network of 4",
    ),
    "not a number": (lambda: caffemodel(ROWS, with_blobs("conv1", np.nan * WEIGHT, BIAS)), "are not all numbers"),
    "endless numbers": (lambda: caffemodel(ROWS, with_blobs("conv1", np.inf * WEIGHT, BIAS)), "are not all numbers"),
}  # fmt: skip
SHAPES = {
    "petabytes": (2**40, 2**20, 11, 11),
    "nothing": (0, 3, 11, 11),
    "less than nothing": (-4, -3, 11, 11),
    "that overflows to the right count": (2**62, 2**2, 1, 4 * 3 * 11 * 11),
    "without end": (2,) * 400_000,
    "one more": (5, 3, 11, 11),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_explained(tmp_path: Path, kind: str) -> None:
    contents, problem = WRONG[kind]
    (tmp_path / "a.caffemodel").write_bytes(contents())
    with pytest.raises(UserError, match=problem):
        CaffeNetwork(name="vgg_cnn_f", weights=tmp_path / "a.caffemodel").load()
    refusal(tmp_path / "a.caffemodel")


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("legacy", [True, False])
def test_a_shape_that_is_only_declared_takes_no_memory(tmp_path: Path, kind: str, legacy: bool) -> None:
    shape = SHAPES[kind][:4] if legacy else SHAPES[kind]
    false = [blob(WEIGHT, legacy=legacy, shape=shape), blob(BIAS)]
    (tmp_path / "a.caffemodel").write_bytes(file_with(layer(CONV1, false, "current")))
    said = refusal(tmp_path / "a.caffemodel")
    assert "the weights of layer 'conv1' are not whole: (" in said or "where a few numbers belong" in said


def test_numbers_that_are_missing_are_missed(tmp_path: Path) -> None:
    false = [held(7, held(1, b"\x04\x03\x0b\x0b")), blob(BIAS)]
    (tmp_path / "a.caffemodel").write_bytes(file_with(layer(CONV1, false, "current")))
    assert "(4, 3, 11, 11) is declared, and 0 bytes" in refusal(tmp_path / "a.caffemodel")


def test_a_file_larger_than_any_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.caffemodel").open("wb") as file:
        file.truncate(2**40)  # which takes no place on the disk
    assert "1099.5 GB" in refusal(tmp_path / "a.caffemodel")


@pytest.mark.parametrize("age", ["v0", "v1", "current"])
def test_a_file_with_some_bytes_changed_or_cut_off_is_read_or_explained(tmp_path: Path, age: str) -> None:
    rng, whole, path = np.random.default_rng(0), caffemodel(ROWS, BLOBS, age), tmp_path / "a.caffemodel"
    starts = [whole.index(row.name.encode()) for row in ROWS]
    refused = 0
    for case in range(60):
        damaged = bytearray(whole)
        for _ in range(3):  # where names, lengths and shapes are
            damaged[rng.choice(starts) + int(rng.integers(-8, 40))] = rng.integers(256)
        path.write_bytes(damaged[: int(rng.integers(len(whole)))] if case % 3 == 0 else damaged)
        try:
            CaffeNetwork(name="vgg_cnn_f", weights=path).load()
        except UserError as error:
            refused += 1
            assert str(error).startswith(f"network.weights: {path} ") and len(str(error)) < 1000
    assert refused > 30


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each network."""
    folder = tmp_path_factory.mktemp("files")
    for name in PUBLISHED:
        write_network(folder / f"{name}.caffemodel", name, part=16, classes=10, age="v1", legacy=True)
    return {name: folder / f"{name}.caffemodel" for name in PUBLISHED}


@pytest.mark.parametrize(("stored", "wanted"), list(permutations(sorted(PUBLISHED), 2)))
def test_no_network_is_taken_for_another(files: dict[str, Path], stored: str, wanted: str) -> None:
    assert f"does not fit network.name {wanted}: " in refusal(files[stored], wanted)


def test_heads_that_served_training_alone_are_passed_over(tmp_path: Path) -> None:
    rows = definition("googlenet", classes=10)
    head = Row("InnerProduct", "loss1/classifier", ("pool3/3x3_s2",), {"num_output": 10})
    blobs = random_blobs([*rows, head], side=1)
    (tmp_path / "a.caffemodel").write_bytes(caffemodel([*rows[:40], head, *rows[40:]], blobs))
    assert CaffeNetwork(name="googlenet", weights=tmp_path / "a.caffemodel").load().module


def test_of_a_missing_file_it_is_said_where_it_was_published_and_where_to_put_it(tmp_path: Path) -> None:
    source = CaffeNetwork(weights=tmp_path / "gone.caffemodel")
    for ask in (source.load, source.identity, source.existing_files):
        with pytest.raises(UserError) as error:
            ask()
        message = str(error.value)
        assert message.startswith(f"network.weights: there is no file {tmp_path / 'gone.caffemodel'}")
        assert "fetch http://www.robots.ox.ac.uk/~vgg/software/deep_eval/releases/bvlc/VGG_CNN_S.caffemodel" in message
        assert message.endswith("--set network.weights=/path/to/VGG_CNN_S.caffemodel")
    together = EmbeddedNetwork(companions=(source,))
    with pytest.raises(UserError, match=r"^network\.companions\[0\]\.weights: there is no file (.|\n)*mapping of the"):
        together.existing_files()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"network\.weights: there is no file"):
        load_network(CaffeNetwork(weights=tmp_path))


def test_a_field_that_nobody_asked_for_does_not_matter(tmp_path: Path) -> None:
    newer = counted(250, 7) + held(251, b"newer") + caffemodel(ROWS, BLOBS)
    (tmp_path / "a.caffemodel").write_bytes(newer)
    assert CaffeNetwork(name="vgg_cnn_f", weights=tmp_path / "a.caffemodel").load().module
