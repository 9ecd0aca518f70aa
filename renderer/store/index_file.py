"""`atlas.json`: what a run has made, for the page and for other programs. The order of keys is part of the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SerializerFunctionWrapHandler, ValidationError, model_serializer

from renderer.common.errors import UserError
from renderer.store.files import write_whole
from renderer.store.plain_files import read_plain
from renderer.store.records import Record


class IndexGuess(Record):
    """One of the classes that the network sees in a still."""

    index: int
    title: str
    probability: float


class IndexFilm(Record):
    """The film; `path` is from the run's directory."""

    path: str
    width: int
    height: int
    fps: float
    frames: int
    seconds: float


class IndexFacet(Record):
    """A further still of a class, which differs from the others; what is said of it as in `IndexClass`."""

    still: str
    logit: float
    probability: float | None
    rank: int | None
    seed: int


class IndexClass(Record):
    """A class that has been rendered.

    Attributes:
        group: Names of its groups, the widest first.
        still: Path of its still from the run's directory; None where there is none.
        start_frame: Number of its first frame in the film; None if it is not in the film, as also the two that follow.
        frames: How many frames of the film show it.
        start_seconds: When it begins in the film.
        logit: How strongly its neuron answers to the still, before any softmax; None where there is no still.
        probability: Of a class, its probability in the still; None for other targets, as also the rank.
        rank: Its place among what the network sees in the still; 1 is first.
        seed: Seed of the still's randomness.
        top: The most probable classes, best first.
        facets: Its further stills, better ones first; left out of the file where there are none.
    """

    index: int
    wnid: str | None
    title: str
    group: tuple[str, ...]
    still: str | None
    start_frame: int | None
    frames: int | None
    start_seconds: float | None
    logit: float | None
    probability: float | None
    rank: int | None
    seed: int | None
    top: tuple[IndexGuess, ...]
    facets: tuple[IndexFacet, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = serialize(self)
        return data if self.facets else {key: value for key, value in data.items() if key != "facets"}

    @property
    def stills(self) -> tuple[str, ...]:
        """Paths of all its stills, best first."""
        return (self.still, *(facet.still for facet in self.facets)) if self.still else ()


class Index(Record):
    """The contents of `atlas.json`; classes in the order of the film."""

    version: int = 1
    network: dict[str, Any]
    film: IndexFilm | None
    classes: tuple[IndexClass, ...]


def write_index(path: Path, index: Index) -> None:
    """Write `atlas.json`."""
    write_whole(path, (index.model_dump_json(indent=1) + "\n").encode())


def read_index(path: Path) -> Index:
    """Read `atlas.json`.

    Raises:
        UserError: It is missing, or not what this program writes.
    """
    try:
        return Index.model_validate_json(read_plain(path))
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} holds no finished pictures yet: there is no {path.name} in it") from error
    except (OSError, ValidationError) as error:
        raise UserError(f"{path} is damaged; write it anew with `neuron-atlas assemble {path.parent}`") from error
