"""The settings of the section `dream`: how pixels are made from gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field

from renderer.common.over_time import OVER_TIME, over_time
from renderer.common.section import Section, one_of
from renderer.common.value_curves import Curve
from renderer.dream.generator import GeneratorParameterization
from renderer.dream.objectives import AnyObjective, LogitObjective
from renderer.dream.parameterization_kind import ParameterizationKind

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from renderer.dream.optimizers import Optimizer
    from renderer.dream.parameterizations import Parameterization

NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class OptimizerKind(Section):
    """How the gradient is followed; a kind is added as a subclass and in `OPTIMIZERS`."""

    has_equal_steps: ClassVar[bool] = False
    """Whether all coordinates change by about as much, whatever their gradient is."""

    @abstractmethod
    def build(self, coordinates: Tensor) -> Optimizer:
        """What changes the given coordinates; it begins anew."""

    @abstractmethod
    def single_step(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        """How coordinates change in a step that has nothing to do with any other.

        Args:
            gradient: A row for each picture; where it is 0 nothing changes.
            rates: One a picture.
        """

    @property
    @abstractmethod
    def rate(self) -> float:
        """How far a step goes."""

    @abstractmethod
    def with_rate(self, rate: float) -> OptimizerKind:
        """The same with another rate."""


class FourierParameterization(ParameterizationKind):
    """Decorrelated colors and 1/f-scaled Fourier coefficients (Olah et al. 2017)."""

    has_size_in_steps: ClassVar[bool] = True

    kind: Literal["fourier"] = Field(
        "fourier",
        description="How the picture is held while it is optimized: `fourier`, `maco`, `pixels` or `generator`.",
    )
    decay: float = Field(
        1.0, ge=0, le=3, description="Exponent of the 1/f scale: higher favors large shapes over fine detail."
    )
    frames: Literal["views", "whole"] = Field(
        "views",
        description="Whose coefficients a step changes in the frames of a film: `views`, those of what the network is "
        "shown, which costs as much whatever the film's size; or `whole`, those of the frame. Fresh pictures and "
        "stills are always changed as a whole.",
    )

    @property
    def is_of_views(self) -> bool:
        """Whether frames are changed view by view."""
        return self.frames == "views"

    def for_fresh(self) -> Self:
        """With frames as usual."""
        return self.model_copy(update={"frames": "views"})

    def build(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> Parameterization:
        """Coefficients for that size."""
        from renderer.dream.parameterizations import Fourier  # noqa: PLC0415  torch takes seconds

        return Fourier(self.decay, size, device, is_gray=is_gray)


class MacoParameterization(ParameterizationKind):
    """Natural magnitudes of the Fourier coefficients; only their phases change (Fel et al. 2023, arXiv 2306.06805)."""

    kind: Literal["maco"] = Field(
        "maco", description="Coefficients with the magnitudes of natural pictures, of which only the phases change."
    )
    contrast: float = Field(
        0.2,
        gt=0,
        le=0.5,
        description="Standard deviation of the picture, where white is 1; what nears black or white is compressed.",
    )
    decay: float = Field(1.0, ge=0, le=3, description="Exponent of the 1/f law that the magnitudes follow.")

    def build(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> Parameterization:
        """Phases for that size."""
        from renderer.dream.parameterizations import Maco  # noqa: PLC0415  torch takes seconds

        return Maco(self, size, device, is_gray=is_gray)


class PixelParameterization(ParameterizationKind):
    """The plain pixels."""

    kind: Literal["pixels"] = Field("pixels", description="The plain pixels, kept in range by clipping.")
    blur: tuple[NotNegative, NotNegative] = Field(
        (0.0, 0.0),
        description="Standard deviation of the blur after each step, in pixels: at the beginning of each octave of a "
        "fresh picture, and at its end, as afterwards (Audun Øygard's deepdraw, 2015).",
    )
    blur_every: int = Field(1, ge=1, le=1000, description="Blur only after every so many steps.")
    clip_norm: Share = Field(
        0.0,
        description="After each step, the share of the pixels that is made gray because they are nearly so (Yosinski "
        "et al. 2015, arXiv 1506.06579).",
    )
    clip_contribution: Share = Field(
        0.0,
        description="After each step, the share of the pixels that is made gray because they matter least to the "
        "objective (the same).",
    )

    def build(self, size: tuple[int, int], device: torch.device, *, is_gray: bool) -> Parameterization:  # noqa: ARG002
        """The same for all sizes."""
        from renderer.dream.parameterizations import Pixels  # noqa: PLC0415  torch takes seconds

        return Pixels(self, is_gray=is_gray)


class AdamOptimizer(OptimizerKind):
    """Adam (Kingma & Ba 2014, arXiv 1412.6980), ascending."""

    has_equal_steps: ClassVar[bool] = True

    kind: Literal["adam"] = Field("adam", description="How the gradient is followed: `adam` or `normalized`.")
    learning_rate: float = over_time(
        0.08,
        gt=0,
        le=100,
        description="Learning rate. Stills in Fourier coordinates with a shorter side above 224 pixels have it divided "
        "by the root of the ratio.",
    )

    def build(self, coordinates: Tensor) -> Optimizer:
        """Averages of nothing yet."""
        from renderer.dream.optimizers import Adam  # noqa: PLC0415  torch takes seconds

        return Adam(coordinates)

    def single_step(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        """A first step of Adam, but weaker where the gradient is weak."""
        from renderer.dream.optimizers import softened_step  # noqa: PLC0415  torch takes seconds

        return softened_step(gradient, rates)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.learning_rate

    def with_rate(self, rate: float) -> AdamOptimizer:
        """With another learning rate."""
        return self.model_copy(update={"learning_rate": rate})


class NormalizedOptimizer(OptimizerKind):
    """Gradient ascent with the gradient divided by its mean magnitude (google/deepdream 2015); keeps no state."""

    kind: Literal["normalized"] = Field("normalized", description="Gradient divided by its mean magnitude.")
    step: float = over_time(0.02, gt=0, le=10, description="Mean change of a coordinate in one step.")

    def build(self, coordinates: Tensor) -> Optimizer:  # noqa: ARG002
        """Nothing is kept."""
        from renderer.dream.optimizers import NormalizedAscent  # noqa: PLC0415  torch takes seconds

        return NormalizedAscent()

    def single_step(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        """The same in every step."""
        from renderer.dream.optimizers import normalized_step  # noqa: PLC0415  torch takes seconds

        return normalized_step(gradient, rates)

    @property
    def rate(self) -> float:
        """The step."""
        return self.step

    def with_rate(self, rate: float) -> NormalizedOptimizer:
        """With another step."""
        return self.model_copy(update={"step": rate})


PARAMETERIZATIONS: tuple[type[ParameterizationKind], ...] = (
    FourierParameterization,
    MacoParameterization,
    PixelParameterization,
    GeneratorParameterization,
)
OPTIMIZERS: tuple[type[OptimizerKind], ...] = (AdamOptimizer, NormalizedOptimizer)

if TYPE_CHECKING:
    AnyParameterization = ParameterizationKind
    AnyOptimizer = OptimizerKind
else:
    AnyParameterization = one_of(PARAMETERIZATIONS, "kind")
    AnyOptimizer = one_of(OPTIMIZERS, "kind")


def _ascending(span: tuple[float, float]) -> tuple[float, float]:
    """Refuse a span whose end comes before its beginning; of one that changes over time, the order does not matter."""
    if not any(isinstance(end, Curve) for end in span) and span[0] > span[1]:
        raise ValueError(f"the smallest, {span[0]:g}, is above the largest, {span[1]:g}; swap them")
    return span


End = Annotated[float, Field(ge=0.01, le=100), OVER_TIME]
Span = Annotated[tuple[End, End], AfterValidator(_ascending)]


class Transforms(Section):
    """The random view that the network gets of the picture in each step, drawn for each picture separately."""

    views: int = Field(1, ge=1, le=64, description="Views of each picture in one step; their gradients are averaged.")
    crop: Span = Field(
        (0.35, 1.0),
        description="Side of the square view as a share of the picture's shorter side: smallest, largest.",
    )
    scale: Span = Field(
        (0.5, 1.2),
        description="Further random magnification of the view: smallest, largest. Below 1 the picture is also seen "
        "from afar, with mirrored surroundings: things become whole, and fewer.",
    )
    flip: float = over_time(0.5, ge=0, le=1, description="Probability that a view is mirrored left to right.")
    detail: float = over_time(
        0.25,
        ge=0,
        le=1,
        description="In a picture much larger than the network's input, the share of views that are smaller than "
        "`crop`, down to where the network sees every pixel.",
    )
    color: float = over_time(
        0.3,
        ge=0,
        lt=1,
        description="Largest random change of the contrast and the saturation of a view, as a share; its brightness "
        "changes by 0.3 of it.",
    )
    rotate: float = over_time(25.0, ge=0, le=180, description="Largest random rotation either way, in degrees.")
    jitter: float = over_time(
        0.06, ge=0, le=1, description="Largest random shift either way, also beyond the border, as a share of the view."
    )


class Regularizers(Section):
    """What is kept small."""

    total_variation: float = over_time(
        1.0, ge=0, description="Weight of the total variation (Mahendran & Vedaldi 2014, arXiv 1412.0035)."
    )
    l2: float = over_time(0.0, ge=0, description="Weight of the mean squared distance from mid-gray.")


class Level(Section):
    """What keeps brightness, contrast and color level while the picture feeds on itself."""

    strength: float = over_time(
        0.8,
        ge=0,
        lt=1,
        description="Share of the deviation that is taken back in a second; 125 steps of a still are a second.",
    )
    contrast: float = over_time(
        0.18, gt=0, le=0.5, description="Standard deviation that is not exceeded for long, where white is 1."
    )


_USUAL_SIDE = 224  # Of the pictures with which the rates were found.


class AscentSettings(Section):
    """How pictures are made from gradients: all that an ascent reads."""

    octaves: int = Field(
        1,
        ge=1,
        le=10,
        description="Sizes in which a fresh picture is dreamed, from small to full; the steps are shared among them.",
    )
    octave_scale: float = Field(1.4, gt=1, le=4, description="How much larger each octave is than the one before it.")
    canvas: Literal["mirror", "wrap"] = Field(
        "mirror",
        description="What lies beyond the border, for the camera's move and the network's views: `mirror` images, or "
        "with `wrap` the other side of the picture, which becomes a tile without a seam.",
    )
    objective: AnyObjective = LogitObjective()
    residual_gradient: float = over_time(
        1.0,
        ge=0,
        le=1,
        description="Share of the gradient that goes through the branches of residual networks (ResNet, MobileNet, "
        "EfficientNet, ConvNeXt, ViT, and others); the shortcuts keep theirs. Below 1, other networks recognize the "
        "dreams more often (Wu et al. 2020, arXiv 2002.05990).",
    )
    together: Literal["turns", "all"] = Field(
        "turns",
        description="How networks dream together, where `network.companions` are given: they take `turns`, one in each "
        "step; or `all` of them are asked in each step, and the mean of their gradients is followed, each brought to "
        "one size. A step of all takes as many passes as there are networks, so give it fewer steps.",
    )
    parameterization: AnyParameterization = FourierParameterization()
    optimizer: AnyOptimizer = AdamOptimizer()
    transforms: Transforms = Transforms()
    regularizers: Regularizers = Regularizers()
    level: Level = Level()

    def for_fresh(self) -> Self:
        """Without what matters in the frames of a film alone."""
        return self.model_copy(update={"parameterization": self.parameterization.for_fresh()})

    def for_side(self, side: int) -> Self:
        """With smaller steps for pictures whose shorter side is above the usual one.

        Equal steps add up the more, the more coefficients there are.
        """
        equal = self.parameterization.has_size_in_steps and self.optimizer.has_equal_steps
        if not equal or side <= _USUAL_SIDE:
            return self
        rate = self.optimizer.rate * (_USUAL_SIDE / side) ** 0.5
        return self.model_copy(update={"optimizer": self.optimizer.with_rate(rate)})


class FilmAscent(AscentSettings):
    """How the frames of a film are made from gradients."""

    steps_per_frame: int = Field(5, ge=0, le=10000, description="Ascent steps for each frame of the film.")
    fresh_steps: int = Field(96, ge=0, le=100000, description="Steps before the first frame of a fresh picture.")


class Dream(FilmAscent):
    """How pixels are made from gradients."""

    preset: Literal["vivid", "clean", "classic-2015", "maco", "pixels", "yosinski-2015"] | None = Field(
        None,
        description="A look by name: other values for some of the other keys, before which your own come. "
        "`docs/presets.md` lists them, and what suits each family of networks.",
    )
