"""Which 1000 emoji: pictures of things first, no two alike."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from emojinet.glyphs import glyph_bank

COUNT = 1000
COMPARED_SIZE = 24
"""Pictures are compared at this size: what differs only in smaller detail counts as alike."""

TIERS = {
    "Animals & Nature": 0.55,
    "Food & Drink": 0.55,
    "Travel & Places": 0.55,
    "Activities": 0.55,
    "Objects": 0.55,
    "Smileys & Emotion": 0.8,
    "People & Body": 0.9,
    "Symbols": 1.1,
}
"""Groups in the order of preference, and how much each must differ from what was taken before; flags are in none."""

FAVORITES = frozenset({"red heart", "grinning face", "smiling face with heart-eyes", "crying face", "brain", "woman"})
"""Titles that are considered before all others, so that a lookalike cannot displace them."""

LEFT_OUT_SUBGROUPS = frozenset({"arrow", "av-symbol", "keycap", "alphanum", "geometric", "gender", "punctuation"})
LEFT_OUT_TITLES = re.compile(
    r".*\b(o\u2019clock|thirty|waxing|waning|last quarter|new moon|ATM sign|heart suit|hourglass done)\b.*"
    r"|middle finger"
    r"|(orange|yellow|green|blue|light blue|purple|brown|black|grey|white|pink) heart"
)

_LINE = re.compile(r"(?P<codes>[0-9A-F ]+?)\s*; fully-qualified\s*# (?P<character>\S+) E[\d.]+ (?P<title>.+)")


@dataclass(frozen=True)
class Emoji:
    """One class: the character, Unicode's short name for it, and where Unicode files it."""

    character: str
    title: str
    group: str
    subgroup: str


def read_emoji_test(path: Path) -> Iterator[Emoji]:
    """Yields the single-code-point emoji of Unicode's `emoji-test.txt`, in its order."""
    group = subgroup = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.partition(":")[2].strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.partition(":")[2].strip()
        elif (match := _LINE.match(line)) and is_single(match["codes"].split()):
            yield Emoji(match["character"], match["title"], group, subgroup)


def is_single(codes: Sequence[str]) -> bool:
    """Whether these code points are one, but for a trailing U+FE0F (the request for a color picture)."""
    return len(codes) == 1 or (len(codes) == 2 and codes[1] == "FE0F")


def candidates(path: Path) -> list[Emoji]:
    """Lists the emoji worth considering, those of the preferred groups first."""
    wanted = [e for e in read_emoji_test(path) if e.subgroup not in LEFT_OUT_SUBGROUPS]
    wanted = [e for e in wanted if not LEFT_OUT_TITLES.fullmatch(e.title)]
    ranks = {group: rank for rank, group in enumerate(TIERS)}
    return sorted((e for e in wanted if e.group in ranks), key=lambda e: (e.title not in FAVORITES, ranks[e.group]))


def distances(bank: Tensor) -> Tensor:
    """Root mean square difference between all pairs of pictures, mirrored or not, whichever is smaller."""
    pictures = bank.float() / 255
    small = functional.interpolate(pictures, size=(COMPARED_SIZE, COMPARED_SIZE), mode="area")
    plain, mirrored = small.flatten(1), small.flip(3).flatten(1)
    nearest: Tensor = torch.minimum(torch.cdist(plain, plain), torch.cdist(plain, mirrored))
    return nearest / plain.shape[1] ** 0.5


def unlike(table: Tensor, thresholds: Sequence[float]) -> list[int]:
    """Walks through the pictures in order, and takes each one that differs enough from all taken before it."""
    nearest = torch.full((len(table),), float("inf"))
    taken = []
    for index, threshold in enumerate(thresholds):
        if nearest[index] > threshold:
            taken.append(index)
            nearest = torch.minimum(nearest, table[index])
    return taken


def choose(emoji_test: Path, font: Path, count: int = COUNT) -> list[Emoji]:
    """Chooses `count` emoji at the strictest demand for unlikeness that leaves as many."""
    emoji = candidates(emoji_test)
    table = distances(glyph_bank(font, [e.character for e in emoji], 96))
    low, high = 0.0, 1.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        enough = len(unlike(table, [middle * TIERS[e.group] for e in emoji])) >= count
        low, high = (middle, high) if enough else (low, middle)
    taken = {emoji[index] for index in unlike(table, [low * TIERS[e.group] for e in emoji])[:count]}
    if len(taken) != count:
        raise ValueError(f"{emoji_test} and {font} give {len(taken)} different pictures, {count} are needed")
    return [e for e in read_emoji_test(emoji_test) if e in taken]


def write_classes(path: Path, emoji: Sequence[Emoji]) -> None:
    """Writes the class list as the package carries it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", *(field.name for field in fields(Emoji))])
        writer.writerows([index, *astuple(e)] for index, e in enumerate(emoji))


def read_classes(path: Path) -> list[Emoji]:
    """Reads what `write_classes` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return [Emoji(row["character"], row["title"], row["group"], row["subgroup"]) for row in rows]
