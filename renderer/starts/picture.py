"""A photograph, or a folder of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from renderer.common.errors import UserError, naming
from renderer.common.over_time import over_time
from renderer.common.photographs import (
    CAT,
    Fit,
    Photograph,
    check_photograph,
    photograph_size,
    photographs_in,
    read_photograph,
)
from renderer.dream.randomness import PictureKey
from renderer.starts.start import ALL, StartFile, StartKind, StartPicture, size_beside
from renderer.targets.kind import LayerName
from renderer.targets.slugs import slug, still_name
from renderer.targets.target import Target

_KEY = "start.path"
_LONGEST_SIDE = 640  # Of a film or still whose size nobody has set.


class PictureStart(StartKind):
    """Start from a photograph."""

    kind: Literal["picture"] = Field("picture", description="A photograph.")
    path: Path | None = Field(
        None,
        description="A picture of any format that Pillow reads, or a folder of them; without it, the photograph of a "
        "cat that comes along. In a folder, a picture that is named by the index, wnid or title of a class is for that "
        "class; the others are for the other classes, in turn. Film and stills take a photograph's proportion where "
        "their sizes are not set.",
    )
    fit: Fit = Field(
        "cover",
        description="How a photograph of another proportion fills the frame: `cover` cuts off what does not fit, "
        "`contain` leaves a gray border, `stretch` changes its proportion.",
    )
    keep: float = over_time(
        0.0,
        ge=0,
        le=1,
        description="How near the picture stays to the photograph: with 0 the photograph is where it begins, and "
        "nothing more; with 1 nothing is dreamed. The photograph stands still, and above 0 so does the camera, unless "
        "`motion` is set.",
    )
    keep_layer: LayerName | None = Field(
        None,
        description="By what it stays near: without it by its pixels; else by what a layer of the network answers, as "
        "in feature accentuation (Hamblin et al. 2024, arXiv 2402.10039), which lets more of it change. `auto` is the "
        "last layer that still tells places apart.",
    )
    mask: Literal["alpha", "class"] | None = Field(
        None,
        description="Where alone it is dreamed: with `alpha` where the photograph is opaque, with `class` where the "
        "network sees the class in it. Elsewhere the photograph stays.",
    )

    def first(self, key: PictureKey, size: tuple[int, int], file: StartFile | None = None) -> StartPicture:  # noqa: ARG002
        """The photograph."""
        return self._photograph(size, file).picture

    def reference(self, size: tuple[int, int], file: StartFile | None) -> Photograph:
        """The photograph."""
        return self._photograph(size, file)

    @classmethod
    def suits(cls, said: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """The photograph as the first frame, in its proportion, and a camera at rest while the picture stays near."""
        start = said.get("start")
        start = start if isinstance(start, dict) else {}
        path, keep = start.get("path"), start.get("keep")
        suiting: dict[str, dict[str, Any]] = {"dream": {"fresh_steps": 0}}
        if keep not in (None, 0):
            suiting["motion"] = {"zoom": 1.0, "rotate": 0.0}
        if isinstance(path, str | None) and not (path and Path(path).is_dir()):
            with naming(_KEY):
                size = photograph_size(Path(path) if path else CAT)
            suiting |= {section: size_beside(said.get(section), size, _LONGEST_SIDE) for section in ("film", "stills")}
        return suiting

    @property
    def held(self) -> float:
        """As it is set."""
        return self.keep

    @property
    def held_by(self) -> str | None:
        """As it is set."""
        return self.keep_layer

    @property
    def masked(self) -> Literal["alpha", "class"] | None:
        """As it is set."""
        return self.mask

    def files(self, targets: Sequence[Target]) -> Mapping[str, Path]:
        """The photograph, or one of the folder for each target."""
        path = self.path or CAT
        if not path.is_dir():
            return {ALL: _checked(path)}
        dealt = _dealt(photographs_in(path, _KEY), targets)
        return {key: _checked(picture) for key, picture in dealt.items()}

    def told(self) -> dict[str, Any]:
        """Without the path."""
        return self.model_dump(mode="json", exclude={"path"})

    def with_absolute_paths(self) -> Self:
        """The same from every folder."""
        return self.model_copy(update={"path": self.path and self.path.absolute()})

    def _photograph(self, size: tuple[int, int], file: StartFile | None) -> Photograph:
        if file is None:
            raise UserError(f"{_KEY}: the run knows no photograph for this class; render again with --restart")
        with naming(_KEY):
            return read_photograph(file.path, size, self.fit, file.digest)


def _checked(path: Path) -> Path:
    with naming(_KEY):
        check_photograph(path)
    return path


def _dealt(pictures: Sequence[Path], targets: Sequence[Target]) -> dict[str, Path]:
    """A picture for each target: the one that is named so, else one of those that are named otherwise, in turn."""
    named = {name: path for path in reversed(pictures) for name in _forms(path.stem)}
    known = {target.key: own for target in targets if (own := _own(named, target))}
    others = [path for path in pictures if path not in known.values()] or list(pictures)
    left = [target.key for target in targets if target.key not in known]
    return known | {key: others[place % len(others)] for place, key in enumerate(left)}


def _own(named: Mapping[str, Path], target: Target) -> Path | None:
    said = [Path(still_name(target)).stem, target.key, str(target.index), target.wnid, target.title, *target.synonyms]
    return next((named[form] for name in said if name for form in _forms(name) if form in named), None)


def _forms(name: str) -> list[str]:
    """By what two names are taken for the same."""
    plain = slug(name)
    return [name.casefold()] if plain == slug("") else [name.casefold(), plain]
