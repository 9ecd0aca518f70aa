"""Weights from `.caffemodel` files, which anybody may have written."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from torch import Tensor

from renderer.common.errors import UserError

_MOST_BYTES = 2**31 - 1
"""No message of protobuf is larger."""
_MOST_PIECES = 100_000
"""Fields, at any depth: far more than any network has."""
_MOST_PACKED = 100
"""Bytes of a packed field of plain numbers: shapes have few dimensions."""
_MOST_DIMENSIONS = 8
_HDF5 = b"\x89HDF\r\n\x1a\n"

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "neuron_atlas.caffe"
# Of Caffe's own messages what is needed: the number of each field, and its type or message. All are repeated, since
# protobuf reads the last of several values either way. Names and packed numbers are read as bytes: names need not be
# UTF-8 in a damaged file, and numbers need not become Python's.
_MESSAGES: Mapping[str, Mapping[str, tuple[int, int | str]]] = {
    "Shape": {"dim": (1, _FIELD.TYPE_INT64)},
    "Blob": {
        "num": (1, _FIELD.TYPE_INT32),
        "channels": (2, _FIELD.TYPE_INT32),
        "height": (3, _FIELD.TYPE_INT32),
        "width": (4, _FIELD.TYPE_INT32),
        "data": (5, _FIELD.TYPE_BYTES),
        "shape": (7, "Shape"),
        "double_data": (8, _FIELD.TYPE_BYTES),
    },
    "Convolution": {"stride": (6, _FIELD.TYPE_UINT32), "stride_h": (13, _FIELD.TYPE_UINT32)},
    "Layer": {"name": (1, _FIELD.TYPE_BYTES), "blobs": (7, "Blob"), "convolution": (106, "Convolution")},
    "LayerV0": {"name": (1, _FIELD.TYPE_BYTES), "blobs": (50, "Blob")},
    "LayerV1": {
        "layer": (1, "LayerV0"),
        "name": (4, _FIELD.TYPE_BYTES),
        "blobs": (6, "Blob"),
        "convolution": (10, "Convolution"),
    },
    "Net": {"layers": (2, "LayerV1"), "layer": (100, "Layer")},
}


@dataclass(frozen=True)
class StoredLayer:
    """A layer of a file.

    Attributes:
        name: Its name.
        blobs: Its weights in float32, in the shapes that the file gives them.
        stride: Of a convolution, where the file says it.
    """

    name: str
    blobs: tuple[Tensor, ...]
    stride: int | None


def read_caffemodel(path: Path) -> tuple[StoredLayer, ...]:
    """Read the layers of a `.caffemodel` file of any age, in its order.

    About two and a half times as much memory is taken as the file is large, at most.

    Raises:
        UserError: The file cannot be read, or holds something else.
    """
    try:
        return tuple(_layers(_parsed(path)))
    except OSError as error:
        raise UserError(f"network.weights: {path} cannot be read ({error.strerror}); give a readable file") from error
    except (DecodeError, ValueError) as error:
        reason = "it is damaged, or no .caffemodel" if isinstance(error, DecodeError) else error
        raise UserError(
            f"network.weights: {path} cannot be used ({reason}). Is it whole? Fetch it again, or name the .caffemodel "
            "file of the network's weights, not its .prototxt"
        ) from error


def short(value: object) -> str:
    """A value of a file, as messages show it."""
    return reprlib.repr(value)


def _parsed(path: Path) -> Any:
    """The file as a message; the file's own bytes are let go."""
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"it has {size / 1e9:.1f} GB, and no such file has more than 2.1")
    contents = path.read_bytes()
    if not contents:
        raise ValueError("it is empty")
    if contents.startswith(_HDF5):
        raise ValueError("it is an HDF5 file, Caffe's other kind; save it as .caffemodel")
    _refuse_crumbs(contents)
    return _message("Net").FromString(contents)


