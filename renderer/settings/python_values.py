"""Settings as plain Python data: values that remember where they stand, within the same limits as YAML text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real

from renderer.common.errors import UserError
from renderer.common.section import Section
from renderer.common.wording import shortened
from renderer.settings.yaml_limits import LONGEST_NUMBER, Budget
from renderer.settings.yaml_source import Marked, usable_text

_LARGEST = 10**LONGEST_NUMBER


def mark(data: object, place: str, key: str = "") -> Marked:
    """Give plain data its places.

    Args:
        data: Mappings with text or whole numbers as keys, lists, tuples, ranges, text, paths, numbers, switches, None,
            and checked sections of settings.
        place: What begins a message about it, such as `settings`.
        key: The key whose value it is, where it is not all of the settings.

    Raises:
        UserError: Something of it is none of these, no file can hold it, or it is more than settings can need.
    """
    return _Reader(place, key).read(data)


class _Reader:
    """Builds marked values, and knows at which key it is."""

    def __init__(self, place: str, key: str) -> None:
        self._place, self._path = place, [key] if key else []
        self._budget = Budget(lambda _: place)

    def read(self, data: object) -> Marked:
        """The value and all that is in it."""
        self._budget.take(1, len(self._path), len(data) if isinstance(data, str) else 0)
        match data:
            case Section():
                return self.read(data.model_dump(mode="json"))
            case Mapping():
                entries = {self._key(key): self._below(str(key), value) for key, value in data.items()}
                return Marked(entries, self._place)
            case Sequence() if not isinstance(data, str | bytes | bytearray | memoryview):
                return Marked([self._below(f"[{number}]", value) for number, value in enumerate(data)], self._place)
            case _:
                return Marked(self._scalar(data), self._place)

    def _below(self, step: str, value: object) -> Marked:
        with self._at(step):
            return self.read(value)

    def _key(self, key: object) -> str:
        with self._at(repr(key)):
            if not isinstance(key, str | Real) or isinstance(key, bool):
                raise UserError(f"{self._named()}: a key must be text; write it as a word")
            return str(self._scalar(key))

    def _scalar(self, value: object) -> str | int | float | bool | None:
        match value:
            case None | bool():
                return value
            case os.PathLike():
                return self._scalar(os.fspath(value))
            case str():
                return usable_text(str(value), self._named())
            case Integral():
                return self._whole(int(value))
            case Real():
                return float(value)
            case _:
                raise UserError(
                    f"{self._named()}: {shortened(type(value).__name__)} is no kind of value that settings have; give "
                    "text, a number, a switch, a list or a mapping"
                )

    def _whole(self, number: int) -> int:
        if abs(number) >= _LARGEST:
            raise UserError(f"{self._named()}: a number of more than {LONGEST_NUMBER} digits; write a shorter one")
        return number

    @contextmanager
    def _at(self, step: str) -> Iterator[None]:
        self._path.append(step if step.startswith("[") else f".{shortened(step)}")
        try:
            yield
        finally:
            self._path.pop()

    def _named(self) -> str:
        """The place with the key that is being read."""
        return f"{self._place}: {''.join(self._path).removeprefix('.')}" if self._path else self._place
