"""Dreamed pictures as Python sees them: one, and many that display as a grid."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest
from renderer.media.pictures import opaque
from renderer.store.files import whole_file
from renderer.store.index_file import IndexGuess

_SAVED: Mapping[str, Mapping[str, Any]] = {
    ".png": {"format": "PNG"},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True},
    ".jpg": {"format": "JPEG", "quality": 92, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 92, "subsampling": 0},
}
_LONGEST_SHOWN = 768  # Pixels of the longer side; a notebook keeps what it displays.
_SMALL = 144
_MOST_SMALL = 60


@dataclass(frozen=True, eq=False, repr=False)
class DreamPicture:
    """A dreamed picture, without text, and what the network that dreamed it says of it. Displays itself in a notebook.

    Attributes:
        title: What it is to show.
        index: The target's number by which it is selected; of a class that of its output.
        activation: How strongly the target answers to it: of a class its output before the softmax.
        probability: Of a class, its probability in [0, 1]; None for other targets, as also the rank.
        rank: The class's place among all that the network knows; 1 is first.
        top: The most probable classes, best first, each with `index`, `title` and `probability`; empty for other
            targets, and for further stills.
        seed: Seed of its randomness.
        facets: Further stills of the same target, better ones first, where `stills.variants` asks for some.
        opened: Gives the picture itself.
    """

    title: str
    index: int
    activation: float
    probability: float | None
    rank: int | None
    top: tuple[IndexGuess, ...]
    seed: int
    opened: Callable[[], Image.Image]
    facets: tuple[DreamPicture, ...] = ()

    @property
    def image(self) -> Image.Image:
        """The picture for Pillow, RGB, or RGBA where `stills.alpha` was set; a new one each time.

        Raises:
            OSError: It is a run's, and its file cannot be read.
        """
        return self.opened()

    @property
    def array(self) -> UInt8[np.ndarray, "height width 3"]:
        """A copy of its colors: height x width x 3, red, green, blue, from 0 to 255; raises as `image`."""
        return np.ascontiguousarray(np.array(self.opened())[..., :3])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save it whole or not at all, as .png or .webp without loss, or as .jpg; missing folders are made.

        JPEG knows no transparency: a transparent picture lies on gray there.

        Raises:
            UserError: The path has another ending.
            OSError: It cannot be written.
        """
        path = Path(path)
        options = _SAVED.get(path.suffix.lower())
        if options is None:
            raise UserError(f"{path}: must end in .png, .webp or .jpg, which says the kind of picture")
        image = self.opened()
        with whole_file(path) as temporary:
            (opaque(image) if options["format"] == "JPEG" else image).save(temporary, **options)
        return path

    def __repr__(self) -> str:
        said = "" if self.probability is None else f", probability {self.probability:.3f}, rank {self.rank}"
        return f"<{self.title}{said}>"

    def _repr_png_(self) -> bytes:
        return _encoded(self.opened(), _LONGEST_SHOWN, format="PNG")

    def small(self) -> str:
        """A small copy with its title, as HTML that needs no file."""
        copy = base64.b64encode(_encoded(self.opened(), _SMALL, format="WEBP", quality=80)).decode()
        picture = f'<img alt="" src="data:image/webp;base64,{copy}"><figcaption>{html.escape(self.title)}</figcaption>'
        style = f"display:inline-block;margin:4px;width:{_SMALL}px;vertical-align:top"
        return f'<figure style="{style}">{picture}</figure>'


class Gallery(Sequence[DreamPicture]):
    """Pictures in order, by place (`[0]`, `[-1]`, `[2:5]`) and by title (`["lion"]`); a grid in a notebook."""

    def __init__(self, pictures: Iterable[DreamPicture]) -> None:
        self._pictures = tuple(pictures)
        self._places = {picture.title: place for place, picture in reversed(list(enumerate(self._pictures)))}

    @property
    def titles(self) -> list[str]:
        """The titles in order."""
        return [picture.title for picture in self._pictures]

    def __len__(self) -> int:
        return len(self._pictures)

    def __iter__(self) -> Iterator[DreamPicture]:
        return iter(self._pictures)

    def __contains__(self, one: object) -> bool:
        return one in self._places if isinstance(one, str) else one in self._pictures

    @overload
    def __getitem__(self, place: int | str) -> DreamPicture: ...

    @overload
    def __getitem__(self, place: slice) -> Gallery: ...

    def __getitem__(self, place: int | str | slice) -> DreamPicture | Gallery:
        if isinstance(place, slice):
            return Gallery(self._pictures[place])
        if isinstance(place, str):
            return self._pictures[self._place_of(place)]
        return self._pictures[place]

    def _place_of(self, title: str) -> int:
        if title in self._places:
            return self._places[title]
        near = did_you_mean([repr(name) for name in nearest(title, self._places)])
        raise KeyError(f"no picture of {title!r:.60}{near}")

    def __repr__(self) -> str:
        return f"<{len(self)} pictures{': ' if self._pictures else ''}{_some(self.titles)}>"

    def _repr_html_(self) -> str:
        more = len(self) - _MOST_SMALL
        grid = "".join(picture.small() for picture in self._pictures[:_MOST_SMALL])
        return f"<div>{grid}</div>" + (f"<p>and {more} more</p>" if more > 0 else "")


def _some(titles: Sequence[str], most: int = 5) -> str:
    more = len(titles) - most
    return ", ".join(titles[:most]) + (f" and {more} more" if more > 0 else "")


def _encoded(image: Image.Image, longest: int, **options: Any) -> bytes:
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    written = BytesIO()
    image.save(written, **options)
    return written.getvalue()
