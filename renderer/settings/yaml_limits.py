"""How much YAML is read: small files can stand for more than any memory holds, and nest deeper than any stack."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from renderer.common.errors import UserError

MOST_CHARACTERS = 1_000_000
"""Of settings: in the text, and in all values together once aliases are written out."""
MOST_VALUES = 50_000
"""Of settings, where an alias counts as all that it stands for; ImageNet-21k has 21,841 classes to select."""
MOST_LEVELS = 50
"""Of lists and mappings within each other; settings need five."""
LONGEST_NUMBER = 100
"""Characters of a number; the largest seed has 19."""
MOST_DUMPED_BYTES = 64 * 2**20
"""Of a file that this program has written."""


class Budget:
    """Counts what is built of settings, and refuses what is too much."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self._place = place
        self._values = self._characters = self._line = 0

    def take(self, line: int, level: int, characters: int = 0) -> None:
        """Count one more value.

        Args:
            line: Where it stands, counted from 1.
            level: How many lists and mappings it is in.
            characters: How long it is, if it is a text.

        Raises:
            UserError: It is too much.
        """
        self._line = max(self._line, line)  # What an alias stands for stands further up.
        self._values += 1
        self._characters += characters
        if level > MOST_LEVELS:
            raise UserError(
                f"{self._place(self._line)}: not valid settings: lists or mappings are nested too deeply, in more than "
                f"{MOST_LEVELS} levels; take the outer ones away"
            )
        if self._values > MOST_VALUES or self._characters > MOST_CHARACTERS:
            raise UserError(
                f"{self._place(self._line)}: too much to read: settings have at most {MOST_VALUES:,} values and "
                f"{MOST_CHARACTERS:,} characters, where an alias (*) counts as all that it stands for; write less, "
                "such as ranges or groups of classes instead of each class"
            )


def refuse_long(text: str, place: Callable[[int], str]) -> None:
    """Raise UserError if a text is too long for settings, before it is looked at."""
    if len(text) > MOST_CHARACTERS:
        raise UserError(
            f"{place(1)}: too long for settings: more than {MOST_CHARACTERS:,} characters; is it the right file?"
        )


def refuse_undumped(data: bytes, loader: type[yaml.SafeLoader]) -> None:
    """Refuse what `dump_yaml` never writes and what would overwhelm a loader: aliases, tags, depth, size, NUL.

    Reads events one by one, which needs no stack and next to no memory.

    Raises:
        yaml.YAMLError: It is no such YAML.
        ValueError: It is not UTF-8, or too long.
    """
    if len(data) > MOST_DUMPED_BYTES:
        raise ValueError(f"more than {MOST_DUMPED_BYTES:,} bytes")
    level = 0
    for event in yaml.parse(data, Loader=loader):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise yaml.YAMLError(f"nested in more than {MOST_LEVELS} levels")
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise yaml.YAMLError("anchors, aliases and tags have no use here")
        if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
            raise yaml.YAMLError("no text holds NUL")
