"""Files for Caffe, written by tests: definitions of the networks as the papers have them, and weights without sense.

Nothing here is shared with what is tested: messages are put together byte by byte, and the definitions go to OpenCV.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Age = Literal["v0", "v1", "current"]
Blobs = Mapping[str, tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Row:
    """A layer of a definition; its parameters are in Caffe's words."""

    kind: str
    name: str
    bottoms: tuple[str, ...]
    said: Mapping[str, object] = field(default_factory=dict)


def chain(*rows: tuple[str, str, dict[str, object]], bottom: str = "data") -> Iterator[Row]:
    """Layers one after another."""
    for kind, name, said in rows:
        yield Row(kind, name, (bottom,), said)
        bottom = name


def conv(name: str, outputs: int, kernel: int, **said: int) -> tuple[str, str, dict[str, object]]:
    return "Convolution", name, {"num_output": outputs, "kernel_size": kernel, **said}


def relu(name: str) -> tuple[str, str, dict[str, object]]:
    return "ReLU", name, {}


def norm(name: str, alpha: float = 1e-4, k: float = 1.0) -> tuple[str, str, dict[str, object]]:
    return "LRN", name, {"local_size": 5, "alpha": alpha, "beta": 0.75, "k": k}


def pool(name: str, kernel: int, stride: int, pad: int = 0, how: str = "MAX") -> tuple[str, str, dict[str, object]]:
    return "Pooling", name, {"pool": how, "kernel_size": kernel, "stride": stride, "pad": pad}


def fc(name: str, outputs: int) -> tuple[str, str, dict[str, object]]:
    return "InnerProduct", name, {"num_output": outputs}


def _classifier(part: int, classes: int) -> list[tuple[str, str, dict[str, object]]]:
    wide = 4096 // part
    return [fc("fc6", wide), relu("relu6"), fc("fc7", wide), relu("relu7"), fc("fc8", classes)]


