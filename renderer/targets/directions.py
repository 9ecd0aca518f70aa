"""Directions in a layer, as targets: any vectors over its channels, such as those of concepts or of clusters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float
from pydantic import Field

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file, no_such_file
from renderer.targets.kind import LayerName, Outline, TargetKind
from renderer.targets.strength import LIKE_LOGITS, means, strength
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    import torch
    from jaxtyping import Int
    from torch import Tensor

    from renderer.targets.kind import Activations

_MOST_NUMBERS = 2**26
_MOST_BYTES = 2**29
_LONGEST_NAME = 500
_KEY = "network.targets.file"

Vectors = Float[np.ndarray, "directions channels"]


class Directions(TargetKind):
    """Vectors over the channels of a layer: the mean of the activation along one of them is ascended.

    Each vector counts by its direction alone; its length is of no matter.
    """

    needs_network: ClassVar[bool] = True

    kind: Literal["directions"] = Field("directions", description="What is dreamed toward.")
    layer: LayerName = Field(
        description="Name of the layer, a module of the network; `neuron-atlas networks NAME --layers` lists them."
    )
    file: Path = Field(
        description="File with the vectors: `.npy` with a row for each, or `.npz` or `.safetensors` with arrays by "
        "name, each a vector, whose names are the titles."
    )

    def known(self, network: Outline) -> tuple[Target, ...]:
        """All vectors of the file; the network is loaded to see that they are as long as the layer has channels."""
        names, vectors = self._named
        channels = network.channels(self.layer)
        if vectors.shape[1] != channels:
            raise UserError(
                f"{_KEY}: the vectors of {self.file} have {vectors.shape[1]} numbers, but {self.layer} has {channels} "
                "channels; name the layer that they are of"
            )
        return tuple(
            Target(f"{self.layer}-direction-{number:04d}", Neuron(self.layer, number), number, name)
            for number, name in enumerate(names)
        )

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """The layer alone."""
        return (self.layer,)

    def files(self) -> Mapping[str, Path]:
        """The file of the vectors."""
        return {"file": self.file}

    def with_absolute_paths(self) -> Self:
        """With an absolute path of the file."""
        return self.model_copy(update={"file": self.file.absolute()})

    def answers(
        self,
        activations: Activations,
        units: Int[Tensor, "views parts"],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> Float[Tensor, "views parts"]:
        """The mean activation along the wanted directions, against the strength of the whole layer."""
        seen = activations[self.layer]
        along = (means(seen)[:, None] * self._vectors(seen.device)[units]).sum(2)
        return LIKE_LOGITS * along / strength(seen)[:, None]

    def scores(
        self,
        activations: Activations,
        aims: Sequence[Aim],
        beside: Sequence[Activations] = (),  # noqa: ARG002
    ) -> tuple[Score, ...]:
        """The same, not against anything; there is no rank among directions."""
        seen = means(activations[self.layer]).cpu().numpy()
        _, vectors = self._named
        answers = ({unit: row @ vectors[unit] for unit, _ in aim.units} for row, aim in zip(seen, aims, strict=True))
        return tuple(Score(activation=aim.total(own)) for own, aim in zip(answers, aims, strict=True))

    @property
    def _named(self) -> tuple[tuple[str, ...], Vectors]:
        """Titles, and vectors of length 1."""
        return _normalized(*self._contents)

    def _vectors(self, device: torch.device) -> Float[Tensor, "directions channels"]:
        return _on(device, *self._contents)

    @cached_property
    def _contents(self) -> tuple[Path, str, int]:
        """The file, the layer, and when the file was last changed: what is kept of it goes by these.

        Asked once: a step is no time for the disk.
        """
        if not is_ordinary_file(self.file):
            raise UserError(f"{_KEY}: {no_such_file(self.file)}")
        return self.file, self.layer, self.file.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _normalized(path: Path, layer: str, _changed: int) -> tuple[tuple[str, ...], Vectors]:
    names, vectors = _read(path, layer)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise UserError(f"{_KEY}: {path} holds vectors of zeros or of what is no number; take them out")
    return names, (vectors / lengths).astype(np.float32)


@lru_cache(maxsize=8)
def _on(device: torch.device, path: Path, layer: str, changed: int) -> Float[Tensor, "directions channels"]:
    """The vectors where they are needed in every step."""
    import torch  # noqa: PLC0415  it takes seconds

    return torch.from_numpy(_normalized(path, layer, changed)[1]).to(device)


def _read(path: Path, layer: str) -> tuple[tuple[str, ...], Vectors]:
    try:
        found = _arrays(path)
        _refuse_large([found] if isinstance(found, np.ndarray) else list(found.values()))
        if isinstance(found, np.ndarray):
            vectors = np.atleast_2d(np.asarray(found, np.float64))
            names = tuple(f"{layer} · direction {number}" for number in range(len(vectors)))
        else:
            names = tuple(found)
            vectors = np.stack([np.asarray(array, np.float64).reshape(-1) for array in found.values()])
    except Exception as error:  # A file that is cut or of another kind leads to errors of many kinds.
        raise _unreadable(path, str(error)[:160]) from error
    if vectors.ndim != 2 or not vectors.size:
        raise _unreadable(path, f"its shape is {vectors.shape}")
    if unfit := [name for name in names if not name.strip() or len(name) > _LONGEST_NAME or "\0" in name]:
        raise _unreadable(path, f"{unfit[0][:40]!r} is no title")
    return names, vectors


def _refuse_large(arrays: Sequence[np.ndarray]) -> None:
    """Before anything is copied: files can say of themselves what they want."""
    if sum(array.size for array in arrays) > _MOST_NUMBERS:
        raise ValueError(f"it has more than {_MOST_NUMBERS:,} numbers")
    if odd := next((array.dtype for array in arrays if array.dtype.kind not in "fiu"), None):
        raise ValueError(f"it holds {odd}, not real numbers")


def _unreadable(path: Path, problem: str) -> UserError:
    return UserError(
        f"{_KEY}: {path} cannot be read as vectors ({problem}); write a row for each with numpy.save, or vectors of "
        "one length by name with numpy.savez or safetensors"
    )


def _arrays(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file  # noqa: PLC0415  few runs need it

        return load_file(path)
    # Mapped, not read: what the file says of its size may be anything.
    loaded = np.load(path, allow_pickle=False, mmap_mode="r")
    if isinstance(loaded, np.ndarray):
        return loaded
    if sum(entry.file_size for entry in loaded.zip.infolist()) > _MOST_BYTES:
        raise ValueError(f"it holds more than {_MOST_BYTES:,} bytes")
    return {name: loaded[name] for name in loaded.files}
