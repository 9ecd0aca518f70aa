"""The training loop: paint, attack, learn; with checkpoints from which it continues."""

import copy
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from emojinet.attack import l2_attack
from emojinet.augment import Glyphs, Painter
from emojinet.choice import Emoji
from emojinet.measure import accuracies
from emojinet.muon import Muon
from renderer.networks.emojinet import EmojiNet

MEAN, STD = 0.5, 0.25
"""The network sees (picture - MEAN) / STD, in every channel."""

CHECKPOINT_SECONDS = 120
REPORT_STEPS = 50
MEASURE_STEPS = 200
MEASURED = 128
CLIPPED_NORM = 2.0


@dataclass(frozen=True)
class Recipe:
    """Everything that the trained weights depend on, besides the pictures."""

    width: int = 16
    seed: int = 0
    steps: int = 2000
    batch: int = 128
    parts: int = 2
    """Each batch is done in so many parts at the same time, each with its own randomness and batch statistics."""
    sizes: tuple[tuple[float, int], ...] = ((0.0, 48), (0.17, 64), (0.4, 96))
    """Side of the pictures from each part of the steps on."""
    radius: float = 6.0
    """Radius of the attack at 64 x 64; it grows as the side does."""
    radius_ramp: tuple[float, float] = (0.08, 0.6)
    """Between which parts of the steps the radius grows from zero; before, there is no attack, which is fast."""
    attack_steps: int = 1
    kernel_rate: float = 0.035
    """Learning rate of the convolutions, for Muon."""
    learning_rate: float = 3e-3
    """Learning rate of the rest, for Adam."""
    momentum: float = 0.9
    warmup: float = 0.01
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    average: float = 0.998
    """Decay of the running average of the weights, which is what is kept."""

    def size(self, step: int) -> int:
        """Tells the pictures' side at a step."""
        return [size for start, size in self.sizes if step >= start * self.steps][-1]

    def attack_radius(self, step: int) -> float:
        """Tells the attack's radius at a step, for that step's size."""
        start, end = (part * self.steps for part in self.radius_ramp)
        return scaled(self.radius, self.size(step)) * min(1.0, max(0.0, (step - start) / (end - start)))

    def pace(self, step: int) -> float:
        """Tells by what the learning rates are multiplied at a step: a linear rise, then a linear fall to zero."""
        rise = self.warmup * self.steps
        return min((step + 1) / rise, (self.steps - step) / (self.steps - rise))


def scaled(radius: float, size: int) -> float:
    """Turns a radius at 64 x 64 into the one with the same change a pixel at another size."""
    return radius * size / 64


