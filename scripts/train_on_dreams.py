"""Trains a small network on dreams alone, and sees how it does on real pictures of what the embedded network knows."""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor, nn
from torch.nn import functional

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "scripts")]

from emojinet.augment import Glyphs, Painter, matrix  # noqa: E402
from emojinet.choice import read_classes  # noqa: E402
from emojinet.glyphs import glyph_bank  # noqa: E402
from emojinet.measure import HELD_OUT_SEED  # noqa: E402

from renderer.networks.emojinet import EmojiNet  # noqa: E402

CLASSES = REPOSITORY / "renderer/targets/data/emoji_classes.csv"
REAL_SEED = 7
"""The real pictures that a network is trained on for comparison; none is among those that are measured with."""

EXAMPLES = """
example:
  neuron-atlas stills emoji --set stills.variants=20 --set 'classes.select=[0, 50, 100]' --output runs/many
  neuron-atlas export runs/many --size 64
  %(prog)s runs/many-imagefolder

Real pictures are those that the embedded network is measured with: glyphs of Noto Color Emoji, turned, shifted, partly
covered, on backgrounds of many kinds. Font on Debian: apt install fonts-noto-color-emoji
"""


@dataclass(frozen=True)
class Pictures:
    """Pictures in [0, 1], count x 3 x size x size, and the label of each."""

    pixels: Tensor
    labels: Tensor


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    answer.add_argument("folder", type=Path, help="what `neuron-atlas export` has written of the embedded network")
    answer.add_argument("--size", type=int, default=64, help="side of all pictures, default %(default)s")
    answer.add_argument("--width", type=int, default=6, help="channels of the first convolution, default %(default)s")
    answer.add_argument("--steps", type=int, default=300, help="training steps, default %(default)s")
    answer.add_argument("--batch", type=int, default=64, help="pictures a step, default %(default)s")
    answer.add_argument("--seeds", type=int, default=3, help="trainings of each kind, default %(default)s")
    answer.add_argument("--tested", type=int, default=2000, help="real pictures to test on, default %(default)s")
    answer.add_argument("--threads", type=int, help="processor threads")
    answer.add_argument("--font", type=Path, default=Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"))
    return answer


def read_classes_of(folder: Path) -> list[dict[str, Any]]:
    """Reads the classes of an exported training set, in the order of their labels."""
    classes: list[dict[str, Any]] = json.loads((folder / "classes.json").read_text("utf-8"))["classes"]
    return classes


def read_dreams(folder: Path, split: str, classes: list[dict[str, Any]], size: int) -> Pictures:
    """Reads one part of an exported training set; the labels are those of torchvision's ImageFolder."""
    folders = [(folder / split / one["folder"], one["label"]) for one in classes]
    files = [(path, label) for place, label in folders for path in sorted(place.glob("*.png"))]
    pixels = [
        np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.Resampling.BOX)) for path, _ in files
    ]
    stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    return Pictures(stacked, torch.tensor([label for _, label in files]))


def real_glyphs(font: Path, indexes: list[int]) -> Glyphs:
    """Draws the emoji of some classes of the embedded network, in this order."""
    emoji = [read_classes(CLASSES)[index] for index in indexes]
    return Glyphs.of(emoji, glyph_bank(font, [one.character for one in emoji], 128))


def painted(glyphs: Glyphs, size: int, labels: Tensor, seed: int) -> Pictures:
    """Paints real pictures, one for each label, as those that the embedded network was trained on."""
    painter = Painter(glyphs, size, Generator().manual_seed(seed))
    wanted = {int(label): int((labels == label).sum()) for label in labels.unique()}
    found: dict[int, list[Tensor]] = {label: [] for label in wanted}
    while any(len(found[label]) < count for label, count in wanted.items()):
        for picture, label in zip(*painter.batch(128), strict=True):
            if int(label) in found and len(found[int(label)]) < wanted[int(label)]:
                found[int(label)].append(picture)
    pixels = torch.cat([torch.stack(found[label]) for label in wanted])
    return Pictures(pixels, torch.tensor([label for label, count in wanted.items() for _ in range(count)]))


def augmented(pixels: Tensor, generator: Generator) -> Tensor:
    """Scales, turns, shifts, mirrors and colors each picture in its own way; the same for dreams and real pictures."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(len(pixels), *shape, generator=generator) * (high - low) + low

    flip = torch.where(uniform(0, 1) < 0.1, -1.0, 1.0)
    matrices = matrix(uniform(0.75, 1.25), uniform(-0.25, 0.25), flip, uniform(-0.15, 0.15, 2))
    grid = functional.affine_grid(matrices, list(pixels.shape), align_corners=False)
    moved = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    gray = moved.mean(1, keepdim=True)
    moved = gray + uniform(0.6, 1.4, 1, 1, 1) * (moved - gray)
    moved = 0.5 + uniform(0.7, 1.3, 1, 1, 1) * (moved - 0.5) + uniform(-0.15, 0.15, 3, 1, 1)
    return (moved + 0.04 * torch.randn(moved.shape, generator=generator)).clamp(0, 1)


def trained(pictures: Pictures, classes: int, options: argparse.Namespace, seed: int) -> nn.Module:
    """Trains a network from nothing on the given pictures alone."""
    generator = Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = EmojiNet(classes, options.width, folded=False).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.05)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=options.steps, pct_start=0.1)
    for _ in range(options.steps):
        chosen = torch.randint(len(pictures.labels), (options.batch,), generator=generator)
        logits = network(centered(augmented(pictures.pixels[chosen], generator)))
        loss = functional.cross_entropy(logits, pictures.labels[chosen], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.step()
    return network.eval()


def centered(pixels: Tensor) -> Tensor:
    """Pictures as networks here are fed."""
    return ((pixels - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def accuracy(network: nn.Module, pictures: Pictures) -> float:
    """Share of the pictures that a network puts into their class."""
    with torch.no_grad():
        answers = [network(centered(part)).argmax(1) for part in pictures.pixels.split(256)]
    return (torch.cat(answers) == pictures.labels).float().mean().item()


def told(shares: list[float]) -> str:
    """A mean, and from where to where."""
    return f"{statistics.mean(shares):6.1%}  ({min(shares):.1%} to {max(shares):.1%})"


def main() -> None:
    """Trains on dreams, and on as many real pictures, and tells both."""
    reader = parser()
    options = reader.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    for path in (options.folder / "classes.json", options.font):
        if not path.is_file():
            reader.error(f"there is no {path}; see --help")
    classes = read_classes_of(options.folder)
    dreams = read_dreams(options.folder, "train", classes, options.size)
    glyphs = real_glyphs(options.font, [one["index"] for one in classes])
    tests = {
        "real pictures": painted(glyphs, options.size, torch.arange(options.tested) % len(classes), HELD_OUT_SEED),
        "dreams of val": read_dreams(options.folder, "val", classes, options.size),
    }
    material = {
        "dreams": dreams,
        "as many real pictures": painted(glyphs, options.size, dreams.labels, REAL_SEED),
    }
    print(f"{len(classes)} classes, {len(dreams.labels)} pictures to train on; chance is {1 / len(classes):.1%}")
    print(f"tested on {options.tested} real pictures, and {len(tests['dreams of val'].labels)} dreams", flush=True)
    for name, pictures in material.items():
        networks = [trained(pictures, len(classes), options, seed) for seed in range(options.seeds)]
        for test, shown in tests.items():
            shares = [accuracy(network, shown) for network in networks]
            print(f"trained on {name:22} tested on {test:14} {told(shares)}", flush=True)


if __name__ == "__main__":
    main()
