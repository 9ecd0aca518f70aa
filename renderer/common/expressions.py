"""Short expressions of numbers, such as `1.15 + 0.3 * audio.low`: read by a parser of our own, never by Python's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from renderer.common.wording import did_you_mean, nearest

Known = Callable[[str], float]
"""Gives what a name stands for."""

LONGEST_EXPRESSION = 500
_DEEPEST = 30  # Of brackets and signs within each other.
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<sign>\*\*|<=|>=|[-+*/%(),<>]))"
)
_CONSTANTS = {"pi": math.pi, "tau": math.tau}


class ExpressionError(ValueError):
    """An expression cannot be read, or has no value."""


@dataclass(frozen=True)
class Function:
    """Something that is called by name.

    Attributes:
        apply: What it does.
        least: How few arguments it takes.
        most: How many.
    """

    apply: Callable[..., float]
    least: int
    most: int


def _clamp(value: float, lowest: float, highest: float) -> float:
    return min(max(value, lowest), highest)


def smoothstep(share: float) -> float:
    """From 0 at 0 to 1 at 1, at rest at both ends."""
    share = _clamp(share, 0.0, 1.0)
    return share * share * (3 - 2 * share)


def mix(first: float, second: float, share: float) -> float:
    """What lies between two numbers, by the share of the way from the first to the second."""
    return first + (second - first) * share


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(abs, 1, 1),
    "clamp": Function(_clamp, 3, 3),
    "cos": Function(math.cos, 1, 1),
    "exp": Function(math.exp, 1, 1),
    "floor": Function(math.floor, 1, 1),
    "max": Function(max, 2, 16),
    "min": Function(min, 2, 16),
    "mix": Function(mix, 3, 3),
    "sin": Function(math.sin, 1, 1),
    "smooth": Function(smoothstep, 1, 1),
    "sqrt": Function(math.sqrt, 1, 1),
}

Value = Callable[[Known], float]
"""What an expression is worth, told what the names in it stand for."""

_OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
    "**": math.pow,
}
_BINDING = {"<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3}  # `**` binds closer than a sign


@dataclass(frozen=True)
class Expression:
    """An expression that has been read.

    Attributes:
        text: As it is written.
        names: What must be known for it to have a value.
    """

    text: str
    names: frozenset[str]
    value: Value

    def at(self, known: Known) -> float:
        """Its value.

        Raises:
            ExpressionError: It has none, as where something is divided by 0.
        """
        try:
            value = float(self.value(known))
        except ExpressionError:  # What is asked for a name says what is missing.
            raise
        except ZeroDivisionError as error:
            raise ExpressionError("divides by 0") from error
        except (OverflowError, ValueError) as error:
            raise ExpressionError("is beyond all numbers, or is no number") from error
        if not math.isfinite(value):
            raise ExpressionError("is beyond all numbers, or is no number")
        return value


def read_expression(text: str, names: Collection[str], prefix: str | None = None) -> Expression:
    """Read an expression.

    Args:
        text: The expression.
        names: All names that it may use.
        prefix: Names that begin so may be used too.

    Raises:
        ExpressionError: It cannot be read; the message says where, and what to do.
    """
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"has {len(text):,} characters; write {LONGEST_EXPRESSION} at most")
    return _Reader(text, names, prefix).read()


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def _tokens(text: str) -> Iterator[_Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            place += len(text[place:]) - len(text[place:].lstrip())
            raise _at(place, f"{text[place]!r} has no meaning; write numbers, names, + - * / % ** and brackets")
        yield _Token(str(found.lastgroup), found[str(found.lastgroup)], found.start(str(found.lastgroup)))
        place = found.end()
    yield _Token("end", "", len(text))


def _at(place: int, problem: str) -> ExpressionError:
    return ExpressionError(f"at character {place + 1}: {problem}")


class _Reader:
    """Reads by precedence climbing, only so deep, or a long text would exhaust the stack."""

    def __init__(self, text: str, names: Collection[str], prefix: str | None) -> None:
        self._text, self._allowed, self._prefix = text, names, prefix
        self._tokens, self._next, self._depth = list(_tokens(text)), 0, 0
        self._names: set[str] = set()

    def read(self) -> Expression:
        value = self._sum(0)
        if self._token.kind != "end":
            raise self._unexpected()
        return Expression(self._text, frozenset(self._names), value)

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _takes(self, sign: str) -> bool:
        if self._token.kind == "sign" and self._token.text == sign:
            self._next += 1
            return True
        return False

    def _unexpected(self) -> ExpressionError:
        what = (
            "the expression ends too early"
            if self._token.kind == "end"
            else f"{self._token.text!r:.40} is not expected"
        )
        return _at(self._token.place, what)

    def _sum(self, binding: int) -> Value:
        """What is joined by signs that bind closer than the given one."""
        left = self._signed()
        while self._token.kind == "sign" and (own := _BINDING.get(self._token.text, 0)) > binding:
            left = _joined(self._take().text, left, self._sum(own))
        return left

    def _signed(self) -> Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _at(
                self._token.place, f"more than {_DEEPEST} brackets or signs are within each other; write it simpler"
            )
        if self._takes("-"):
            inner = self._signed()
            value: Value = lambda known: -inner(known)  # noqa: E731
        elif self._takes("+"):
            value = self._signed()
        else:
            value = self._power()
        self._depth -= 1
        return value

    def _power(self) -> Value:
        base = self._single()
        return _joined("**", base, self._signed()) if self._takes("**") else base

    def _single(self) -> Value:
        token = self._take() if self._token.kind != "end" else self._token
        if token.kind == "number":
            return _constant(float(token.text))
        if token.kind == "name":
            return self._call(token) if self._takes("(") else self._named(token)
        if token.text == "(":
            value = self._sum(0)
            self._close(token)
            return value
        if token.kind != "end":
            self._next -= 1
        raise self._unexpected()

    def _close(self, opened: _Token) -> None:
        if not self._takes(")"):
            raise _at(opened.place, "the bracket that opens here is not closed")

    def _named(self, token: _Token) -> Value:
        name = token.text
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        if name in FUNCTIONS:
            raise _at(token.place, f"{name} takes its values in brackets, as in {name}(t)")
        if name not in self._allowed and not (self._prefix and name.startswith(self._prefix)):
            remedy = did_you_mean(nearest(name, self._allowed)) or f"; there are {', '.join(self._allowed)}"
            raise _at(token.place, f"{name!r:.60} is not known{remedy}")
        self._names.add(name)
        return lambda known: known(name)

    def _call(self, token: _Token) -> Value:
        opened = self._tokens[self._next - 1]
        function = FUNCTIONS.get(token.text)
        if function is None:
            remedy = did_you_mean(nearest(token.text, FUNCTIONS)) or f"; there are {', '.join(FUNCTIONS)}"
            raise _at(token.place, f"there is no function {token.text!r:.60}{remedy}")
        values = [self._sum(0)]
        while self._takes(","):
            values.append(self._sum(0))
        self._close(opened)
        if not function.least <= len(values) <= function.most:
            wanted = f"{function.least}" if function.least == function.most else f"{function.least} or more"
            raise _at(token.place, f"{token.text} takes {wanted} values, not {len(values)}")
        return lambda known: function.apply(*[value(known) for value in values])


def _constant(value: float) -> Value:
    return lambda _known: value


def _joined(sign: str, left: Value, right: Value) -> Value:
    operation = _OPERATIONS[sign]
    return lambda known: operation(left(known), right(known))
