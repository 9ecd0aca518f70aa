"""The small decoder that the package ships: codes of 128 numbers to pictures of emoji, 64 x 64.

Training is in `scripts/train_decoder.py`.
"""

from importlib.resources import as_file, files
from itertools import pairwise

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = files("renderer.networks") / "data" / "emoji_decoder.safetensors"
CODE = 128
CHANNELS = (96, 96, 64, 40, 16)
"""Of the features of 4 x 4, 8 x 8 and so on up to 64 x 64."""


class EmojiDecoder(nn.Module):
    """Codes to pictures in [0, 1]; it was trained on codes whose numbers have mean 0 and a standard deviation of 1."""

    code_size = CODE

    def __init__(self) -> None:
        """Builds it with random weights."""
        super().__init__()
        self.first = nn.Linear(CODE, CHANNELS[0] * 16)
        pairs = pairwise(CHANNELS)
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, padding=1) for inputs, outputs in pairs)
        self.last = nn.Conv2d(CHANNELS[-1], 3, 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        """Computes batch x 3 x 64 x 64 pictures of batch x 128 codes."""
        features = functional.silu(self.first(codes).unflatten(1, (CHANNELS[0], 4, 4)))
        for convolution in self.convolutions:
            features = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
            features = functional.silu(convolution(features))
        pictures: Tensor = self.last(features).sigmoid()
        return pictures


def emoji_decoder() -> EmojiDecoder:
    """The decoder with its trained weights."""
    with as_file(WEIGHTS) as path:
        state = {name: tensor.float() for name, tensor in load_file(path).items()}
    decoder = EmojiDecoder()
    decoder.load_state_dict(state)
    return decoder
