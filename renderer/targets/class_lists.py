"""The lists of classes that are known without a file of the user's."""

from __future__ import annotations

from pathlib import Path

from renderer.targets.class_files import load_class_file, table_rows
from renderer.targets.target import Target, class_target

_DATA = Path(__file__).parent / "data"
IMAGENET_CLASSES = 1000


def load_imagenet_classes() -> tuple[Target, ...]:
    """The 1000 ImageNet classes, with the hypernyms of WordNet as groups."""
    return load_class_file(_DATA / "imagenet_classes.csv")


def load_emoji_classes(path: Path = _DATA / "emoji_classes.csv") -> tuple[Target, ...]:
    """The classes of the embedded network, with the character as synonym and Unicode's groups as groups.

    Raises:
        UserError: The file is missing or wrong.
    """
    return tuple(
        class_target(index, row["title"], synonyms=(row["character"],), groups=(row["group"], row["subgroup"]))
        for index, row in enumerate(table_rows(path, ("index", "character", "title", "group", "subgroup")))
    )


def numbered_classes(count: int) -> tuple[Target, ...]:
    """So many classes of which nothing is known: `class 0`, `class 1`, ..."""
    return tuple(class_target(index, f"class {index}") for index in range(count))
