"""Dreams with every classification architecture of torchvision, at random weights, and prints a table of how it went.

Each is loaded from a file of random weights as a user's would be, and dreams two classes for a few steps at the size of
its input: by what suits its family, with the whole gradient, and with a part of that of residual branches. It tells
that all of them work, and nothing of how the dreams of trained ones look.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file
from torchvision import models

from renderer.common.exhaustion import is_out_of_memory
from renderer.dream.health import Health
from renderer.film.sequence import dream_stills
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import DreamedStill, StillTask
from renderer.networks.architectures import architecture_names
from renderer.networks.network import Network
from renderer.networks.threads import prepare_thread
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.settings.sections import Settings

CLASSES = (1, 281)
SHARES = (1.0, 0.6)  # Of the gradient of residual branches.
GIGABYTE = 1e9
COLUMNS = ("architecture", "input", "millions of parameters", "dreams", "ms a pass")

EXAMPLES = """
examples:
  nice %(prog)s > table.md                         all of them; takes an hour or so on a processor
  %(prog)s resnet18 swin_t vit_b_32 --steps 8
  %(prog)s resnet50 --steps 8 --peak             with the memory that its process takes at most
"""


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    answer.add_argument("names", nargs="*", help="architectures; by default all")
    answer.add_argument("--steps", type=int, default=2, help="for each picture, default %(default)s")
    answer.add_argument("--memory", type=float, default=16, help="most gigabytes for one, default %(default)s")
    answer.add_argument("--peak", action="store_true", help="tell how much memory the process takes at most")
    answer.add_argument("--threads", type=int, default=1, help="of the processor, default %(default)s")
    return answer


@dataclass(frozen=True)
class Row:
    """How it went with one architecture."""

    name: str
    size: int = 0
    millions: float = 0.0
    problems: tuple[str, ...] = ()
    milliseconds: float = 0.0
    """Of the processor: what else runs there does not count."""
    peak: float | None = None
    """Gigabytes that the process took at most, with Python and torch; None if that is not to be told."""

    def __str__(self) -> str:
        """Gives a row of the table."""
        dreams = f"no: {'; '.join(self.problems)}" if self.problems else "yes"
        figures = [str(self.size), f"{self.millions:.1f}"] if self.size else ["", ""]
        passed = f"{self.milliseconds:.0f}" if self.milliseconds else ""
        peak = [] if self.peak is None else [f"{self.peak:.1f} GB"]
        return f"| {' | '.join([f'`{self.name}`', *figures, dreams, passed, *peak])} |"


def write_random_weights(name: str, path: Path) -> int:
    """Writes weights as torchvision draws them, and counts them; of a ViT for the smallest pictures of its own ones."""
    size = min(weights.transforms().crop_size[0] for weights in models.get_model_weights(name))
    options = {"image_size": size} if name.startswith("vit_") else {}
    torch.manual_seed(0)
    model = models.get_model(name, weights=None, **options)
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():  # such as the last layer of a ViT, which then has no gradient
            torch.nn.init.normal_(parameter, std=0.02)
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, path)
    return sum(parameter.numel() for parameter in model.parameters())


def settings_of(name: str, weights: Path, size: int, steps: int, share: float) -> Settings:
    """Gives the settings of a run of small stills by what suits the family."""
    tree = {
        "network": {"source": "torchvision", "name": name, "weights": str(weights)},
        "stills": {"width": size, "height": size, "steps": steps},
        "dream": {"residual_gradient": share},
    }
    settings = parse_settings(json.dumps(tree), "all_architectures")
    return Chosen(precision="float32", threads=torch.get_num_threads()).fill_in(settings)


def dream(network: Network, settings: Settings) -> list[DreamedStill]:
    """Dreams the two classes, together."""
    targets = [network.classes[index] for index in CLASSES]
    recipe = still_recipe(settings, targets, settings.network.describe())
    return list(dream_stills(network, recipe, [StillTask(target.aim, settings.run.seed) for target in targets]))


def problems_of(stills: list[DreamedStill]) -> Iterator[str]:
    """Tells what was wrong with dreams, if anything."""
    yield from sum((still.health for still in stills), Health()).complaints
    first, second = (still.picture for still in stills)
    if np.array_equal(first, second):
        yield "both classes look the same"
    if min(first.std(), second.std()) < 1:
        yield "a picture without contrast"


def measure(name: str, steps: int) -> Row:
    """Dreams with one architecture."""
    with TemporaryDirectory() as folder:
        weights = Path(folder) / "random.safetensors"
        parameters = write_random_weights(name, weights)
        source = settings_of(name, weights, 64, steps, 1.0).network
        loaded = source.load()
        network = Network(loaded, None, source.class_list(), device=torch.device("cpu"))
        problems: list[str] = []
        seconds: list[float] = []
        for share in SHARES if loaded.branches else SHARES[:1]:
            settings = settings_of(name, weights, network.size, steps, share)
            began = time.process_time()
            stills = dream(network, settings)
            seconds.append(time.process_time() - began)
            problems += [f"{problem} (residual gradient {share:g})" for problem in problems_of(stills)]
    return Row(name, network.size, parameters / 1e6, tuple(problems), 1000 * min(seconds) / steps / len(CLASSES))


def answer(name: str, options: argparse.Namespace, line: Connection) -> None:
    """Measures in a process of its own, with no more memory than it may take, and sends the row."""
    most = int(options.memory * GIGABYTE)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    prepare_thread(options.threads)
    try:
        row = measure(name, options.steps)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIGABYTE  # Linux counts in KiB
        line.send(replace(row, peak=peak) if options.peak else row)
    except Exception as error:  # noqa: BLE001  what goes wrong is what is asked for
        said = f"more than {options.memory:g} GB of memory" if is_out_of_memory(error) else f"{error}"
        line.send(Row(name, problems=((said.splitlines() or [type(error).__name__])[0],)))


def measured(name: str, options: argparse.Namespace) -> Row:
    """Measures in another process, so that what one takes is free again for the next."""
    ours, theirs = Pipe()
    process = get_context("fork").Process(target=answer, args=(name, options, theirs))
    process.start()
    theirs.close()
    try:
        row: Row = ours.recv()
    except EOFError:
        row = Row(name, problems=("its process was killed, perhaps for want of memory",))
    process.join()
    return row


def main() -> None:
    """Prints the table, a row as soon as it is known."""
    options = parser().parse_args()
    columns = [*COLUMNS, *(["memory"] if options.peak else [])]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in options.names or architecture_names():
        print(measured(name, options), flush=True)


if __name__ == "__main__":
    main()
