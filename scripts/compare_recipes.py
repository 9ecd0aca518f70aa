"""Compares recipes for dreams: how many of the same classes does a judge recognize, after the same number of passes?

Each recipe is a mapping of settings of the section `dream`, in `scripts/recipes.yaml`; `lucent` is the library of that
name (`pip install torch-lucent kornia`), with its defaults. A pass is one picture going through the network and back.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from jaxtyping import UInt8
from lucent_dreams import dream_with_lucent
from PIL import Image
from rich.console import Console
from rich.table import Table

from renderer.atlas.figures import measure
from renderer.atlas.recognition import Judge, make_judge, score_picture
from renderer.film.sequence import dream_stills
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import StillTask
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.source import NetworkSource
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_network, parse_settings
from renderer.settings.sections import Settings
from renderer.store.evaluation_file import Figures
from renderer.targets.target import Target

RECIPES = Path(__file__).with_name("recipes.yaml")
BATCH = 10

EXAMPLES = """
examples:
  %(prog)s --network torchvision:squeezenet1_1 --judge torchvision:mobilenet_v2 default lucent
  %(prog)s --weights squeezenet1_1.safetensors --judge-weights mobilenet_v2.safetensors --classes 25 --all
  %(prog)s --network torchvision:mobilenet_v2 --judge torchvision:squeezenet1_1 --pictures runs/compared default
"""

Pictures = UInt8[np.ndarray, "classes height width 3"]


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    answer.add_argument("recipes", nargs="*", default=["default"], help="names in recipes.yaml, or lucent")
    answer.add_argument("--all", action="store_true", help="all of recipes.yaml")
    answer.add_argument("--network", default="torchvision:squeezenet1_1", help="who dreams, default %(default)s")
    answer.add_argument("--weights", help="its weights: a name of torchvision's, or a file")
    answer.add_argument("--judge", default="torchvision:mobilenet_v2", help="who looks, default %(default)s")
    answer.add_argument("--judge-weights", help="its weights")
    answer.add_argument("--classes", type=int, default=100, help="how many, evenly spread, default %(default)s")
    answer.add_argument("--first", type=int, default=0, help="index of the first of them, default %(default)s")
    answer.add_argument("--passes", type=int, default=256, help="passes for each picture, default %(default)s")
    answer.add_argument("--size", type=int, default=224, help="side of the pictures, default %(default)s")
    answer.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="float32", help="of the dreaming network"
    )
    answer.add_argument("--json", type=Path, help="append a line of JSON for each recipe to this file")
    answer.add_argument("--pictures", type=Path, help="folder to which the pictures are written")
    return answer


def settings_of(recipe: dict[str, object], options: argparse.Namespace) -> Settings:
    """Turns a recipe into the settings of a run of stills that takes the asked for number of passes."""
    network = parse_network(options.network, "--network", options.weights)
    stills = {"width": options.size, "height": options.size, "steps": options.passes}
    tree = {"network": network.model_dump(mode="json"), "stills": stills, "dream": recipe}
    settings = parse_settings(json.dumps(tree), f"{RECIPES}")
    steps = options.passes // settings.dream.transforms.views
    settings = settings.model_copy(update={"stills": settings.stills.model_copy(update={"steps": steps})})
    return Chosen(precision=options.precision, threads=torch.get_num_threads()).fill_in(settings)


def dream(network: Network, settings: Settings, indices: list[int]) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yields a picture of each class."""
    targets = [network.classes[index] for index in indices]
    recipe = still_recipe(settings, targets, settings.network.describe())
    tasks = [StillTask(target.aim, settings.run.seed) for target in targets]
    for first in range(0, len(tasks), BATCH):
        yield from (still.picture for still in dream_stills(network, recipe, tasks[first : first + BATCH]))


