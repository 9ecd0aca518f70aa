"""What a network of one's own expects of a picture, as the settings say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from renderer.common.section import Section

if TYPE_CHECKING:
    from renderer.networks.network import Preprocessing

Value = Annotated[float, Field(ge=-100_000, le=100_000)]
Positive = Annotated[float, Field(gt=0, le=100_000)]

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SHARES = (0.0, 1.0)


class NetworkInput(Section):
    """What the network expects of a picture."""

    size: int = Field(224, ge=8, le=1024, description="Side of the square input in pixels.")
    channels: Literal[1, 3] = Field(
        3, description="Channels of the input: 3 for color, 1 for a network of gray pictures, whose dreams are gray."
    )
    color_order: Literal["rgb", "bgr"] = Field(
        "rgb", description="Order of the colors: `bgr` for networks from Caffe or OpenCV."
    )
    range: tuple[Value, Value] = Field(
        _SHARES, description="What black and white are before the mean is subtracted, such as `[0, 255]`."
    )
    mean: tuple[Value, ...] | None = Field(
        None,
        min_length=1,
        max_length=3,
        description="Mean of each channel that is subtracted, in the units of `range` and the order of `color_order`. "
        "By default that of ImageNet for three channels from 0 to 1, else 0.",
    )
    std: tuple[Positive, ...] | None = Field(
        None,
        min_length=1,
        max_length=3,
        description="Standard deviation of each channel that is divided by. By default that of ImageNet for three "
        "channels from 0 to 1, else 1.",
    )

    @model_validator(mode="after")
    def _speak_of_all_channels(self) -> Self:
        for key, given in (("mean", self.mean), ("std", self.std)):
            if given is not None and len(given) != self.channels:
                raise ValueError(f"{key} has {len(given)} numbers; write one for each of the {self.channels} channels")
        if self.range[0] == self.range[1]:
            raise ValueError("range has black and white the same; write what they are, such as [0, 255]")
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """The same for the network; torch is needed."""
        from renderer.networks.network import Preprocessing  # noqa: PLC0415  torch takes seconds

        mean, std = self._statistics
        return Preprocessing(self.size, mean, std, color_order=self.color_order, range=self.range)

    def identity(self) -> dict[str, Any]:
        """What is done to pictures, however it was written."""
        mean, std = self._statistics
        told: dict[str, Any] = {"size": self.size, "mean": list(mean), "std": list(std)}
        told |= {"color_order": self.color_order} if self.color_order != "rgb" else {}
        return told | ({"range": list(self.range)} if self.range != _SHARES else {})

    @property
    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation, with those that are usual where none are given."""
        is_usual = self.channels == len(_IMAGENET_MEAN) and self.range == _SHARES
        mean = self.mean or (self._in_order(_IMAGENET_MEAN) if is_usual else (0.0,) * self.channels)
        return mean, self.std or (self._in_order(_IMAGENET_STD) if is_usual else (1.0,) * self.channels)

    def _in_order(self, colors: tuple[float, ...]) -> tuple[float, ...]:
        return colors[::-1] if self.color_order == "bgr" else colors