class Normalized(nn.Module):
    """A network that takes pictures in [0, 1]."""

    def __init__(self, network: EmojiNet) -> None:
        """Wraps a network that takes normalized pictures."""
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Computes logits, in half precision inside and float32 outside."""
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=self.training):
            logits: Tensor = self.network((pictures - MEAN) / STD)
        return logits.float()


class Part:
    """What one thread does of each step: paint, attack, and compute gradients, on a copy that shares its weights."""

    def __init__(self, recipe: Recipe, network: Normalized, generator: Generator) -> None:
        """Copies the network's statistics, not its weights."""
        self.recipe = recipe
        self.network = copy.deepcopy(network, memo={id(p): p for p in network.parameters()}).train()
        self.generator = generator
        self.painter: Painter | None = None

    def gradients(self, glyphs: Glyphs, step: int) -> tuple[float, float, tuple[Tensor, ...]]:
        """Computes loss, accuracy and gradients of this part of a step's batch, under attack."""
        size = self.recipe.size(step)
        if self.painter is None or self.painter.size != size:
            self.painter = Painter(glyphs, size, self.generator)
        pictures, labels = self.painter.batch(self.recipe.batch // self.recipe.parts)
        logits = self.network(self.attack(pictures, labels, step))
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        gradients = torch.autograd.grad(loss, list(self.network.parameters()))
        return loss.item(), (logits.argmax(1) == labels).float().mean().item(), gradients

    def attack(self, pictures: Tensor, labels: Tensor, step: int) -> Tensor:
        """Makes the pictures hard for the network as it stands, once there is a radius."""
        radius = self.recipe.attack_radius(step)
        if radius == 0:
            return pictures

        def loss(attacked: Tensor) -> Tensor:
            return functional.cross_entropy(self.network(attacked), labels, reduction="sum")

        steps = self.recipe.attack_steps
        return l2_attack(pictures, loss, radius=radius, steps=steps, generator=self.generator)


class Training:
    """A training under way."""

    def __init__(self, recipe: Recipe, emoji: list[Emoji], device: torch.device) -> None:
        """Starts from random weights."""
        torch.manual_seed(recipe.seed)
        self.recipe, self.emoji, self.step, self.seconds = recipe, emoji, 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.network = Normalized(EmojiNet(len(emoji), recipe.width, folded=False))
        self.network.to(device).to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network).eval()
        self.optimizers = optimizers(self.network, recipe)
        seeds = [recipe.seed * recipe.parts + part for part in range(recipe.parts)]
        self.parts = [Part(recipe, self.network, Generator(device).manual_seed(seed)) for seed in seeds]

    def save(self, path: Path) -> None:
        """Writes a whole checkpoint, or none."""
        state = {
            "recipe": asdict(self.recipe),
            "emoji": [asdict(e) for e in self.emoji],
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "generators": [part.generator.get_state() for part in self.parts],
            "progress": {"step": self.step, "seconds": self.seconds, "curve": self.curve},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, device: torch.device, **changes: Any) -> "Training":
        """Continues from a checkpoint, with some of the recipe's numbers changed if so wished."""
        state = torch.load(path, map_location=device, weights_only=True)
        recipe = Recipe(**{**state["recipe"], **changes})
        training = cls(recipe, [Emoji(**e) for e in state["emoji"]], device)
        training.network.load_state_dict(state["network"])
        training.averaged.load_state_dict(state["averaged"])
        for optimizer, kept in zip(training.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        training.share_statistics([training.network])
        for part, generator in zip(training.parts, state["generators"], strict=True):
            part.generator.set_state(generator.cpu())
        for name, value in state["progress"].items():
            setattr(training, name, value)
        return training

    def run(self, glyphs: Glyphs, checkpoint: Path, threads: int, until: int | None = None) -> None:
        """Trains to the end of the recipe, or to an earlier step, reporting and saving on the way."""
        each = max(1, threads // len(self.parts))
        torch.set_num_threads(each)
        sums, saved = [0.0, 0.0], time.monotonic()
        begun = saved - self.seconds
        with ThreadPoolExecutor(len(self.parts), initializer=torch.set_num_threads, initargs=(each,)) as pool:
            while self.step < (until or self.recipe.steps):
                sums = [total + new for total, new in zip(sums, self.learn(glyphs, pool), strict=True)]
                self.seconds = time.monotonic() - begun
                if self.step % REPORT_STEPS == 0:
                    self.report([total / REPORT_STEPS for total in sums], glyphs)
                    sums = [0.0, 0.0]
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.save(checkpoint)
                    saved = time.monotonic()
        self.save(checkpoint)

    def learn(self, glyphs: Glyphs, pool: ThreadPoolExecutor) -> tuple[float, float]:
        """Takes one step; returns its loss and its accuracy, both under attack."""
        results = list(pool.map(lambda part: part.gradients(glyphs, self.step), self.parts))
        losses, accuracy, gradients = zip(*results, strict=True)
        for parameter, *parts in zip(self.network.parameters(), *gradients, strict=True):
            parameter.grad = torch.stack(parts).mean(0)
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIPPED_NORM)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * self.recipe.pace(self.step)
            optimizer.step()
        self.step += 1
        self.share_statistics([part.network for part in self.parts])
        self.average()
        return sum(losses) / len(losses), sum(accuracy) / len(accuracy)

    @torch.no_grad()
    def share_statistics(self, sources: list[Normalized]) -> None:
        """Gives the network and all its parts the mean of the sources' batch statistics."""
        means = [torch.stack(list(b)).float().mean(0) for b in zip(*(s.buffers() for s in sources), strict=True)]
        for network in [self.network, *(part.network for part in self.parts)]:
            for buffer, mean in zip(network.buffers(), means, strict=True):
                buffer.copy_(mean)

    @torch.no_grad()
    def average(self) -> None:
        """Moves the running average a little towards the weights of this step."""
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        states = zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True)
        for kept, new in states:
            kept.copy_(torch.lerp(kept.float(), new.float(), 1 - decay))

    def report(self, means: list[float], glyphs: Glyphs) -> None:
        """Adds a row to the curve and prints it."""
        size = self.recipe.size(self.step - 1)
        row = {"step": self.step, "size": size, "minutes": round(self.seconds / 60, 2)}
        row |= {"loss": round(means[0], 4), "attacked_in_training": round(means[1], 4)}
        if self.step % MEASURE_STEPS == 0 or self.step == self.recipe.steps:
            radius = scaled(1.0, size)
            row["clean"], row["attacked"] = accuracies(self.averaged, glyphs, size=size, count=MEASURED, radius=radius)
        self.curve.append(row)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)


def optimizers(network: nn.Module, recipe: Recipe) -> tuple[Optimizer, Optimizer]:
    """Gives the convolutions' kernels to Muon, and the rest to Adam."""
    kernels = [parameter for parameter in network.parameters() if parameter.ndim == 4]
    rest = [parameter for parameter in network.parameters() if parameter.ndim != 4]
    muon = Muon(kernels, lr=recipe.kernel_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    return muon, AdamW(rest, lr=recipe.learning_rate, weight_decay=0.0, fused=True)
