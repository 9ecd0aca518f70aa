"""Accuracy on held-out augmentations, clean and under attack, and recognition of dreamed stills."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator, nn
from torch.nn import functional

from emojinet.attack import l2_attack
from emojinet.augment import Glyphs, Painter

HELD_OUT_SEED = 20_151_225
"""The augmentations of this seed are measured with, and never trained on."""

ATTACK_STEPS = 10
BATCH = 128


def accuracies(network: nn.Module, glyphs: Glyphs, *, size: int, count: int, radius: float) -> tuple[float, float]:
    """Measures how many pictures are recognized, as they are and after a 10-step L2 attack.

    Args:
        network: Takes pictures in [0, 1]; in evaluation mode.
        glyphs: What to recognize.
        size: Side of the pictures.
        count: How many pictures.
        radius: Radius of the attack at this size.

    Returns:
        The two accuracies, as parts of one.
    """
    device = next(network.parameters()).device
    generator = Generator(device).manual_seed(HELD_OUT_SEED)
    painter = Painter(glyphs, size, generator)
    right = [0, 0]
    for start in range(0, count, BATCH):
        pictures, labels = painter.batch(min(BATCH, count - start))

        def loss(attacked: torch.Tensor, labels: torch.Tensor = labels) -> torch.Tensor:
            return functional.cross_entropy(network(attacked), labels, reduction="sum")

        attacked = l2_attack(pictures, loss, radius=radius, steps=ATTACK_STEPS, generator=generator)
        for index, shown in enumerate((pictures, attacked)):
            with torch.no_grad():
                right[index] += int((network(shown).argmax(1) == labels).sum())
    return right[0] / count, right[1] / count


def recognized(network: nn.Module, size: int, run: Path) -> list[tuple[str, bool]]:
    """Tells of each still of a run whether a network puts its class first.

    Args:
        network: Takes pictures in [0, 1]; in evaluation mode.
        size: Side of the pictures that it takes.
        run: The run's directory.

    Returns:
        Titles, and whether they are recognized.
    """
    device = next(network.parameters()).device
    classes = [entry for entry in json.loads((run / "atlas.json").read_text("utf-8"))["classes"] if entry["still"]]
    answers = []
    for entry in classes:
        pixels = torch.from_numpy(np.array(Image.open(run / entry["still"]))).to(device)
        picture = pixels.permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            seen = network(functional.interpolate(picture, (size, size), mode="bilinear", antialias=True))
        answers.append((entry["title"], int(seen.argmax()) == entry["index"]))
    return answers
