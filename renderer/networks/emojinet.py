"""The architecture of the classifier that the package ships: it knows 1000 emoji.

Everything in it is smooth (SiLU, average pooling), so that the gradient at a picture is never dead and never a
checkerboard. It is convolutional to the end: any picture of 32 x 32 pixels or more can be looked at. Training is in
`scripts/train_emojinet.py`.
"""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

STAGES = ((1, 1), (3, 1), (6, 2), (14, 2), (20, 2))
"""For each halving of the resolution: channels, in widths, and convolutions."""

GRID = 3
"""The picture is summed up in so many rows and columns: an emoji is more than the sum of its parts."""

PLACED = 10
"""Channels, in widths, that each cell of the grid is summed up in."""


class ConvUnit(nn.Module):
    """A 3 x 3 convolution, normalized where it is being trained, and a smooth activation; a shortcut where it fits."""

    def __init__(self, inputs: int, outputs: int, *, folded: bool) -> None:
        """Builds the unit.

        Args:
            inputs: Channels that come in.
            outputs: Channels that go out.
            folded: Whether the normalization is already part of the convolution's weights.
        """
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(outputs)
        self.shortcut = inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Computes batch x outputs x height x width features."""
        answer: Tensor = functional.silu(self.norm(self.convolution(features)))
        return features + answer if self.shortcut else answer

    def fold(self) -> None:
        """Makes the normalization a part of the convolution's weights."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution = fuse_conv_bn_eval(self.convolution, self.norm)
            self.norm = nn.Identity()


class EmojiNet(nn.Module):
    """A small convolutional classifier: pictures in, one logit a class out."""

    def __init__(self, classes: int = 1000, width: int = 16, *, folded: bool = True) -> None:
        """Builds the network with random weights.

        Args:
            classes: Number of logits.
            width: Channels of the first convolution; all others are multiples of it.
            folded: Whether normalization is part of the weights, as in the shipped file; false while training.
        """
        super().__init__()
        self.features = nn.Sequential(*_layers(width, folded=folded))
        self.summary = nn.Sequential(nn.Conv2d(STAGES[-1][0] * width, PLACED * width, 1), nn.AdaptiveAvgPool2d(GRID))
        self.classifier = nn.Linear(GRID**2 * PLACED * width, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Computes the logits.

        Args:
            pictures: Batch x 3 x height x width, at least 32 x 32; RGB, normalized as the weights' file says.

        Returns:
            Logits, batch x classes.
        """
        logits: Tensor = self.classifier(self.summary(self.features(pictures)).flatten(1))
        return logits

    def fold(self) -> "EmojiNet":
        """Makes every normalization a part of the weights, in place; the network must be in evaluation mode."""
        for unit in self.features:
            if isinstance(unit, ConvUnit):
                unit.fold()
        return self


def _layers(width: int, *, folded: bool) -> Iterator[nn.Module]:
    """Yields convolutions, and an average pooling before each stage but the first."""
    inputs = 3
    for stage, (multiple, count) in enumerate(STAGES):
        if stage > 0:
            yield nn.AvgPool2d(2)
        for _ in range(count):
            yield ConvUnit(inputs, multiple * width, folded=folded)
            inputs = multiple * width
