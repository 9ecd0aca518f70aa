"""Trains, measures and exports the classifier of 1000 emoji that the package ships."""

import argparse
import sys
from pathlib import Path

import torch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from emojinet.augment import Glyphs  # noqa: E402
from emojinet.choice import Emoji, choose, read_classes, write_classes  # noqa: E402
from emojinet.export import export, load_any  # noqa: E402
from emojinet.glyphs import glyph_bank  # noqa: E402
from emojinet.measure import accuracies, recognized  # noqa: E402
from emojinet.train import Recipe, Training, scaled  # noqa: E402

WEIGHTS = REPOSITORY / "renderer/networks/data/emojinet.safetensors"
CLASSES = REPOSITORY / "renderer/targets/data/emoji_classes.csv"
BANK_SIZE = 128
RECIPE = Recipe()

EXAMPLES = """
examples:
  %(prog)s                              train the shipped network; continues an interrupted training
  %(prog)s --evaluate                   accuracy of the checkpoint, clean and under attack
  %(prog)s --export                     write the weights and the class list that the package carries
  %(prog)s --evaluate --checkpoint renderer/networks/data/emojinet.safetensors
  %(prog)s --checkpoint judge.pt --width 12 --seed 1 --steps 600      a judge: another width, another seed
  %(prog)s --checkpoint judge.pt --export --weights judge.safetensors
  %(prog)s --checkpoint judge.safetensors --recognize runs/emoji     does the judge recognize the stills of a run?
  %(prog)s --choose                     choose the 1000 emoji anew, from Unicode's list and the font

fonts and list on Debian: apt install fonts-noto-color-emoji unicode-data
"""


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    action = answer.add_mutually_exclusive_group()
    action.add_argument("--choose", action="store_true", help="write the class list anew, and train nothing")
    action.add_argument("--evaluate", action="store_true", help="print accuracy on held-out augmentations")
    action.add_argument("--recognize", type=Path, metavar="RUN", help="print how many stills of a run it recognizes")
    action.add_argument("--export", action="store_true", help="write the files that the package carries")
    answer.add_argument("--checkpoint", type=Path, default=Path("emojinet.pt"), help="default: %(default)s")
    answer.add_argument("--width", type=int, help=f"channels of the first convolution, default {RECIPE.width}")
    answer.add_argument("--seed", type=int, help=f"default {RECIPE.seed}")
    answer.add_argument("--steps", type=int, help=f"training steps in all, default {RECIPE.steps}")
    answer.add_argument("--radius", type=float, help=f"attack radius at 64x64, default {RECIPE.radius}")
    answer.add_argument("--weights", type=Path, default=WEIGHTS, help="file to export to, default: the shipped one")
    answer.add_argument("--pictures", type=int, default=4000, help="pictures to evaluate on, default %(default)s")
    answer.add_argument("--size", type=int, help="their side, default: the network's input size")
    answer.add_argument("--threads", type=int, help="processor threads")
    answer.add_argument("--device", default="cpu", help="cpu or cuda, default %(default)s")
    answer.add_argument("--font", type=Path, default=Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"))
    answer.add_argument("--emoji-test", type=Path, default=Path("/usr/share/unicode/emoji/emoji-test.txt"))
    return answer


def load_glyphs(options: argparse.Namespace, emoji: list[Emoji]) -> Glyphs:
    """Draws the pictures of all classes."""
    return Glyphs.of(emoji, glyph_bank(options.font, [e.character for e in emoji], BANK_SIZE))


def train(options: argparse.Namespace) -> None:
    """Trains to the end, from the checkpoint where there is one."""
    device = torch.device(options.device)
    given = {name: getattr(options, name) for name in ("width", "seed", "steps", "radius")}
    changes = {name: value for name, value in given.items() if value is not None}
    if options.checkpoint.exists():
        training = Training.load(options.checkpoint, device, **changes)
    else:
        training = Training(Recipe(**changes), read_classes(CLASSES), device)
    print(f"{options.checkpoint}: step {training.step}, {training.recipe}", flush=True)
    training.run(load_glyphs(options, training.emoji), options.checkpoint, torch.get_num_threads())


def evaluate(options: argparse.Namespace) -> None:
    """Prints clean and attacked accuracy."""
    network, size, emoji = load_any(options.checkpoint, torch.device(options.device))
    glyphs = load_glyphs(options, emoji or read_classes(CLASSES))
    size = options.size or size
    radius = scaled(1.0, size)
    clean, attacked = accuracies(network, glyphs, size=size, count=options.pictures, radius=radius)
    print(f"{options.checkpoint}: {options.pictures} held-out augmentations of {size}x{size}")
    print(f"clean accuracy                                  {clean:.2%}")
    print(f"under a 10-step L2 attack of radius {radius:.2f}        {attacked:.2%}")


def recognize(options: argparse.Namespace) -> None:
    """Prints how many stills of a run the network puts into their class, and which it does not."""
    network, size, _ = load_any(options.checkpoint, torch.device(options.device))
    answers = recognized(network, size, options.recognize)
    share = sum(right for _, right in answers) / len(answers)
    print(f"{options.checkpoint}: top-1 {share:.2%} of {len(answers)} stills in {options.recognize}")
    print("not recognized:", ", ".join(title for title, right in answers if not right) or "none")


def write_shipped(options: argparse.Namespace) -> None:
    """Writes the averaged weights and, if they are to be shipped, the class list."""
    training = Training.load(options.checkpoint, torch.device(options.device))
    export(training, options.weights)
    if options.weights == WEIGHTS:
        write_classes(CLASSES, training.emoji)


def main() -> None:
    """Does what the command line asks for."""
    options = parser().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.choose:
        write_classes(CLASSES, choose(options.emoji_test, options.font))
    elif options.evaluate:
        evaluate(options)
    elif options.recognize:
        recognize(options)
    elif options.export:
        write_shipped(options)
    else:
        train(options)


if __name__ == "__main__":
    main()