def _refuse_crumbs(contents: bytes) -> None:
    """Refuse a file of too many pieces: each, however small, takes hundreds of bytes once it is read."""
    pieces, waiting = 0, [("Net", memoryview(contents))]
    while waiting:
        message, part = waiting.pop()
        kinds = dict(_MESSAGES[message].values())
        for number, value in _fields(part):
            pieces += 1
            if pieces > _MOST_PIECES:
                raise ValueError(f"it is of more than {_MOST_PIECES:,} pieces")
            kind = kinds.get(number)
            if isinstance(kind, str):
                waiting.append((kind, value))
            elif kind not in (None, _FIELD.TYPE_BYTES) and len(value) > _MOST_PACKED:
                raise ValueError(f"it has {len(value):,} bytes where a few numbers belong")


def _fields(part: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and contents of each field of a message; of plain numbers, no contents."""
    place = 0
    while place < len(part):
        tag, place = _varint(part, place)
        begin = place
        match tag & 7:
            case 0:
                begin = place = _varint(part, place)[1]
            case 1 | 5:
                begin = place = place + (8 if tag & 7 == 1 else 4)
            case 2:
                length, begin = _varint(part, place)
                place = begin + length
            case _:  # Groups are gone from all formats, and what else there may be protobuf refuses.
                pass
        if place > len(part):
            raise DecodeError("cut")
        yield tag >> 3, part[begin:place]


def _varint(part: memoryview, place: int) -> tuple[int, int]:
    """A whole number of up to ten bytes, and the place after it."""
    number = 0
    for shift, byte in enumerate(part[place : place + 10]):
        number |= (byte & 127) << 7 * shift
        if byte < 128:
            return number, place + shift + 1
    raise DecodeError("cut")


def _layers(net: Any) -> Iterator[StoredLayer]:
    found = [*(old.layer[-1] if old.layer else old for old in net.layers), *net.layer]
    if not found:
        raise ValueError("it holds no layers")
    for layer in found:
        name = layer.name[-1].decode(errors="replace") if layer.name else ""
        yield StoredLayer(name, tuple(_tensor(name, blob) for blob in layer.blobs), _stride(layer))


def _stride(layer: Any) -> int | None:
    """The stride of a convolution, which is 1 where nothing else is said; oldest layers have no such section."""
    if not getattr(layer, "convolution", ()):
        return None
    section = layer.convolution[-1]
    return int([1, *section.stride_h, *section.stride][-1])


def _tensor(layer: str, blob: Any) -> Tensor:
    """The numbers of a blob in its shape; no memory is taken for what is only declared."""
    doubles = not blob.data and blob.double_data
    data = b"".join(blob.double_data if doubles else blob.data)
    shape, kind = _shape(blob), np.dtype("<f8" if doubles else "<f4")
    if min(shape, default=1) < 1 or math.prod(shape) * kind.itemsize != len(data):
        declared = f"{short(shape)} is declared, and {len(data):,} bytes of packed numbers are there"
        raise ValueError(f"the weights of layer {short(layer)} are not whole: {declared}")
    numbers = torch.from_numpy(np.frombuffer(data, kind).astype(np.float32).reshape(shape))
    del data
    if not all(math.isfinite(extreme) for extreme in numbers.aminmax()):
        raise ValueError(f"the weights of layer {short(layer)} are not all numbers")
    return numbers


def _shape(blob: Any) -> tuple[int, ...]:
    """Of a blob with a shape, or of an older one that always has four dimensions."""
    if blob.shape:
        if (count := sum(len(shape.dim) for shape in blob.shape)) > _MOST_DIMENSIONS:
            raise ValueError(f"a shape of {count:,} dimensions is declared")
        return tuple(blob.shape[-1].dim)
    legacy = (blob.num, blob.channels, blob.height, blob.width)
    return tuple(said[-1] if said else 0 for said in legacy)


@cache
def _message(name: str) -> Any:
    """The class of one of the messages; made here, since generated code goes with one version of protobuf alone."""
    file = descriptor_pb2.FileDescriptorProto(name="neuron_atlas_caffe.proto", package=_PACKAGE, syntax="proto2")
    for message, fields in _MESSAGES.items():
        entry = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            typed = {"type": kind} if isinstance(kind, int) else _of_message(kind)
            entry.field.add(name=field, number=number, label=_FIELD.LABEL_REPEATED, **typed)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _of_message(name: str) -> dict[str, Any]:
    return {"type": _FIELD.TYPE_MESSAGE, "type_name": f".{_PACKAGE}.{name}"}
