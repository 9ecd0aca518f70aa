"""Trains the small decoder that the package ships for `parameterization: {kind: generator}`.

It is one half of an autoencoder (Kingma & Welling 2013, arXiv 1312.6114, but with noise of a fixed strength): pictures
of emoji become codes, the codes get noise, and are to become the same pictures again, by their pixels and by what the
embedded network's first layers see in them (Dosovitskiy & Brox 2016, arXiv 1602.02644).
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "scripts")]

from emojinet.augment import Glyphs, Painter, over  # noqa: E402
from emojinet.choice import read_classes  # noqa: E402
from emojinet.export import load_exported  # noqa: E402
from emojinet.glyphs import glyph_bank  # noqa: E402
from emojinet.muon import Muon  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torchvision.utils import save_image  # noqa: E402

from renderer.networks.emoji_decoder import CODE, EmojiDecoder  # noqa: E402

CLASSES = REPOSITORY / "renderer/targets/data/emoji_classes.csv"
EMBEDDED = REPOSITORY / "renderer/networks/data/emojinet.safetensors"
WEIGHTS = REPOSITORY / "renderer/networks/data/emoji_decoder.safetensors"
LICENSE = "Trained by the neuron-atlas project from pictures of Noto Color Emoji (SIL Open Font License 1.1)."
SIZE = 64
SEEN = 7
"""So many of the embedded network's layers compare the pictures."""
NOISE = 0.3
"""Of the codes, whose numbers have a standard deviation of 1 each."""


def make_encoder() -> nn.Module:
    """Pictures to codes whose numbers have mean 0 and a standard deviation of 1."""
    layers: list[nn.Module] = []
    widths = (3, 32, 64, 128, 192)
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * widths[-1], CODE), nn.BatchNorm1d(CODE, affine=False))


def paint(painter: Painter, count: int) -> Tensor:
    """Paints emoji on plain colors and gradients, without all that a classifier has to see through."""
    plain = painter.smooth(count, 1)
    shaded = painter.coin(count, 0.3).view(-1, 1, 1, 1)
    return over(painter.placed(painter.labels(count)), torch.where(shaded, painter.smooth(count, 2), plain))


def seen_by(layers: nn.Sequential, pictures: Tensor) -> list[Tensor]:
    """What the embedded network's first layers see, after each stage."""
    features, found = (pictures - 0.5) / 0.25, []
    for layer in layers:
        if isinstance(layer, nn.AvgPool2d):
            found.append(features)
        features = layer(features)
    return [*found, features]


def unlike(layers: nn.Sequential, made: Tensor, wanted: Tensor) -> Tensor:
    """How far pictures are from those that they were to be."""
    with torch.no_grad():
        known = seen_by(layers, wanted)
    loss = 4 * functional.l1_loss(made, wanted)
    for own, features in zip(seen_by(layers, made), known, strict=True):
        loss = loss + functional.mse_loss(own, features) / features.var()
    return loss


def make_optimizers(weights: list[nn.Parameter]) -> list[Optimizer]:
    """Gives matrices and kernels to Muon, and the rest to Adam."""
    inner = [weight for weight in weights if weight.ndim > 1 and weight.shape[0] > 3]
    rest = [weight for weight in weights if weight.ndim == 1 or weight.shape[0] <= 3]
    return [Muon(inner, lr=0.02, momentum=0.9, weight_decay=0.02), AdamW(rest, lr=3e-3, weight_decay=0.0)]


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    answer.add_argument("--weights", type=Path, default=WEIGHTS, help="file to write, default: the shipped one")
    answer.add_argument("--samples", type=Path, metavar="PNG", help="write pictures that it makes, too")
    answer.add_argument("--steps", type=int, default=3000, help="most steps, default %(default)s")
    answer.add_argument("--batch", type=int, default=32, help="default %(default)s")
    answer.add_argument("--minutes", type=float, default=28, help="most time, default %(default)s")
    answer.add_argument("--seed", type=int, default=0, help="default %(default)s")
    answer.add_argument("--threads", type=int, help="processor threads")
    answer.add_argument("--font", type=Path, default=Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"))
    return answer


class Training:
    """An encoder and a decoder while they learn."""

    def __init__(self, font: Path, seed: int) -> None:
        """Draws the emoji, and begins with random weights."""
        torch.manual_seed(seed)
        self.generator = Generator().manual_seed(seed)
        emoji = read_classes(CLASSES)
        glyphs = Glyphs.of(emoji, glyph_bank(font, [one.character for one in emoji], 96))
        self.painter = Painter(glyphs, SIZE, self.generator)
        self.encoder, self.decoder = make_encoder(), EmojiDecoder()
        self.weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizers = make_optimizers(self.weights)
        embedded, _ = load_exported(EMBEDDED, torch.device("cpu"))
        self.seen = embedded.network.features[:SEEN].requires_grad_(requires_grad=False)

    def run(self, options: argparse.Namespace) -> None:
        """Trains until the steps are done or the time is over; the rates fall with whichever is nearer."""
        began, mean = time.monotonic(), 0.0
        for step in range(options.steps):
            minutes = (time.monotonic() - began) / 60
            spent = max(step / options.steps, minutes / options.minutes)
            if spent >= 1:
                break
            loss = self.learn(options.batch, min(1.0, (step + 1) / 20) * min(1.0, (1 - spent) / 0.7))
            mean = loss if step == 0 else 0.95 * mean + 0.05 * loss
            if (step + 1) % 50 == 0:
                print(f"step {step + 1}: {mean:.3f}, {minutes:.1f} min", flush=True)

    def learn(self, count: int, pace: float) -> float:
        """Takes a step with so many pictures, and gives its loss; `pace` is the share of the full rates."""
        pictures = paint(self.painter, count)
        codes = self.encoder(pictures)
        made = self.decoder(codes + NOISE * torch.randn(codes.shape, generator=self.generator))
        loss = unlike(self.seen, made, pictures)
        for weight in self.weights:
            weight.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = pace * optimizer.defaults["lr"]
            optimizer.step()
        return loss.item()

    @torch.no_grad()
    def write(self, weights: Path, samples: Path | None) -> None:
        """Writes the decoder; and emoji, what it makes of their codes, and what it makes of codes from dice."""
        state = {name: tensor.half() for name, tensor in self.decoder.state_dict().items()}
        save_file(state, weights, metadata={"architecture": "emoji decoder", "license": LICENSE})
        weights.chmod(0o644)
        if samples:
            self.encoder.eval()
            pictures, dice = paint(self.painter, 16), torch.randn(16, CODE, generator=self.generator)
            shown = [pictures, self.decoder(self.encoder(pictures)), self.decoder(dice)]
            save_image(torch.cat(shown), samples, nrow=16)


def main() -> None:
    """Does what the command line asks for."""
    options = parser().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    training = Training(options.font, options.seed)
    training.run(options)
    training.write(options.weights, options.samples)


if __name__ == "__main__":
    main()