def dream_by_lucent(
    network: NetworkSource, options: argparse.Namespace, indices: list[int]
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yields lucent's picture of each class."""
    if not isinstance(network, TorchvisionNetwork):
        sys.exit("lucent knows torchvision's normalization only: choose a torchvision network")
    module = network.load().module.eval().requires_grad_(requires_grad=False)
    module.to(memory_format=torch.channels_last)
    for first in range(0, len(indices), BATCH):
        yield from dream_with_lucent(module, indices[first : first + BATCH], size=options.size, steps=options.passes)


def measured(judge: Judge, pictures: Pictures, classes: list[Target]) -> Figures:
    """Tells how well a network recognizes the pictures of the classes."""
    scores = [score_picture(judge, target, picture) for target, picture in zip(classes, pictures, strict=True)]
    return measure([score for score in scores if score is not None])[0]


def save(pictures: Pictures, indices: list[int], folder: Path) -> None:
    """Writes the pictures as PNG files named by class."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture, index in zip(pictures, indices, strict=True):
        Image.fromarray(picture).save(folder / f"{index:04d}.png")


@dataclass(frozen=True)
class Row:
    """What came of one recipe: how the dreaming network and the judge recognize it, and milliseconds for a pass."""

    recipe: str
    own: Figures
    judged: Figures
    milliseconds: float

    def as_data(self) -> dict[str, object]:
        """Gives plain data for JSON."""
        own, judged = self.own.model_dump(exclude={"shown"}), self.judged.model_dump(exclude={"shown"})
        return {"recipe": self.recipe, "own": own, "judged": judged, "milliseconds_a_pass": self.milliseconds}

    def as_text(self) -> list[str]:
        """Gives the cells of the table."""
        figures = [f"{figure:.2f}" for seen in (self.own, self.judged) for figure in (seen.top_1, seen.top_5)]
        return [self.recipe, *figures, f"{self.judged.mean_log_probability:.2f}", f"{self.milliseconds:.1f}"]


def compare(options: argparse.Namespace, recipes: dict[str, dict[str, object]]) -> Iterator[Row]:
    """Yields the figures of one recipe after the other."""
    precision = getattr(torch, options.precision)
    cpu = torch.device("cpu")
    network_settings = parse_network(options.network, "--network", options.weights)
    exact = load_network(network_settings, cpu)
    dreamer = exact if precision == exact.dtype else load_network(network_settings, cpu, precision)
    judge = load_network(parse_network(options.judge, "--judge", options.judge_weights), cpu)
    judges = [make_judge(network, exact.classes) for network in (exact, judge)]
    indices = [options.first + round(k * 1000 / options.classes) for k in range(options.classes)]
    for name in options.recipes:
        began = time.monotonic()
        if name == "lucent":
            drawn = dream_by_lucent(network_settings, options, indices)
        else:
            drawn = dream(dreamer, settings_of(recipes[name], options), indices)
        pictures = np.stack(list(drawn))
        seconds = time.monotonic() - began
        if options.pictures:
            save(pictures, indices, options.pictures / name)
        own, judged = (measured(one, pictures, [exact.classes[index] for index in indices]) for one in judges)
        yield Row(name, own, judged, 1000 * seconds / options.passes / len(indices))


def table(options: argparse.Namespace) -> Table:
    """Begins the table."""
    answer = Table(title=f"{options.classes} classes, {options.passes} passes, {options.size}x{options.size}")
    for column in (
        "recipe",
        f"{options.network}: top-1",
        "top-5",
        f"{options.judge}: top-1",
        "top-5",
        "log p",
        "ms/pass",
    ):
        answer.add_column(column)
    return answer


def main() -> None:
    """Prints a table."""
    options = parser().parse_args()
    recipes = yaml.safe_load(RECIPES.read_text(encoding="utf-8"))
    if options.all:
        options.recipes = list(recipes)
    shown = table(options)
    for row in compare(options, recipes):
        shown.add_row(*row.as_text())
        print(json.dumps(row.as_data()), flush=True)
        if options.json:
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row.as_data()) + "\n")
    Console().print(shown)


if __name__ == "__main__":
    main()
