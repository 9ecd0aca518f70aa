"""What is asked for, in plain data: read before torch is."""

import argparse
import re
from dataclasses import dataclass

PARTS = ("bare", "stills", "film", "lucent", "stages", "render", "memory", "projection")


@dataclass(frozen=True)
class Case:
    """Pictures of a size that are stepped together."""

    width: int
    height: int
    batch: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}, batch {self.batch}"

    @property
    def size(self) -> str:
        """Width and height, in a word."""
        return f"{self.width}x{self.height}"


FILMS = tuple(Case(*one) for one in ((512, 512, 1), (512, 512, 8), (512, 512, 16), (1920, 1080, 1), (1920, 1080, 2)))


def parse_cases(text: str) -> tuple[Case, ...]:
    """Reads `512x512:1,8` as two cases."""
    match = re.fullmatch(r"(\d+)x(\d+):(\d+(?:,\d+)*)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size with batches, such as 512x512:1,8")
    width, height, batches = match.groups()
    return tuple(Case(int(width), int(height), int(batch)) for batch in batches.split(","))


def films(options: argparse.Namespace) -> tuple[Case, ...]:
    """The films that are asked for."""
    return tuple(case for cases in options.films for case in cases) if options.films else FILMS
