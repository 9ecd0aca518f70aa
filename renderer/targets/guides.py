"""Guide pictures, as targets: what the network sees in one picture is dreamed into another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from renderer.common.errors import UserError, naming
from renderer.common.photographs import CAT, Photograph, check_photograph, photographs_in, read_photograph
from renderer.targets.kind import LayerName, Outline, TargetKind
from renderer.targets.slugs import slug
from renderer.targets.strength import LIKE_LOGITS, strength
from renderer.targets.target import Aim, Neuron, Score, Target

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from renderer.targets.kind import Activations

_KEY = "network.targets.picture"
_PAIRS = 2**25  # Of places that are compared at once: 128 MB, also where a layer has thousands of places.


class Guides(TargetKind):
    """Guide pictures: each place is to show the feature of the guide that it resembles most.

    What resembles is found by the dot product of the layer's answers, and the best match is ascended (google/deepdream
    2015, "Controlling dreams"). The guide is seen in views as large as those of the dream. Each picture is a target;
    its title is the file's name.
    """

    needs_network: ClassVar[bool] = True

    kind: Literal["guide"] = Field("guide", description="What is dreamed toward.")
    picture: Path | None = Field(
        None,
        description="The guide, of any format that Pillow reads, or a folder of them, each of which is a target; "
        "without it, the photograph of a cat that comes along.",
    )
    layer: LayerName = Field(
        description="Name of the layer, a module of the network; `neuron-atlas networks NAME --layers` lists them."
    )

    def known(self, network: Outline) -> tuple[Target, ...]:
        """The pictures; the network is loaded to see that it has the layer."""
        network.channels(self.layer)
        keys: dict[str, str] = {}
        for path in self._pictures:
            with naming(_KEY):
                check_photograph(path)
            key = f"guide-{slug(path.stem)}"
            if key in keys:
                raise UserError(f"{_KEY}: {path.name} and {keys[key]} have nearly the same name; rename one of them")
            keys[key] = path.name
        named = enumerate(zip(keys, self._pictures, strict=True))
        return tuple(Target(key, Neuron(self.layer, unit), unit, path.stem) for unit, (key, path) in named)

    def identity(self) -> dict[str, Any]:
        """Without the path."""
        return self.model_dump(mode="json", exclude={"picture"})

    def files(self) -> Mapping[str, Path]:
        """The pictures."""
        if len(self._pictures) == 1:
            return {"picture": self._pictures[0]}
        return {f"picture.{slug(path.stem)}": path for path in self._pictures}

    def with_absolute_paths(self) -> Self:
        """The same from every folder."""
        return self.model_copy(update={"picture": self.picture and self.picture.absolute()})

    def beside(self, unit: int, size: tuple[int, int]) -> Photograph:
        """The guide."""
        with naming(_KEY):
            return read_photograph(self._pictures[unit], size)

    def watched(self, units: Collection[int] | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """The layer alone."""
        return (self.layer,)

    def answers(
        self,
        activations: Activations,
        units: Int[Tensor, "views parts"],  # noqa: ARG002
        beside: Sequence[Activations] = (),
    ) -> Float[Tensor, "views parts"]:
        """How strongly each place answers as the place of the guide does that it resembles most, on the mean."""
        seen = activations[self.layer]
        found = seen.new_zeros(len(seen), len(beside))
        for part, shown in enumerate(beside):
            found[:, part] = _match(seen, shown[self.layer])
        return LIKE_LOGITS * found / strength(seen)[:, None]

    def scores(
        self, activations: Activations, aims: Sequence[Aim], beside: Sequence[Activations] = ()
    ) -> tuple[Score, ...]:
        """The same, not against anything: how strongly the guide's features answer."""
        found = [_match(activations[self.layer], shown[self.layer]).tolist() for shown in beside]
        by_picture = zip(zip(*found, strict=True), aims, strict=True)
        return tuple(
            Score(activation=sum(weight * one for (_, weight), one in zip(aim.units, row, strict=True)))
            for row, aim in by_picture
        )

    @cached_property
    def _pictures(self) -> tuple[Path, ...]:
        path = self.picture or CAT
        return tuple(photographs_in(path, _KEY)) if path.is_dir() else (path,)


def _match(
    seen: Float[Tensor, "views channels *place"], guide: Float[Tensor, "views channels *place"]
) -> Float[Tensor, " views"]:
    """Mean dot product of each place with the place of the guide that fits best, against the guide's strength."""
    places, known = (one.flatten(2) if one.ndim > 2 else one[..., None] for one in (seen, guide))
    asked, best = places.detach().transpose(1, 2), places.detach()[:, 0].long()
    for begin in range(0, asked.shape[1], at_once := max(1, _PAIRS // known[:, 0].numel())):
        best[:, begin : begin + at_once] = (asked[:, begin : begin + at_once] @ known).argmax(2)
    wanted = known.gather(2, best[:, None].expand(-1, known.shape[1], -1))
    found: Tensor = (places * wanted).mean(dim=(1, 2)) / strength(guide)
    return found
