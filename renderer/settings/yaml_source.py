"""YAML text as values that remember where they stand, read by YAML 1.2's core schema.

PyYAML alone follows YAML 1.1, where `1e-3` is text, `0123` is 83, `1:30` is 90 and `no` is false. Here they are a
number, 123, text and text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.settings.yaml_limits import LONGEST_NUMBER, Budget, refuse_long, refuse_undumped

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"^(?:null|Null|NULL|~|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_CORE_SCHEMA: tuple[tuple[str, re.Pattern[str], list[str]], ...] = (
    ("null", _NULL, ["~", "n", "N", ""]),
    ("bool", _BOOL, list("tTfF")),
    ("int", _INT, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
    ("merge", re.compile(r"^<<$"), ["<"]),
)


@dataclass(frozen=True)
class Marked:
    """A value and where it stands.

    Attributes:
        value: A mapping or list of marked values, or a text, number, switch or None.
        place: What begins a message about it: `film.yaml:3` or `--set`.
    """

    value: dict[str, Marked] | list[Marked] | str | int | float | bool | None
    place: str

    def plain(self) -> Any:
        """The bare value."""
        match self.value:
            case dict() as entries:
                return {key: entry.plain() for key, entry in entries.items()}
            case list() as entries:
                return [entry.plain() for entry in entries]
            case value:
                return value


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's loader without YAML 1.1's meanings of plain text, and only for so much text."""

    def __init__(self, text: str, place: Callable[[int], str]) -> None:
        super().__init__(text)
        self._budget, self._level = Budget(place), 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._budget.take(event.start_mark.line + 1, self._level)
        self._level += 1
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


_FastLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _DumpedLoader(_FastLoader):  # type: ignore[valid-type, misc]
    """A fast loader, likewise; YAML 1.1 counts long numbers with colons for hours."""


class _CoreDumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # PyYAML itself folds some line breaks of Unicode into spaces; in double quotes it escapes them.
    return dumper.represent_scalar(f"{_TAG}str", text, style=None if text.isprintable() else '"')


_CoreDumper.add_representer(str, _represent_text)
_CoreLoader.yaml_implicit_resolvers = {}
_DumpedLoader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _CORE_SCHEMA:
    _CoreLoader.add_implicit_resolver(_TAG + _name, _pattern, _first)
    if _name != "merge":
        _CoreDumper.add_implicit_resolver(_TAG + _name, _pattern, _first)
        _DumpedLoader.add_implicit_resolver(_TAG + _name, _pattern, _first)


