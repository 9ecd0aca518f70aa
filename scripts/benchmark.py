"""Measures how fast this machine dreams, beside the bare network, and what a whole render costs around the dreaming."""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarking.options import PARTS, Case, parse_cases

from renderer.common import tuning

EXAMPLES = f"""
parts: {", ".join(PARTS)}

examples:
  %(prog)s --json figures.json                     everything, with random weights; nothing is downloaded
  %(prog)s --weights squeezenet1_1.safetensors --only bare,stills,film
  %(prog)s --only film --films 1920x1080:1,2 --beside 2
  %(prog)s --device cuda --precisions float32,bfloat16 --compile --only bare,stills,film
  %(prog)s --quick                                 a few turns of each, to see that it works

A pass is one picture once through the network and back.
"""


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    answer = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    answer.add_argument("--network", default="torchvision:squeezenet1_1", help="who dreams, default %(default)s")
    answer.add_argument("--weights", help="its weights: a name of torchvision's, or a file; else random ones")
    answer.add_argument("--device", default="auto", help="cpu, cuda, cuda:0, mps or auto, default %(default)s")
    answer.add_argument("--threads", type=int, help="of the processor; by default as many as a render takes")
    answer.add_argument(
        "--precisions",
        type=_words,
        help="of the network; by default float32,bfloat16 for the bare one, and for the dreaming what a render takes",
    )
    answer.add_argument("--only", type=_parts, default=PARTS, metavar="A,B", help="these parts alone")
    answer.add_argument("--quick", action="store_true", help="few and short turns: tells that all works, and no more")
    answer.add_argument("--beside", type=int, default=0, metavar="N", help="also dream beside N processes that spin")
    answer.add_argument("--compile", action="store_true", help="torch.compile the bare network")
    answer.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    return _with_sizes(answer)


def _with_sizes(answer: argparse.ArgumentParser) -> argparse.ArgumentParser:
    sizes = answer.add_argument_group("what is measured")
    sizes.add_argument("--bare", type=_numbers, default=(1, 8, 16, 64), help="batches of the bare network")
    sizes.add_argument("--stills", type=parse_cases, default=(Case(224, 224, 8),), metavar="WxH:BATCH,BATCH")
    sizes.add_argument(
        "--films",
        type=parse_cases,
        nargs="+",
        action="extend",
        metavar="WxH:BATCH,BATCH",
        help="by default 512x512:1,8,16 1920x1080:1,2",
    )
    sizes.add_argument("--classes", type=_numbers, default=(10, 100, 1000), help="of the films whose memory is taken")
    sizes.add_argument("--render", type=parse_cases, default=(Case(512, 512, 4),), metavar="WxH:CHAINS")
    sizes.add_argument("--projected", type=int, default=1000, metavar="CLASSES", help="of the film that is projected")
    return answer


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _parts(text: str) -> tuple[str, ...]:
    unknown = set(_words(text)) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return _words(text)


def main() -> None:
    """Does what the command line asks for."""
    options = parser().parse_args()
    tuning.prepare()  # as the program does, before torch is imported
    from benchmarking.parts import measure  # noqa: PLC0415  it imports torch

    from renderer.common.errors import UserError  # noqa: PLC0415

    try:
        found = measure(options)
    except UserError as error:
        sys.exit(f"Error: {error}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