def _vgg(part: int, classes: int, deep: int) -> Iterator[Row]:
    rows = []
    for block, (wide, count) in enumerate([(64, 2), (128, 2), (256, deep), (512, deep), (512, deep)], start=1):
        for n in range(1, count + 1):
            rows += [conv(f"conv{block}_{n}", wide // part, 3, pad=1), relu(f"relu{block}_{n}")]
        rows.append(pool(f"pool{block}", 2, 2))
    return chain(*rows, *_classifier(part, classes))


_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def _inception(name: str, bottom: str, part: int) -> Iterator[Row]:
    one, reduce3, three, reduce5, five, projected = (wide // part for wide in _INCEPTIONS[name])
    at = f"inception_{name}/"
    branches = [
        [conv(f"{at}1x1", one, 1), relu(f"{at}relu_1x1")],
        [conv(f"{at}3x3_reduce", reduce3, 1), relu(f"{at}relu_3x3_reduce"),
         conv(f"{at}3x3", three, 3, pad=1), relu(f"{at}relu_3x3")],
        [conv(f"{at}5x5_reduce", reduce5, 1), relu(f"{at}relu_5x5_reduce"),
         conv(f"{at}5x5", five, 5, pad=2), relu(f"{at}relu_5x5")],
        [pool(f"{at}pool", 3, 1, 1), conv(f"{at}pool_proj", projected, 1), relu(f"{at}relu_pool_proj")],
    ]  # fmt: skip
    for branch in branches:
        yield from chain(*branch, bottom=bottom)
    yield Row("Concat", f"{at}output", tuple(branch[-1][1] for branch in branches))


def _googlenet(part: int, classes: int) -> Iterator[Row]:
    yield from chain(
        conv("conv1/7x7_s2", 64 // part, 7, stride=2, pad=3), relu("conv1/relu_7x7"), pool("pool1/3x3_s2", 3, 2),
        norm("pool1/norm1"), conv("conv2/3x3_reduce", 64 // part, 1), relu("conv2/relu_3x3_reduce"),
        conv("conv2/3x3", 192 // part, 3, pad=1), relu("conv2/relu_3x3"), norm("conv2/norm2"),
        pool("pool2/3x3_s2", 3, 2),
    )  # fmt: skip
    last = "pool2/3x3_s2"
    for name in _INCEPTIONS:
        yield from _inception(name, last, part)
        last = f"inception_{name}/output"
        if name in ("3b", "4e"):
            yield from chain(pool(f"pool{name[0]}/3x3_s2", 3, 2), bottom=last)
            last = f"pool{name[0]}/3x3_s2"
    yield from chain(pool("pool5/7x7_s1", 7, 1, how="AVE"), fc("loss3/classifier", classes), bottom=last)


def _eight_layers(part: int, classes: int, name: str) -> Iterator[Row]:
    """AlexNet, and the three of Chatfield et al.: five convolutions and three fully connected layers."""
    vgg, ours = {"alpha": 5e-4, "k": 2.0}, name != "alexnet"
    n1, n2 = (norm(at, **(vgg if ours else {})) for at in ("norm1", "norm2"))
    p1, p2, p5 = (pool(at, 3, 2) for at in ("pool1", "pool2", "pool5"))
    begin = {
        "alexnet": [conv("conv1", 96 // part, 11, stride=4), relu("relu1"), n1, p1,
                    conv("conv2", 256 // part, 5, pad=2, group=2), relu("relu2"), n2, p2],
        "vgg_cnn_f": [conv("conv1", 64 // part, 11, stride=4), relu("relu1"), n1, p1,
                      conv("conv2", 256 // part, 5, pad=2), relu("relu2"), n2, p2],
        "vgg_cnn_m": [conv("conv1", 96 // part, 7, stride=2), relu("relu1"), n1, p1,
                      conv("conv2", 256 // part, 5, stride=2, pad=1), relu("relu2"), n2, p2],
        "vgg_cnn_s": [conv("conv1", 96 // part, 7, stride=2), relu("relu1"), n1, pool("pool1", 3, 3),
                      conv("conv2", 256 // part, 5), relu("relu2"), pool("pool2", 2, 2)],
    }[name]  # fmt: skip
    wide = {"alexnet": (384, 384, 256), "vgg_cnn_f": (256,) * 3, "vgg_cnn_m": (512,) * 3, "vgg_cnn_s": (512,) * 3}
    groups = ({}, {"group": 2}, {"group": 2}) if name == "alexnet" else ({}, {}, {})
    middle = [
        row
        for n, (outputs, group) in enumerate(zip(wide[name], groups, strict=True), start=3)
        for row in (conv(f"conv{n}", outputs // part, 3, pad=1, **group), relu(f"relu{n}"))
    ]
    end = pool("pool5", 3, 3) if name == "vgg_cnn_s" else p5
    return chain(*begin, *middle, end, *_classifier(part, classes))


def definition(name: str, part: int = 8, classes: int = 1000) -> list[Row]:
    """A network with a part of its channels: 8 for an eighth."""
    if name == "googlenet":
        return list(_googlenet(part, classes))
    if name in ("vgg16", "vgg19"):
        return list(_vgg(part, classes, 3 if name == "vgg16" else 4))
    return list(_eight_layers(part, classes, name))


def prototxt(rows: Iterable[Row], height: int, width: int, *, kernels: Mapping[str, int] | None = None) -> str:
    """The definition as Caffe reads it; fully connected layers are written as convolutions where kernels are given."""
    text = f'input: "data"\ninput_shape {{ dim: 1 dim: 3 dim: {height} dim: {width} }}\n'
    return text + "".join(_written(one) for row in rows for one in _for_opencv(row, kernels))


def _for_opencv(row: Row, kernels: Mapping[str, int] | None) -> list[Row]:
    if kernels is not None and row.kind == "InnerProduct":
        return [Row("Convolution", row.name, row.bottoms, {**row.said, "kernel_size": kernels.get(row.name, 1)})]
    return _without_k(row) if row.kind == "LRN" else [row]


def _without_k(row: Row) -> list[Row]:
    """OpenCV takes 1 for `k`, whatever is said: so divide both terms of the sum by it, and the power of it at last."""
    alpha, k = (float(str(row.said[key])) for key in ("alpha", "k"))
    normed = Row("LRN", f"{row.name}/of_one", row.bottoms, {**row.said, "alpha": alpha / k, "k": 1.0})
    return [normed, Row("Power", row.name, (normed.name,), {"scale": k**-0.75})]


def _written(row: Row) -> str:
    section = {
        "Convolution": "convolution_param", "InnerProduct": "inner_product_param", "LRN": "lrn_param",
        "Pooling": "pooling_param", "Power": "power_param",
    }.get(row.kind)  # fmt: skip
    inside = " ".join(f"{key}: {value}" for key, value in row.said.items())
    bottoms = " ".join(f'bottom: "{bottom}"' for bottom in row.bottoms)
    begin = f'layer {{ name: "{row.name}" type: "{row.kind}" {bottoms} top: "{row.name}" '
    return begin + (f"{section} {{ {inside} }} }}\n" if section else "}\n")


def weight_shapes(rows: Iterable[Row], side: int) -> dict[str, tuple[int, ...]]:
    """Shape of the weights of every layer that has some.

    Args:
        rows: The definition.
        side: Side of the map that the first fully connected layer sees.
    """
    channels, shapes = {"data": 3}, {}
    for row in rows:
        inputs = sum(channels[bottom] for bottom in row.bottoms)
        outputs = int(row.said.get("num_output", inputs))
        channels[row.name] = outputs
        if row.kind == "InnerProduct":
            shapes[row.name] = (outputs, inputs * side * side)
            side = 1
        elif "num_output" in row.said:
            kernel = row.said["kernel_size"]
            shapes[row.name] = (outputs, inputs // row.said.get("group", 1), kernel, kernel)
    return shapes


def random_blobs(rows: Iterable[Row], side: int) -> dict[str, tuple[np.ndarray, ...]]:
    """Weights and biases for every layer that has some; what they answer keeps its size from layer to layer."""
    rng = np.random.default_rng(0)
    return {
        name: (
            rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:]))),
            rng.standard_normal(shape[0], np.float32),
        )
        for name, shape in weight_shapes(rows, side).items()
    }


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    digits = b""
    while number >= 128:
        digits += bytes([number % 128 + 128])
        number //= 128
    return digits + bytes([number])


def counted(number: int, value: int) -> bytes:
    """A field with a whole number."""
    return varint(number << 3) + varint(value)


def held(number: int, contents: bytes | str) -> bytes:
    """A field with bytes, text, a message or packed numbers."""
    contents = contents.encode() if isinstance(contents, str) else contents
    return varint(number << 3 | 2) + varint(len(contents)) + contents


def blob(array: np.ndarray, *, legacy: bool = False, doubles: bool = False, shape: tuple[int, ...] = ()) -> bytes:
    """An array, in old files of four dimensions; a shape that it declares may be false."""
    shape = shape or array.shape
    if legacy:
        begin = b"".join(counted(n, size) for n, size in enumerate((1,) * (4 - len(shape)) + shape, start=1))
    else:
        begin = held(7, held(1, b"".join(varint(size) for size in shape)))
    numbers = array.astype("<f8" if doubles else "<f4").tobytes()
    return begin + held(8 if doubles else 5, numbers)


def layer(row: Row, blobs: Iterable[bytes], age: Age) -> bytes:
    """A layer of a file of some age, with its field's number."""
    stride = row.said.get("stride") if row.kind == "Convolution" else None
    said = counted(6, stride) if isinstance(stride, int) else b""
    arrays = list(blobs)
    if age == "current":
        parts = [held(1, row.name), held(2, row.kind), *(held(7, one) for one in arrays), held(106, said)]
        return held(100, b"".join(parts))
    if age == "v1":
        return held(2, b"".join([held(4, row.name), counted(5, 4), *(held(6, one) for one in arrays), held(10, said)]))
    return held(2, held(1, b"".join([held(1, row.name), held(2, "conv"), *(held(50, one) for one in arrays)])))


def caffemodel(
    rows: Iterable[Row], blobs: Blobs, age: Age = "current", *, legacy: bool = False, doubles: bool = False
) -> bytes:
    """A whole file, with a layer for the data before the others and one for the loss after them."""
    outer = [Row("Data", "data", ()), *rows, Row("SoftmaxWithLoss", "loss", ())]
    return held(1, "a network") + b"".join(
        layer(row, (blob(array, legacy=legacy, doubles=doubles) for array in blobs.get(row.name, ())), age)
        for row in outer
    )


SIDES = {"vgg16": 7, "vgg19": 7, "googlenet": 1}
"""Side of the map that the first fully connected layer sees, where it is not 6."""


def write_network(
    path: Path, name: str, *, part: int = 8, classes: int = 1000, age: Age = "current", legacy: bool = False
) -> tuple[list[Row], dict[str, tuple[np.ndarray, ...]]]:
    """Write one of the networks, and give what it is of."""
    rows = definition(name, part, classes)
    blobs = random_blobs(rows, SIDES.get(name, 6))
    path.write_bytes(caffemodel(rows, blobs, age, legacy=legacy))
    return rows, blobs