def parse_yaml(text: str, place: Callable[[int], str]) -> Marked:
    """Read one YAML document.

    Args:
        text: The document; an empty one is None.
        place: Names the place of a line, counted from 1.

    Returns:
        The document's value.

    Raises:
        UserError: The text is not YAML, a key is given twice, a value has a type that settings do not know, a text
            holds NUL, or it is more than settings can need.
    """
    refuse_long(text, place)
    try:
        node = _CoreLoader(text, place).get_single_node()
        return Marked(None, place(1)) if node is None else _Reader(place).read(node)
    except yaml.MarkedYAMLError as error:
        raise UserError(_syntax_message(error, place)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"U+{int(error.character):04X}"
        raise UserError(f"{place(line)}: not valid YAML: the character {character} must go; remove it") from error


def dump_yaml(data: Any) -> str:
    """Write plain data as YAML that `parse_yaml`, and readers of YAML 1.1 too, take for the same data."""
    return yaml.dump(data, Dumper=_CoreDumper, sort_keys=False, allow_unicode=True, width=120)


def read_dumped(data: bytes) -> Any:
    """Read what `dump_yaml` wrote, much faster than `parse_yaml` would.

    Raises:
        yaml.YAMLError: It is not YAML, or nothing that `dump_yaml` would write.
        ValueError: It is not UTF-8, too long, or a number in it is.
    """
    # A loader in C calls itself for each level, and would take the whole process down.
    refuse_undumped(data, _FastLoader)
    return yaml.load(data, Loader=_DumpedLoader)  # noqa: S506


def _syntax_message(error: yaml.MarkedYAMLError, place: Callable[[int], str]) -> str:
    mark = error.problem_mark or error.context_mark
    problem = shortened(error.problem or "cannot be read", 120)
    opened = ""
    if error.context and error.context_mark:
        opened = f" {error.context} that begins in line {error.context_mark.line + 1},"
    return f"{place(mark.line + 1 if mark else 1)}: not valid YAML:{opened} {problem}{_remedy(problem, error.context)}"


def _remedy(problem: str, context: str | None) -> str:
    if r"'\t'" in problem:
        return "; indent with spaces, not with tabs"
    if "another document" in problem:
        return "; keep one"
    if "flow" in (context or ""):
        return "; close every bracket and brace, and put text that holds one in quotes"
    if "alias" in problem + (context or ""):
        return "; put text that begins with * in quotes"
    if "mapping values" in problem:
        return '; put text that holds ": " in quotes, and give every key a line of its own'
    return "; put text with special characters in quotes"


class _Reader:
    """Builds marked values from PyYAML's nodes."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self._place = place
        self._budget = Budget(place)
        self._open: set[int] = set()
        self._path: list[str] = []

    def read(self, node: yaml.Node, line: int | None = None) -> Marked:
        """Build the value of a node; `line` is that of its key, where it has one."""
        line = (node.start_mark.line if line is None else line) + 1
        place = self._place(line)
        self._budget.take(line, len(self._open), len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
        if id(node) in self._open:
            raise UserError(f"{place}: an alias stands for something that contains it; write it out")
        self._open.add(id(node))
        try:
            match node:
                case yaml.MappingNode(tag=tag) if tag == f"{_TAG}map":
                    return Marked(self._mapping(node), place)
                case yaml.SequenceNode(tag=tag) if tag == f"{_TAG}seq":
                    return Marked([self.read(entry) for entry in node.value], place)
                case yaml.ScalarNode():
                    return Marked(_scalar(node, self._named(place)), place)
                case _:
                    raise UserError(f"{place}: the tag {shortened(node.tag)} has no meaning here; remove it")
        finally:
            self._open.remove(id(node))

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Marked]:
        merged: dict[str, Marked] = {}
        own: dict[str, Marked] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line
            if key_node.tag == f"{_TAG}merge":
                merged = self._merged(value_node) | merged
                continue
            key = self._key(key_node)
            self._path.append(key)
            if key in own:
                named = self._named(self._place(line + 1))
                raise UserError(f"{named} is given twice, first in line {lines[key]}; keep one")
            lines[key] = line + 1
            own[key] = self.read(value_node, line)
            self._path.pop()
        return merged | own

    def _key(self, node: yaml.Node) -> str:
        line = node.start_mark.line + 1
        place = self._place(line)
        if not isinstance(node, yaml.ScalarNode):
            raise UserError(f"{place}: a key must be a word, not a list or a mapping")
        self._budget.take(line, len(self._open), len(node.value))
        return usable_text(str(node.value), self._named(place))

    def _named(self, place: str) -> str:
        """The place with the key that is being read."""
        return f"{place}: {'.'.join(shortened(key) for key in self._path)}" if self._path else place

    def _merged(self, node: yaml.Node) -> dict[str, Marked]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Marked] = {}
        for source in sources:
            value = self.read(source).value
            if not isinstance(value, dict):
                raise UserError(f"{self._place(node.start_mark.line + 1)}: << takes a mapping or a list of mappings")
            merged = value | merged
        return merged


def _scalar(node: yaml.ScalarNode, place: str) -> str | int | float | bool | None:
    text = str(node.value)
    try:
        match node.tag.removeprefix(_TAG):
            case "str" | "merge":
                return usable_text(text, place)
            case "null":
                return None
            case "bool" if _BOOL.match(text):
                return text.lower() == "true"
            case "int" | "float" if len(text) > LONGEST_NUMBER:
                raise UserError(
                    f"{place}: the number {text[:20]}... has {len(text)} characters and cannot be read; write at most "
                    f"{LONGEST_NUMBER}, or put it in quotes if it is text"
                )
            case "int" if _INT.match(text):
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            case "float" if _FLOAT.match(text):
                return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
            case _:
                tag = shortened(node.tag)
                raise UserError(f"{place}: the value {text[:40]!r} does not go with the tag {tag}; remove the tag")
    except ValueError as error:
        raise UserError(f"{place}: the value {text[:20]!a} (shortened) cannot be read; mend it") from error


def usable_text(text: str, place: str) -> str:
    """The text itself, if files, films and pages can hold it; raises UserError, which begins with the place."""
    if "\0" in text:
        raise UserError(f"{place}: holds the character NUL (\\0), which no title and no path can hold; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{place}: {text[:20]!a} (shortened) cannot be read, for half a character; mend it") from error
    return text
