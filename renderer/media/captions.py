"""What the text over a frame says: templates filled with what is known of a class."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from renderer.common.errors import UserError
from renderer.common.wording import shortened
from renderer.targets.target import Guess, Score, Target, class_target

Value = str | int | float | None

_TOP = 5
_LONGEST_TEMPLATE = 500
_LONGEST_LINE = 500
_LARGEST_NUMBER = 100
"""In a format: as width or precision."""
_SCORE_FIELD = re.compile(r"logit|probability|rank|top\..*")
_DEFAULT_SPEC = {"logit": ".1f", "probability": ".1%"}


@dataclass(frozen=True)
class Caption:
    """What is known of a frame, for the templates to choose from.

    Attributes:
        target: What is shown.
        previous: The class that is shown before it, or None.
        next: The class that is shown after it, or None.
        position: Place of the class in the film, from 1.
        count: How many classes the film has.
        score: What the network says of the frame, where it was asked.
        top_titles: Titles of the classes in `score.top`, in the same order.
    """

    target: Target
    previous: Target | None
    next: Target | None
    position: int
    count: int
    score: Score | None = None
    top_titles: tuple[str, ...] = ()


def caption_at(
    targets: Sequence[Target],
    position: int,
    titles: Mapping[int, str],
    score: Score | None = None,
    shown: Sequence[int] | None = None,
    *,
    loops: bool = False,
) -> Caption:
    """What is known of one of a film's targets, and of one of its pictures.

    Args:
        targets: All of the film, in order.
        position: Place of the target, from 0.
        titles: Titles of the network's classes by index, for what it sees.
        score: What it says of the picture, where it was asked.
        shown: Places of the targets that are shown, in order, where they are not all; those before and after are of
            these.
        loops: Whether the first one follows the last, where all are shown.
    """
    places = range(len(targets)) if shown is None else shown
    order = places.index(position)
    goes_round = loops and len(places) == len(targets) > 1
    return Caption(
        target=targets[position],
        previous=targets[places[order - 1]] if order > 0 or goes_round else None,
        next=targets[places[(order + 1) % len(places)]] if order + 1 < len(places) or goes_round else None,
        position=position + 1,
        count=len(targets),
        score=score,
        top_titles=tuple(titles.get(guess.index, str(guess.index)) for guess in score.top) if score else (),
    )


def fill_templates(lines: Sequence[str], caption: Caption) -> tuple[str, ...]:
    """Fill templates that `check_templates` has accepted.

    A value that is missing, such as the title before the first class, is an empty text, and a line all of whose values
    are missing is empty as a whole. What is longer than anybody can read on a frame is cut.
    """
    values = _values(caption)
    return tuple(_fill(line, values) for line in lines)


def check_templates(lines: Sequence[str], key: str = "overlay.lines") -> None:
    """Find what is wrong with templates before anything is rendered.

    Args:
        lines: The templates.
        key: Where they stand in the settings.

    Raises:
        UserError: A template is malformed or too long, or names an unknown field, or formats a field as it cannot be
            formatted, or longer than any frame is wide.
    """
    for number, line in enumerate(lines):
        where = f"{key}[{number}]"
        if len(line) > _LONGEST_TEMPLATE:
            raise UserError(f"{where}: has {len(line):,} characters; write {_LONGEST_TEMPLATE} at most.")
        try:
            fields = list(_fields(line))
        except ValueError as error:
            remedy = "Write {{ and }} for plain braces."
            raise UserError(f"{where}: {line!r} is malformed: {error}. {remedy}") from error
        for field, spec, conversion in fields:
            _check_field(where, field, spec, conversion)


def templates_need_score(lines: Sequence[str]) -> bool:
    """Whether templates, accepted by `check_templates`, say anything of what the network sees."""
    return any(_SCORE_FIELD.fullmatch(field) for line in lines for field, _, _ in _fields(line))


def _fields(line: str) -> Iterator[tuple[str, str, str | None]]:
    for _, field, spec, conversion in string.Formatter().parse(line):
        if field is not None:
            yield field, spec or "", conversion


def _check_field(where: str, field: str, spec: str, conversion: str | None) -> None:
    if field not in _EXAMPLE:
        raise UserError(f"{where}: there is no field {{{field}}}; {_nearest(field)}")
    if conversion is not None or "{" in spec:
        raise UserError(f"{where}: {{{field}}} takes a plain format only, as in {{index:04d}} or {{probability:.0%}}.")
    if any(len(digits) > 5 or int(digits) > _LARGEST_NUMBER for digits in re.findall(r"\d+", spec)):
        raise UserError(
            f"{where}: {{{field}:{spec}}} asks for a width or precision above {_LARGEST_NUMBER}; write a smaller one."
        )
    try:
        _format(field, _EXAMPLE[field], spec)
    except ValueError as error:
        raise UserError(f"{where}: {{{field}:{spec}}} cannot be formatted: {error}.") from error


def _nearest(field: str) -> str:
    near = difflib.get_close_matches(field, _EXAMPLE, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(f"{{{name}}}" for name in near) + "?"
    return "known are " + ", ".join(f"{{{name}}}" for name in _EXAMPLE) + "."


def _fill(line: str, values: dict[str, Value]) -> str:
    text, known, fields = "", False, False
    for literal, field, spec, _ in string.Formatter().parse(line):
        text += literal
        if field is not None:
            fields = True
            known = known or values[field] not in (None, "")
            text += _format(field, values[field], spec or "")
    return shortened(one_line(text), _LONGEST_LINE) if known or not fields else ""


def _format(field: str, value: Value, spec: str) -> str:
    if value is None:
        return ""
    return format(value, spec or _DEFAULT_SPEC.get(field.rpartition(".")[2], ""))


def one_line(text: str) -> str:
    """A text without line breaks and other control characters, which fonts have no glyph for."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def _values(caption: Caption) -> dict[str, Value]:
    score = caption.score
    return {
        **target_values("", caption.target),
        **target_values("previous.", caption.previous),
        **target_values("next.", caption.next),
        "position": caption.position,
        "count": caption.count,
        "logit": score.activation if score else None,
        "probability": score.probability if score else None,
        "rank": score.rank if score else None,
        **_top_values(score.top if score else (), caption.top_titles),
    }


def target_values(prefix: str, target: Target | None) -> dict[str, Value]:
    """What templates may say of a target; the fields begin with the prefix."""
    return {
        f"{prefix}title": target.title if target else None,
        f"{prefix}index": target.index if target else None,
        f"{prefix}wnid": target.wnid if target else None,
        f"{prefix}synonyms": ", ".join(_others(target.synonyms, target.title)) if target else None,
        f"{prefix}group": target.group if target else None,
    }


def _others(synonyms: Iterable[str], title: str) -> Iterator[str]:
    return (synonym for synonym in synonyms if synonym != title)


def _top_values(top: Sequence[Guess], titles: Sequence[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for place in range(_TOP):
        values[f"top.{place}.title"] = titles[place] if place < len(titles) else None
        values[f"top.{place}.probability"] = top[place].probability if place < len(top) else None
    return values


_RECORD = class_target(0, "title", "n00000000", ("synonym",), ("group",))
_EXAMPLE = _values(
    Caption(_RECORD, _RECORD, _RECORD, 1, 1, Score(1.0, 0.5, 1, (Guess(0, 0.5),) * _TOP), ("title",) * _TOP)
)
